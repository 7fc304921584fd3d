"""The frozen model, in natural units: what `apply` needs and a person can recompute by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from qmri.risk.cohort.impute import NormalModel, complete
from qmri.risk.performance.interval import Risks, risks_with_interval
from qmri.risk.procedure import Fitted, Scale
from qmri.risk.regression.conditional_logit import LevelModel
from qmri.risk.regression.scores import ScoreModel
from qmri.risk.terms import Term

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreRegression:
    """ODI or VAS at one year, in natural units.

    Attributes
    ----------
    coefficients, covariance
        (2 + p,) and (2 + p, 2 + p): intercept, baseline score, terms.
    residual_sd
        Standard deviation about the prediction.
    n, r2, r2_cross_validated
        Patients, and share of the variance explained.
    """

    coefficients: Values
    covariance: Values
    residual_sd: float
    n: int
    r2: float
    r2_cross_validated: float


@dataclass(frozen=True)
class RiskModel:
    """A model of the risk of a new fracture within a year.

    Attributes
    ----------
    terms
        (p,) predictors; everything below has their order.
    coefficients, covariance
        (1 + p,) and (1 + p, 1 + p) per natural unit, intercept first: log odds, and their covariance.
    penalty
        lambda, of standardised terms.
    scale
        Mean and standard deviation of the terms in the patients that the model was made from.
    normal
        Their normal distribution in natural units, by which gaps are filled.
    reliability
        (p,) share of each term's variance that is not error.
    lowest, highest
        (p,) range of the terms.
    levels
        Shares of the levels.
    scores
        ODI and VAS at one year, where enough patients have them: ``odi``, ``vas``.
    origin
        field_t, fat_model_id and recon_mode of the maps.
    moment, preoperative_session, interval_level, unmeasured_sd, outcome_window_days
        As in the configuration.
    n, events
        Patients with a known outcome, and those with a new fracture.
    exploratory
        Whether the sample is smaller than Riley's criteria ask for.
    data_sha256
        Of the terms and outcomes that it was made from.
    """

    terms: tuple[Term, ...]
    coefficients: Values
    covariance: Values
    penalty: float
    scale: Scale
    normal: NormalModel
    reliability: Values
    lowest: Values
    highest: Values
    levels: LevelModel
    scores: Mapping[str, ScoreRegression]
    origin: Mapping[str, str | None]
    moment: str
    preoperative_session: str
    interval_level: float
    unmeasured_sd: float
    outcome_window_days: tuple[int, int]
    n: int
    events: int
    exploratory: bool
    data_sha256: str

    def risks(self, values: Values, errors: Values) -> Risks:
        """Return the risks of patients.

        Parameters
        ----------
        values, errors
            (n, p) terms in natural units, NaN where missing, and standard errors of the markers.
        """
        return risks_with_interval(
            complete(values, self.normal),
            self.coefficients,
            self.covariance,
            marker_errors=errors,
            reliabilities=self.reliability,
            unmeasured_sd=self.unmeasured_sd,
            level=self.interval_level,
        )

    def outside(self, values: Values) -> NDArray[np.bool_]:
        """Return (n, p) which terms lie outside the range; a missing one does not."""
        with np.errstate(invalid="ignore"):
            return (values < self.lowest - 1e-9) | (values > self.highest + 1e-9)

    def expected_score(self, score: str, values: Values, baseline: Values) -> tuple[Values, Values, Values]:
        """Return a score at one year with its prediction interval, (n,) each; NaN without a baseline."""
        regression = self.scores[score]
        completed = complete(values, self.normal)
        X = np.column_stack([np.ones(len(values)), baseline, completed.terms])
        slopes = regression.coefficients[2:]
        variance = np.einsum("ij,jk,ik->i", X, regression.covariance, X) + regression.residual_sd**2
        variance = variance + np.einsum("j,ijk,k->i", slopes, completed.gap_covariance, slopes)
        expected = X @ regression.coefficients
        half = norm.ppf(0.5 + self.interval_level / 2) * np.sqrt(variance)
        return expected, expected - half, expected + half


def natural_units(fitted: Fitted, covariance: Values) -> tuple[Values, Values]:
    """Return coefficients (1 + p,) and covariance (1 + p, 1 + p) per natural unit, intercept first."""
    change = _to_natural(fitted.scale, free=1)
    return change @ fitted.logistic.coefficients, change @ covariance @ change.T


def natural_normal(fitted: Fitted) -> NormalModel:
    """Return the normal distribution of the terms in natural units."""
    scale = fitted.scale
    return NormalModel(
        scale.mean + scale.sd * fitted.normal.mean,
        fitted.normal.covariance * np.outer(scale.sd, scale.sd),
    )


def natural_score(model: ScoreModel, scale: Scale) -> ScoreRegression:
    """Return a regression of a score in natural units."""
    change = _to_natural(scale, free=2)
    return ScoreRegression(
        change @ model.coefficients,
        change @ model.covariance @ change.T,
        model.residual_sd,
        model.n,
        model.r2,
        model.r2_cross_validated,
    )


def _to_natural(scale: Scale, free: int) -> Values:
    """Return the matrix from coefficients of standardised terms, `free` others first, to natural ones."""
    size = free + len(scale.mean)
    change = np.eye(size)
    change[0, free:] = -scale.mean / scale.sd
    change[np.arange(free, size), np.arange(free, size)] = 1 / scale.sd
    return change
