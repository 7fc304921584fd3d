"""A frozen model on new patients with outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.risk.cohort.assess import THRESHOLDS
from qmri.risk.cohort.cohort import Cohort, Outcomes
from qmri.risk.frozen_model import RiskModel
from qmri.risk.performance.calibration import (
    CalibrationCurve,
    Measures,
    calibration_curve,
    measures,
    slope_error,
)
from qmri.risk.performance.discrimination import Z95, Estimate, auc_interval
from qmri.risk.performance.interval import Risks
from qmri.risk.performance.net_benefit import advantage, net_benefit, net_benefit_of_all
from qmri.risk.regression.groups import (
    LEAST_EVENTS,
    GroupPerformance,
    enough,
    observed_over_expected,
    subgroup_performance,
)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Validation:
    """How a frozen model does on new patients.

    Attributes
    ----------
    cohort, outcomes, risks
        The eligible participants, what happened to them, their risks.
    analysed
        (n,) rows whose outcome is known.
    model
        The model, unchanged.
    y
        (n,) outcomes.
    measures
        Nothing is corrected: the patients are new.
    auc, slope, oe
        With 95 % intervals.
    thresholds, net_benefit, net_benefit_of_all
        (k,) decision curve: risks 0-1, net benefit per patient.
    gain
        Mean net benefit above the better of everybody and nobody.
    calibration
        Curve.
    subgroups
        Parts of the patients.
    """

    cohort: Cohort
    outcomes: Outcomes
    risks: Risks
    analysed: NDArray[np.intp]
    model: RiskModel
    y: Values
    measures: Measures
    auc: Estimate
    slope: Estimate
    oe: Estimate
    thresholds: Values
    net_benefit: Values
    net_benefit_of_all: Values
    gain: float
    calibration: CalibrationCurve
    subgroups: tuple[GroupPerformance, ...]


def validate(
    model: RiskModel, cohort: Cohort, outcomes: Outcomes, threshold_range: tuple[float, float]
) -> Validation:
    """Measure a frozen model on new patients.

    Parameters
    ----------
    model
        The frozen model.
    cohort
        New patients with the terms of the model, (n, p) in natural units, NaN where missing.
    outcomes
        What happened to them, (n,) 1, 0 or NaN.
    threshold_range
        Lowest and highest risk of the decision curve, 0-1.

    Returns
    -------
    Validation
        Measures of the model as it is; nothing is refitted.

    Raises
    ------
    QmriError
        If fewer than 10 of them have the event, or fewer than 10 do not.
    """
    analysed = np.flatnonzero(np.isfinite(outcomes.event))
    y = outcomes.event[analysed]
    if not enough(y):
        raise QmriError(
            "there are too few events to validate a model",
            found=f"{int(y.sum())} with a new fracture of {len(y)} with a known outcome",
            expected=f"at least {LEAST_EVENTS} with and {LEAST_EVENTS} without; 100 of each tell something",
            remedy="follow more patients; qmri risk apply gives risks without a verdict",
        )
    risks = model.risks(cohort.values, cohort.errors)
    risk = risks.risk[analysed]
    found = measures(risk, y)
    half = Z95 * slope_error(risk, y)
    thresholds = np.linspace(threshold_range[0], threshold_range[1], THRESHOLDS)
    benefit = net_benefit(risk, y, thresholds)
    names = [term.name for term in model.terms]
    return Validation(
        cohort=cohort,
        outcomes=outcomes,
        risks=risks,
        analysed=analysed,
        model=model,
        y=y,
        measures=found,
        auc=auc_interval(risk, y),
        slope=Estimate(found.slope, found.slope - half, found.slope + half),
        oe=observed_over_expected(y, about=found.oe),
        thresholds=thresholds,
        net_benefit=benefit,
        net_benefit_of_all=net_benefit_of_all(y, thresholds),
        gain=float(advantage(benefit, y, thresholds).mean()),
        calibration=calibration_curve(risk, y),
        subgroups=subgroup_performance(cohort.values[analysed], names, risk, y),
    )
