"""Logistic regression with a quadratic penalty: one Newton iteration, used by everything that is fitted.

The penalised log-likelihood of coefficients b, intercept first, is

    l(b) - lambda / 2 sum_{j >= 1} b_j^2,      l(b) = sum_i y_i eta_i - ln(1 + exp(eta_i)),   eta = X b.

The intercept is free. H = X' W X with W = p (1 - p) is the information of l.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Values = NDArray[np.float64]

MOST_STEPS = 60
SETTLED = 1e-9
LEAST_PENALTY = 1e-6
"""Keeps coefficients finite where the data separate; of no account elsewhere."""


@dataclass(frozen=True)
class LogisticFit:
    """A maximum of the penalised likelihood.

    Attributes
    ----------
    coefficients
        (1 + p,) intercept first.
    information
        (1 + p, 1 + p) H, without the penalty.
    log_likelihood
        l(b), without the penalty.
    penalty
        lambda.
    """

    coefficients: Values
    information: Values
    log_likelihood: float
    penalty: float

    @property
    def penalised_information(self) -> Values:
        """H + lambda I, the intercept free; (1 + p, 1 + p)."""
        return self.information + np.diag(penalty_diagonal(len(self.coefficients), self.penalty))

    @property
    def covariance(self) -> Values:
        """(H + lambda I)^-1; (1 + p, 1 + p)."""
        inverse = np.linalg.inv(self.penalised_information)
        return (inverse + inverse.T) / 2


def penalty_diagonal(count: int, penalty: float) -> Values:
    """Return the penalty of each of `count` coefficients, none for the first; (count,)."""
    diagonal = np.full(count, penalty)
    diagonal[0] = 0.0
    return diagonal


def log_likelihood(eta: Values, y: Values) -> float:
    """Return the log-likelihood of outcomes y (n,) under the linear predictor eta (n,)."""
    return float(y @ eta - np.logaddexp(0.0, eta).sum())


def with_intercept(terms: Values) -> Values:
    """Return (n, 1 + p) with a column of ones before (n, p)."""
    return np.column_stack([np.ones(len(terms)), terms])


def fit_logistic(
    X: Values,
    y: Values,
    *,
    penalty: float = LEAST_PENALTY,
    start: Values | None = None,
    offset: Values | float = 0.0,
) -> LogisticFit:
    """Maximise the penalised likelihood by Newton's method with halved steps where one overshoots.

    Parameters
    ----------
    X
        (n, 1 + p) with the column of ones first.
    y
        (n,) outcomes, 0 or 1.
    penalty
        lambda.
    start
        (1 + p,) where to begin; the log odds of the mean, and zeros, by default.
    offset
        (n,) added to the linear predictor.
    """
    ridge = penalty_diagonal(X.shape[1], penalty)
    b = _start(X, y) if start is None else start
    eta = X @ b + offset
    value = log_likelihood(eta, y) - 0.5 * float(ridge @ b**2)
    for _ in range(MOST_STEPS):
        p = expit(eta)
        gradient = X.T @ (y - p) - ridge * b
        information = (X * (p * (1 - p))[:, None]).T @ X
        step = np.linalg.solve(information + np.diag(ridge + 1e-12), gradient)
        gain = float(gradient @ step)
        if gain < SETTLED:
            break
        scale = 1.0
        while True:
            tried = b + scale * step
            eta = X @ tried + offset
            new = log_likelihood(eta, y) - 0.5 * float(ridge @ tried**2)
            if new >= value or scale < 1e-6:
                break
            scale /= 2
        b, value = tried, new
    p = expit(eta)
    information = (X * (p * (1 - p))[:, None]).T @ X
    return LogisticFit(b, information, log_likelihood(eta, y), penalty)


def _start(X: Values, y: Values) -> Values:
    b = np.zeros(X.shape[1])
    mean = min(max(float(y.mean()), 1e-6), 1 - 1e-6)
    b[0] = np.log(mean / (1 - mean))
    return b
