"""Find the performance of a fitted procedure: apparent, by bootstrap, by cross-validation, in groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.risk.performance.added_value import auc_change, likelihood_ratio
from qmri.risk.performance.apparent import ImagingValue, Instability, NetBenefitCurve, Performance
from qmri.risk.performance.calibration import calibration_curve, measures, slope_error
from qmri.risk.performance.discrimination import Z95, Estimate, auc, auc_interval
from qmri.risk.performance.net_benefit import (
    advantage,
    net_benefit,
    net_benefit_change_error,
    net_benefit_of_all,
)
from qmri.risk.performance.resample import Bootstrap, bootstrap, corrected, cross_validate
from qmri.risk.procedure import Fitted, fit_procedure
from qmri.risk.regression.groups import leave_one_out, observed_over_expected, subgroup_performance

Values = NDArray[np.float64]
Columns = NDArray[np.intp]

SIGNIFICANT = 0.05
THRESHOLDS = 26


@dataclass(frozen=True)
class Resampling:
    """How the performance is found.

    Attributes
    ----------
    samples, repeats, seed
        Of the bootstrap; of the 10-fold; of both.
    threshold_range
        Of the net benefit.
    """

    samples: int
    repeats: int
    seed: int
    threshold_range: tuple[float, float]


@dataclass(frozen=True)
class Analysed:
    """The patients with a known outcome.

    Attributes
    ----------
    values, y
        (n, p) raw terms, NaN where missing, and (n,) outcomes.
    names
        (p,) of the terms.
    clinical
        Columns that are not imaging.
    scanners
        (n,) names.
    """

    values: Values
    y: Values
    names: tuple[str, ...]
    clinical: Columns
    scanners: Sequence[str]


def assess(patients: Analysed, fitted: Fitted, how: Resampling) -> Performance:
    """Return the performance of the procedure fitted to these patients."""
    values, y = patients.values, patients.y
    thresholds = np.linspace(how.threshold_range[0], how.threshold_range[1], THRESHOLDS)
    risk = fitted.risk(values)
    again = bootstrap(
        values,
        y,
        fitted,
        clinical=patients.clinical,
        thresholds=thresholds,
        samples=how.samples,
        seed=how.seed,
    )
    folds = cross_validate(values, y, how.seed, how.repeats)
    apparent = measures(risk, y)
    without = corrected(apparent, again.optimism)
    model_benefit = net_benefit(risk, y, thresholds) - again.net_benefit_optimism
    imaging, clinical_benefit = _imaging(patients, fitted, again, without.auc, thresholds)
    curve = NetBenefitCurve(
        thresholds,
        model_benefit,
        clinical_benefit,
        net_benefit_of_all(y, thresholds),
        float(advantage(model_benefit, y, thresholds).mean()),
    )
    test = likelihood_ratio(fitted.complete(values).terms, y, np.arange(0))
    auc_folds = auc_interval(folds.risks, y, about=folds.auc)
    findings = (
        (test.p < SIGNIFICANT, f"likelihood ratio p = {test.p:.2g}"),
        (auc_folds.low > 0.5, f"lower limit of the 10-fold AUC {auc_folds.low:.3f}, above 0.5"),
        (curve.gain > 0, f"net benefit above the better of everybody and nobody by {curve.gain:.4f}"),
    )
    half = Z95 * slope_error(risk, y)
    low, high = np.percentile(again.risks, [2.5, 97.5], axis=0)
    return Performance(
        apparent=apparent,
        optimism=again.optimism,
        corrected=without,
        auc_corrected=auc_interval(risk, y, about=without.auc),
        slope=Estimate(without.slope, without.slope - half, without.slope + half),
        oe=observed_over_expected(y, about=without.oe),
        auc_cross_validated=auc_folds,
        cross_validated_risk=folds.risks,
        test=test,
        net_benefit=curve,
        imaging=imaging,
        calibration=calibration_curve(folds.risks, y),
        instability=Instability(low, high, float(np.abs(again.risks - risk).mean())),
        scanners=leave_one_out(values, y, patients.scanners),
        subgroups=subgroup_performance(values, patients.names, folds.risks, y),
        useful=all(found for found, _ in findings),
        useful_because=tuple(f"{words}: {'yes' if found else 'no'}" for found, words in findings),
    )


def _imaging(
    patients: Analysed, fitted: Fitted, again: Bootstrap, corrected_auc: float, thresholds: Values
) -> tuple[ImagingValue | None, Values]:
    """Return what imaging adds, and the net benefit of the clinical terms without its optimism."""
    values, y, clinical = patients.values, patients.y, patients.clinical
    if not 0 < len(clinical) < values.shape[1]:
        return None, np.full(len(thresholds), np.nan)
    risk = fitted.risk(values)
    before = fit_procedure(values[:, clinical], y).risk(values[:, clinical])
    clinical_auc = auc(before, y) - again.clinical_auc_optimism
    clinical_benefit = net_benefit(before, y, thresholds) - again.clinical_net_benefit_optimism
    benefit = net_benefit(risk, y, thresholds) - again.net_benefit_optimism
    change = float(np.mean(benefit - clinical_benefit))
    half = Z95 * net_benefit_change_error(risk, before, y, thresholds)
    value = ImagingValue(
        test=likelihood_ratio(fitted.complete(values).terms, y, clinical),
        clinical_auc=clinical_auc,
        delta_auc=auc_change(risk, before, y, about=corrected_auc - clinical_auc),
        delta_net_benefit=Estimate(change, change - half, change + half),
    )
    return value, clinical_benefit
