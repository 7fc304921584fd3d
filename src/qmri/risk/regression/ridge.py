"""Ridge regression whose penalty the data choose: lambda of the largest marginal likelihood.

With normal priors of variance 1/lambda on standardised coefficients, Laplace's approximation gives

    ln m(lambda) = l(b) - lambda/2 b'b + p/2 ln lambda - 1/2 ln |H + lambda I|,    b the mode at lambda

(MacKay 1992, 10.1162/neco.1992.4.3.415). Against plain likelihood it keeps the calibration slope on new
patients near 1 with few events (docs/risk.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from qmri.risk.regression.logistic import LogisticFit, fit_logistic, with_intercept

Values = NDArray[np.float64]

RANGE = (1e-3, 1e2)
"""Least and largest lambda, in units of n p (1 - p), the information of a standardised term."""
GRID = 8
SPAN, AVERAGED = 4.0, 25
"""Range of ln lambda about the chosen one, and its points, over which the covariance is averaged."""
PRECISION = 1e-2
"""Of ln lambda: the maximum is flat, and 1 % of lambda moves no risk by more than 1e-4."""


def log_marginal_likelihood(fit: LogisticFit) -> float:
    """Return Laplace's approximation of the log marginal likelihood at the fit's penalty."""
    slopes = fit.coefficients[1:]
    _, log_determinant = np.linalg.slogdet(fit.penalised_information)
    return float(
        fit.log_likelihood
        - fit.penalty / 2 * slopes @ slopes
        + len(slopes) / 2 * np.log(fit.penalty)
        - log_determinant / 2
    )


def fit_ridge(Z: Values, y: Values) -> LogisticFit:
    """Fit standardised terms with the penalty of the largest marginal likelihood.

    Parameters
    ----------
    Z
        (n, p) terms, standardised, complete.
    y
        (n,) outcomes, 0 or 1.
    """
    X = with_intercept(Z)
    unit = len(y) * max(float(y.mean() * (1 - y.mean())), 1e-6)
    low, high = (float(np.log(unit * bound)) for bound in RANGE)
    fits: dict[float, LogisticFit] = {}
    last: list[LogisticFit] = []

    def cost(log_penalty: float) -> float:
        start = last[-1].coefficients if last else None
        fit = fit_logistic(X, y, penalty=float(np.exp(log_penalty)), start=start)
        fits[log_penalty] = fit
        last.append(fit)
        return -log_marginal_likelihood(fit)

    grid = np.linspace(high, low, GRID)
    costs = [cost(float(point)) for point in grid]
    best = int(np.argmin(costs))
    ends = sorted((float(grid[max(best - 1, 0)]), float(grid[min(best + 1, GRID - 1)])))
    found = minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": PRECISION})
    at = float(found.x) if found.fun < costs[best] else float(grid[best])
    return fits[at]


def covariance_over_penalties(Z: Values, y: Values, fit: LogisticFit) -> Values:
    """Return the covariance (1 + p, 1 + p) of the coefficients, the doubt about the penalty included.

    lambda is estimated too. With weights proportional to the marginal likelihood over ln lambda,

        sum_k w_k (V_k + (b_k - b)(b_k - b)')

    is the spread about the coefficients b that are used (Kass and Steffey 1989,
    10.1080/01621459.1989.10478825).
    """
    X = with_intercept(Z)
    fits = [
        fit_logistic(X, y, penalty=fit.penalty * float(np.exp(step)), start=fit.coefficients)
        for step in np.linspace(-SPAN, SPAN, AVERAGED)
    ]
    log_weight = np.array([log_marginal_likelihood(one) for one in fits])
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    away = [one.coefficients - fit.coefficients for one in fits]
    parts = [w * (one.covariance + np.outer(d, d)) for w, one, d in zip(weight, fits, away, strict=True)]
    return np.asarray(np.sum(parts, axis=0))
