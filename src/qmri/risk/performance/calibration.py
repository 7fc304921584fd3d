"""Calibration: do as many have the event as the risks say, over the whole and along the scale.

Slope and intercept are those of a logistic regression on the logit of the risk (the intercept with the
slope held at 1); the curve is a logistic regression on natural splines of that logit, and the ICI the mean
distance between curve and diagonal (Austin and Steyerberg 2019, 10.1002/sim.8281).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from qmri.risk.performance.discrimination import Z95, auc
from qmri.risk.regression.logistic import LogisticFit, fit_logistic, with_intercept

Values = NDArray[np.float64]

KNOTS_AT = (0.05, 0.35, 0.65, 0.95)
CURVE_PENALTY = 1e-3


@dataclass(frozen=True)
class Measures:
    """How good risks are for outcomes.

    Attributes
    ----------
    auc
        Discrimination.
    slope, intercept
        1 and 0 are perfect; a slope below 1 says that high risks are too high and low ones too low.
    oe
        Observed over expected events.
    brier
        Mean squared distance of outcome and risk.
    ici
        Mean distance of risk and calibration curve.
    """

    auc: float
    slope: float
    intercept: float
    oe: float
    brier: float
    ici: float


@dataclass(frozen=True)
class CalibrationCurve:
    """Observed against predicted risk.

    Attributes
    ----------
    predicted, observed, low, high
        (k,) grid of predicted risks, the smooth observed risk, and its 95 % interval.
    group_predicted, group_observed, group_n
        Mean risk, share of events and size of tenths of the patients.
    """

    predicted: Values
    observed: Values
    low: Values
    high: Values
    group_predicted: Values
    group_observed: Values
    group_n: NDArray[np.int64]


def measures(risk: Values, y: Values) -> Measures:
    """Return how good risks (n,) are for outcomes (n,)."""
    eta = _logit(risk)
    slope = fit_logistic(with_intercept(eta[:, None]), y).coefficients[1] if np.ptp(eta) > 0 else 0.0
    large = fit_logistic(np.ones((len(y), 1)), y, offset=eta).coefficients[0]
    return Measures(
        auc=auc(risk, y),
        slope=float(slope),
        intercept=float(large),
        oe=float(y.sum() / risk.sum()),
        brier=float(np.mean((y - risk) ** 2)),
        ici=float(np.mean(np.abs(_smooth(eta, y)[1] - risk)))
        if np.ptp(eta) > 0
        else abs(float(y.mean() - risk.mean())),
    )


def calibration_curve(risk: Values, y: Values, points: int = 60) -> CalibrationCurve:
    """Return the smooth curve over the middle 98 % of the risks, and the tenths; outcomes and risks (n,)."""
    eta = _logit(risk)
    fit, _ = _smooth(eta, y)
    grid = np.linspace(float(np.quantile(eta, 0.01)), float(np.quantile(eta, 0.99)), points)
    basis = with_intercept(natural_splines(grid, _knots(eta)))
    line = basis @ fit.coefficients
    error = Z95 * np.sqrt(np.einsum("ij,jk,ik->i", basis, fit.covariance, basis))
    tenths = np.array_split(np.argsort(risk, kind="stable"), 10)
    return CalibrationCurve(
        expit(grid),
        expit(line),
        expit(line - error),
        expit(line + error),
        np.array([risk[rows].mean() for rows in tenths]),
        np.array([y[rows].mean() for rows in tenths]),
        np.array([len(rows) for rows in tenths]),
    )


def natural_splines(x: Values, knots: Values) -> Values:
    """Return the (n, k - 1) terms of a cubic spline that is a straight line beyond its k knots.

    Harrell 2015, 10.1007/978-3-319-19425-7, section 2.4.5.
    """
    first, before, last = knots[0], knots[-2], knots[-1]

    def cube(knot: float) -> Values:
        return np.maximum(x - knot, 0.0) ** 3

    terms = [x]
    for knot in knots[:-2]:
        bent = cube(knot) - (cube(before) * (last - knot) - cube(last) * (before - knot)) / (last - before)
        terms.append(bent / (last - first) ** 2)
    return np.column_stack(terms)


def _smooth(eta: Values, y: Values) -> tuple[LogisticFit, Values]:
    basis = with_intercept(natural_splines(eta, _knots(eta)))
    fit = fit_logistic(basis, y, penalty=CURVE_PENALTY)
    return fit, expit(basis @ fit.coefficients)


def _knots(eta: Values) -> Values:
    knots = np.quantile(eta, KNOTS_AT)
    if np.diff(knots).min() <= 0:
        knots = np.linspace(eta.min(), eta.max(), len(KNOTS_AT))
    return knots


def _logit(risk: Values) -> Values:
    return np.asarray(logit(np.clip(risk, 1e-9, 1 - 1e-9)))


def slope_error(risk: Values, y: Values) -> float:
    """Return the standard error of the calibration slope; 0 for risks that are all the same.

    Outcomes and risks (n,).
    """
    eta = _logit(risk)
    if np.ptp(eta) == 0:
        return 0.0
    return float(np.sqrt(fit_logistic(with_intercept(eta[:, None]), y).covariance[1, 1]))
