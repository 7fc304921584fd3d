"""Develop a model: who is analysed, whether they are enough, the fit, its honesty, every patient's risk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.config.risk_settings import RiskSettings
from qmri.errors import QmriError
from qmri.risk.cohort.assess import Analysed, Resampling, assess
from qmri.risk.cohort.cohort import SCORES, Cohort, Outcomes
from qmri.risk.frozen_model import (
    RiskModel,
    natural_normal,
    natural_score,
    natural_units,
)
from qmri.risk.performance.apparent import Performance
from qmri.risk.performance.interval import Risks, reliability
from qmri.risk.performance.sample_size import (
    LEAST_EVENTS,
    LEAST_EVENTS_PER_PARAMETER,
    SampleSize,
    sample_size,
)
from qmri.risk.procedure import Fitted, fit_procedure
from qmri.risk.regression.conditional_logit import fit_levels
from qmri.risk.regression.ridge import covariance_over_penalties
from qmri.risk.regression.scores import fit_score
from qmri.risk.terms import CLINICAL, Term

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Development:
    """All that a page or a file tells of a developed model.

    Attributes
    ----------
    cohort
        Eligible participants (n_eligible): terms, errors, levels, scanners, flow of those who left.
    outcomes
        What happened to them; `event` is NaN where unknown.
    analysed
        (n,) rows of the cohort whose outcome is known, in the order of every (n,) array of `performance`.
    sample
        Events, parameters, what they afford; `exploratory`.
    model
        The frozen model in natural units; `model.scale` and `model.coefficients` make a nomogram,
        `model.lowest` and `model.highest` its ranges.
    performance
        Apparent, corrected, cross-validated; decision curve, calibration, instability, groups, `useful`.
    risks
        (n_eligible,) risk, low, high of every eligible participant.
    settings
        The section ``risk`` of the configuration.
    """

    cohort: Cohort
    outcomes: Outcomes
    analysed: NDArray[np.intp]
    sample: SampleSize
    model: RiskModel
    performance: Performance
    risks: Risks
    settings: RiskSettings


def sample_of(cohort: Cohort, outcomes: Outcomes, settings: RiskSettings) -> SampleSize:
    """Return events and parameters, and what they afford; nothing is fitted."""
    known = outcomes.event[np.isfinite(outcomes.event)]
    return sample_size(len(known), int(known.sum()), len(cohort.terms), settings.anticipated_auc)


def require_enough(sample: SampleSize) -> None:
    """Check that there are enough events to fit anything.

    Raises
    ------
    QmriError
        If there are fewer than 50, or fewer than 4 for each parameter, with the event or without it.
    """
    if sample.enough_to_fit:
        return
    needed = max(LEAST_EVENTS, LEAST_EVENTS_PER_PARAMETER * sample.parameters)
    few, word = min((sample.events, "with"), (sample.n - sample.events, "without"))
    raise QmriError(
        "there are too few events for a model",
        found=f"{few} patients {word} a new fracture among {sample.n} with a known outcome, "
        f"{sample.parameters} parameters",
        expected=f"at least {needed}: {LEAST_EVENTS}, and {LEAST_EVENTS_PER_PARAMETER} for each parameter",
        remedy="follow more patients, or name fewer terms beforehand (section risk); "
        f"this sample affords {sample.affordable:.1f} parameters by the criteria of Riley et al.",
    )


def require_values(terms: Sequence[Term], values: Values) -> None:
    """Check that each term is known of somebody; terms (n, p).

    Raises
    ------
    QmriError
        If one is missing in everybody.
    """
    for term, column in zip(terms, values.T, strict=True):
        if not np.isfinite(column).any():
            raise QmriError(
                f"the term {term.name} is missing in every patient",
                where=term.table,
                remedy=f"fill the column {term.name}, or take it out of risk.{term.group}_terms",
            )


def develop(cohort: Cohort, outcomes: Outcomes, settings: RiskSettings) -> Development:
    """Develop the model that the settings name.

    Parameters
    ----------
    cohort
        Eligible participants, terms (n, p) in natural units, NaN where missing.
    outcomes
        What happened to them, (n,) 1, 0 or NaN.
    settings
        Terms, resampling and thresholds.

    Returns
    -------
    Development
        The frozen model, its performance and everybody's risk.

    Raises
    ------
    QmriError
        If there are too few events, or a term is missing in everybody.
    """
    sample = sample_of(cohort, outcomes, settings)
    require_enough(sample)
    analysed = np.flatnonzero(np.isfinite(outcomes.event))
    values, y = cohort.values[analysed], outcomes.event[analysed]
    require_values(cohort.terms, values)
    fitted = fit_procedure(values, y)
    clinical = np.flatnonzero([term.group == CLINICAL for term in cohort.terms])
    names = tuple(term.name for term in cohort.terms)
    scanners = [cohort.scanners[row] for row in analysed]
    resampling = Resampling(
        settings.bootstrap_samples,
        settings.cross_validation_repeats,
        settings.seed,
        settings.threshold_range,
    )
    performance = assess(Analysed(values, y, names, clinical, scanners), fitted, resampling)
    model = _model(cohort, outcomes, analysed, fitted, sample, settings)
    return Development(
        cohort,
        outcomes,
        analysed,
        sample,
        model,
        performance,
        model.risks(cohort.values, cohort.errors),
        settings,
    )


def _model(  # noqa: PLR0917 - what the model is made of
    cohort: Cohort,
    outcomes: Outcomes,
    analysed: NDArray[np.intp],
    fitted: Fitted,
    sample: SampleSize,
    settings: RiskSettings,
) -> RiskModel:
    values, errors, y = cohort.values[analysed], cohort.errors[analysed], outcomes.event[analysed]
    Z = fitted.complete(values).terms
    coefficients, covariance = natural_units(fitted, covariance_over_penalties(Z, y, fitted.logistic))
    scores = {}
    for name in SCORES:
        baseline, after = cohort.baseline[name][analysed], outcomes.scores[name][analysed]
        score = fit_score(Z, baseline, after, settings.seed)
        if score is not None:
            scores[name] = natural_score(score, fitted.scale)
    known = np.where(np.isfinite(values), errors, np.nan)
    return RiskModel(
        terms=cohort.terms,
        coefficients=coefficients,
        covariance=covariance,
        penalty=fitted.logistic.penalty,
        scale=fitted.scale,
        normal=natural_normal(fitted),
        reliability=reliability(known, fitted.scale.sd),
        lowest=np.nanmin(values, axis=0),
        highest=np.nanmax(values, axis=0),
        levels=fit_levels([outcomes.levels[row] for row in analysed]),
        scores=scores,
        origin=cohort.origin,
        moment=settings.moment,
        preoperative_session=settings.preoperative_session,
        interval_level=settings.interval_level,
        unmeasured_sd=settings.unmeasured_sd,
        outcome_window_days=settings.outcome_window_days,
        n=sample.n,
        events=sample.events,
        exploratory=sample.exploratory,
        data_sha256=_digest(values, errors, y),
    )


def _digest(values: Values, errors: Values, y: Values) -> str:
    return hashlib.sha256(np.column_stack([values, errors, y]).astype("<f8").tobytes()).hexdigest()
