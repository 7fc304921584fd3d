"""How sure an individual risk is: parameters, markers, gaps, and what no term knows.

The variance of the linear predictor of a patient x (standardised, intercept first) is

    x' V x  +  sum_j b_j^2 s_j^2 / r_j  +  b_M' S_M|O b_M  +  u^2,

V the covariance (H + lambda I)^-1 of the coefficients, averaged over lambda (`ridge`); s_j the error of
marker j in this patient and r_j its reliability 1 - mean(s_j^2) / var(x_j): with a true marker m and
x = m + e, the coefficient of m is b / r and the variance of m given x is s^2 r. The third part is what the
known terms leave open about missing ones. Patients alike in all terms still differ in risk; outcomes of yes
or no cannot tell by how much, so u is an assumption (configuration).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from qmri.risk.cohort.impute import Completed
from qmri.risk.regression.logistic import with_intercept

Values = NDArray[np.float64]

LEAST_RELIABILITY = 0.3
"""A marker that is mostly error says little about what its error does; below this the error counts so."""


@dataclass(frozen=True)
class Risks:
    """Individual risks.

    Attributes
    ----------
    risk, low, high
        (n,) risks 0-1 and the limits of their interval.
    error
        (n,) standard error of the linear predictor.
    linear
        (n,) linear predictor.
    """

    risk: Values
    low: Values
    high: Values
    error: Values
    linear: Values


def reliability(marker_errors: Values, spread: Values) -> Values:
    """Return the share of each term's variance that is not error, (p,).

    Parameters
    ----------
    marker_errors
        (n, p) standard errors, in the unit of `spread`; 0 for a term without error.
    spread
        (p,) standard deviation of the terms.
    """
    share = np.nanmean(np.square(marker_errors), axis=0) / np.square(spread)
    return np.asarray(np.maximum(1 - share, LEAST_RELIABILITY))


def risks_with_interval(
    completed: Completed,
    coefficients: Values,
    covariance: Values,
    *,
    marker_errors: Values,
    reliabilities: Values,
    unmeasured_sd: float,
    level: float,
) -> Risks:
    """Return risks with their intervals.

    Parameters
    ----------
    completed
        Standardised terms without gaps, and the covariance of the gaps.
    coefficients, covariance
        (1 + p,) and (1 + p, 1 + p), intercept first, for standardised terms.
    marker_errors
        (n, p) standard errors in standard deviations of the term; 0 at a gap.
    reliabilities
        (p,).
    unmeasured_sd
        u, on the scale of log odds.
    level
        Of the interval: 0.9.
    """
    X = with_intercept(completed.terms)
    slopes = coefficients[1:]
    variance = np.einsum("ij,jk,ik->i", X, covariance, X)
    variance = variance + np.square(marker_errors) @ (np.square(slopes) / reliabilities)
    variance = variance + np.einsum("j,ijk,k->i", slopes, completed.gap_covariance, slopes)
    linear, error = X @ coefficients, np.sqrt(variance + unmeasured_sd**2)
    half = norm.ppf(0.5 + level / 2) * error
    low, high = linear - half, linear + half
    return Risks(expit(linear), expit(low), expit(high), error=error, linear=linear)
