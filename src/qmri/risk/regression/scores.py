"""ODI and VAS at one year: ridge regression on the baseline score and the terms of the model.

With v the residual variance and v / lambda the prior variance of a standardised slope, lambda maximises
the marginal likelihood, which is closed in the singular values of the terms; intercept and baseline are free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Values = NDArray[np.float64]

LEAST_PATIENTS_PER_PARAMETER = 5


@dataclass(frozen=True)
class ScoreModel:
    """A regression of a score at one year.

    Attributes
    ----------
    coefficients
        (2 + p,) intercept, baseline score, standardised terms.
    covariance
        (2 + p, 2 + p) of the coefficients.
    residual_sd
        Standard deviation about the prediction.
    penalty
        lambda.
    n
        Patients with both scores.
    r2, r2_cross_validated
        Share of the variance explained: in these patients, and by 10-fold cross-validation.
    """

    coefficients: Values
    covariance: Values
    residual_sd: float
    penalty: float
    n: int
    r2: float
    r2_cross_validated: float


@dataclass(frozen=True)
class _Fit:
    coefficients: Values
    covariance: Values
    residual_sd: float
    penalty: float


def fit_score(Z: Values, baseline: Values, score: Values, seed: int = 0) -> ScoreModel | None:
    """Fit a score at one year; None where there are fewer than 5 patients for each coefficient.

    Parameters
    ----------
    Z
        (n, p) standardised terms without gaps.
    baseline, score
        (n,) before and at one year, NaN where missing.
    seed
        Of the folds.
    """
    rows = np.flatnonzero(np.isfinite(baseline) & np.isfinite(score))
    X = np.column_stack([np.ones(len(rows)), baseline[rows], Z[rows]])
    y = score[rows]
    if len(rows) < LEAST_PATIENTS_PER_PARAMETER * X.shape[1] or np.ptp(y) == 0 or np.ptp(X[:, 1]) == 0:
        return None
    fit = _ridge(X, y)
    order = np.random.default_rng(seed).permutation(len(rows))
    out = np.empty(len(rows))
    for fold in range(10):
        held = np.sort(order[fold::10])
        kept = np.setdiff1d(order, held)
        out[held] = X[held] @ _ridge(X[kept], y[kept]).coefficients
    total = float(np.sum((y - y.mean()) ** 2))
    return ScoreModel(
        fit.coefficients,
        fit.covariance,
        fit.residual_sd,
        fit.penalty,
        len(rows),
        r2=1 - float(np.sum((y - X @ fit.coefficients) ** 2)) / total,
        r2_cross_validated=1 - float(np.sum((y - out) ** 2)) / total,
    )


def _ridge(X: Values, y: Values) -> _Fit:
    """Fit with the first two columns free and the penalty of the largest marginal likelihood."""
    n, width = int(X.shape[0]), int(X.shape[1])
    free = X[:, :2]
    basis, _ = np.linalg.qr(free)
    rest = X[:, 2:] - basis @ (basis.T @ X[:, 2:])
    left, singular, _ = np.linalg.svd(rest, full_matrices=False)
    residual = y - basis @ (basis.T @ y)
    projected = left.T @ residual
    beyond: float = max(float(residual @ residual - projected @ projected), 1e-12)
    degrees = n - 2

    def variance(penalty: float) -> float:
        left_over = float(np.sum(projected**2 * penalty / (singular**2 + penalty)))
        return (beyond + left_over) / degrees

    def cost(log_penalty: float) -> float:
        penalty = float(np.exp(log_penalty))
        spread = float(np.sum(np.log1p(singular**2 / penalty)))
        return degrees * float(np.log(variance(penalty))) + spread

    found = minimize_scalar(cost, bounds=(np.log(n * 1e-4), np.log(n * 1e3)), method="bounded")
    penalty = float(np.exp(found.x))
    ridge = np.zeros(width)
    ridge[2:] = penalty
    inverse = np.linalg.inv(X.T @ X + np.diag(ridge))
    return _Fit(
        inverse @ (X.T @ y),
        variance(penalty) * (inverse + inverse.T) / 2,
        float(np.sqrt(variance(penalty))),
        penalty,
    )
