"""How good the model is, as far as its own patients can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.risk.performance.added_value import LikelihoodRatio
from qmri.risk.performance.calibration import CalibrationCurve, Measures
from qmri.risk.performance.discrimination import Estimate
from qmri.risk.regression.groups import GroupPerformance

Values = NDArray[np.float64]


@dataclass(frozen=True)
class NetBenefitCurve:
    """Decision curve.

    Attributes
    ----------
    thresholds
        (k,) risks at which one acts.
    model, clinical, everybody
        (k,) net benefit of the model and of its clinical terms alone, both without their optimism, and of
        acting on everybody; that of acting on nobody is 0. `clinical` is NaN where there are no such terms.
    gain
        Mean over the thresholds of the model above the better of everybody and nobody.
    """

    thresholds: Values
    model: Values
    clinical: Values
    everybody: Values
    gain: float


@dataclass(frozen=True)
class ImagingValue:
    """What imaging adds to the clinical terms.

    Attributes
    ----------
    test
        Nested likelihood ratio.
    clinical_auc
        AUC of the clinical terms alone, without its optimism.
    delta_auc, delta_net_benefit
        Changes without optimism, with 95 % intervals; the latter is a mean over the thresholds.
    """

    test: LikelihoodRatio
    clinical_auc: float
    delta_auc: Estimate
    delta_net_benefit: Estimate


@dataclass(frozen=True)
class Instability:
    """How much the risks of the patients depend on who was in the sample.

    Attributes
    ----------
    low, high
        (n,) 2.5th and 97.5th percentile of each patient's risk over the resamples.
    mean_difference
        Mean absolute difference of a resample's risk to the model's.
    """

    low: Values
    high: Values
    mean_difference: float


@dataclass(frozen=True)
class Performance:
    """Performance in the patients that the model was made from.

    Attributes
    ----------
    apparent, optimism, corrected
        Measures in the same patients; by how much they flatter; the difference.
    auc_corrected, slope, oe
        Corrected figures with 95 % intervals.
    auc_cross_validated
        10-fold within folds, with its interval.
    cross_validated_risk
        (n,) risk of each patient by models that did not see them.
    test
        Likelihood ratio of all terms against none.
    net_benefit
        Decision curve.
    imaging
        What imaging adds; None where there are no imaging or no clinical terms.
    calibration
        Curve of the cross-validated risks.
    instability
        Of individual risks.
    scanners
        Each scanner by the procedure on the others.
    subgroups
        Parts of the patients, by the cross-validated risks.
    useful
        Whether test, cross-validation and net benefit agree that the model tells something.
    useful_because
        The three findings in words.
    """

    apparent: Measures
    optimism: Measures
    corrected: Measures
    auc_corrected: Estimate
    slope: Estimate
    oe: Estimate
    auc_cross_validated: Estimate
    cross_validated_risk: Values
    test: LikelihoodRatio
    net_benefit: NetBenefitCurve
    imaging: ImagingValue | None
    calibration: CalibrationCurve
    instability: Instability
    scanners: tuple[GroupPerformance, ...]
    subgroups: tuple[GroupPerformance, ...]
    useful: bool
    useful_because: tuple[str, ...]
