"""Honest performance: the whole procedure again on resampled patients.

Bootstrap (Harrell et al. 1996, 10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4): a model
fitted to a resample is measured on the resample and on the patients themselves; the mean difference is the
optimism of the apparent figure. Repeated 10-fold inside gives a second figure, which has no optimism where
there is no signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qmri.risk.performance.calibration import Measures, measures
from qmri.risk.performance.discrimination import auc
from qmri.risk.performance.net_benefit import net_benefit
from qmri.risk.procedure import Fitted, fit_procedure

Values = NDArray[np.float64]
Columns = NDArray[np.intp]

FOLDS, REPEATS = 10, 10
LEAST_IN_RESAMPLE = 5


@dataclass(frozen=True)
class Bootstrap:
    """What the resamples tell.

    Attributes
    ----------
    optimism
        Mean of each measure on the resample minus on the patients.
    net_benefit_optimism
        (k,) the same of the net benefit at each threshold.
    clinical_auc_optimism
        Of the model without imaging.
    clinical_net_benefit_optimism
        (k,) the same of its net benefit.
    risks
        (B, n) risks of the patients by the model of each resample.
    """

    optimism: Measures
    net_benefit_optimism: Values
    clinical_auc_optimism: float
    clinical_net_benefit_optimism: Values
    risks: Values


@dataclass(frozen=True)
class CrossValidated:
    """Repeated 10-fold cross-validation.

    Attributes
    ----------
    auc
        Concordance within folds, over all pairs of all repeats.
    risks
        (n,) mean over the repeats, on the logit scale, of each patient's risk by models without them.
    """

    auc: float
    risks: Values


def bootstrap(
    terms: Values,
    y: Values,
    fitted: Fitted,
    *,
    clinical: Columns,
    thresholds: Values,
    samples: int,
    seed: int,
) -> Bootstrap:
    """Repeat the procedure on resamples of the patients.

    Parameters
    ----------
    terms, y
        (n, p) raw terms and (n,) outcomes.
    fitted
        The procedure on the patients themselves.
    clinical
        Columns of the terms that are not imaging; the model of these alone is repeated beside.
    thresholds
        (k,) of the net benefit.
    samples, seed
        Number of resamples, seed of the generator.
    """
    rng = np.random.default_rng(seed)
    differences: list[Sequence[float]] = []
    risks: list[Values] = []
    benefits, clinical_aucs, clinical_benefits = [], [], []
    compare = 0 < len(clinical) < terms.shape[1]
    while len(risks) < samples:
        rows = rng.integers(0, len(y), len(y))
        own_y = y[rows]
        if min(own_y.sum(), len(y) - own_y.sum()) < LEAST_IN_RESAMPLE:
            continue
        again = fit_procedure(terms[rows], own_y, fitted.normal)
        apparent, on_all = again.risk(terms[rows]), again.risk(terms)
        differences.append(_difference(measures(apparent, own_y), measures(on_all, y)))
        benefits.append(net_benefit(apparent, own_y, thresholds) - net_benefit(on_all, y, thresholds))
        risks.append(on_all)
        if compare:
            again = fit_procedure(terms[np.ix_(rows, clinical)], own_y)
            apparent, on_all = again.risk(terms[np.ix_(rows, clinical)]), again.risk(terms[:, clinical])
            clinical_aucs.append(auc(apparent, own_y) - auc(on_all, y))
            clinical_benefits.append(
                net_benefit(apparent, own_y, thresholds) - net_benefit(on_all, y, thresholds)
            )
    return Bootstrap(
        optimism=Measures(*(float(value) for value in np.mean(differences, axis=0))),
        net_benefit_optimism=np.mean(benefits, axis=0),
        clinical_auc_optimism=float(np.mean(clinical_aucs)) if compare else 0.0,
        clinical_net_benefit_optimism=np.mean(clinical_benefits, axis=0)
        if compare
        else np.zeros(len(thresholds)),
        risks=np.array(risks),
    )


def cross_validate(terms: Values, y: Values, seed: int, repeats: int = REPEATS) -> CrossValidated:
    """Return risks of patients by models that never saw them, and the concordance within folds.

    Outcomes (n,).
    """
    rng = np.random.default_rng(seed)
    start = fit_procedure(terms, y).normal
    concordant, pairs = 0.0, 0.0
    linear = np.zeros(len(y))
    for _ in range(repeats):
        for held in stratified_folds(y, rng):
            kept = np.setdiff1d(np.arange(len(y)), held)
            risk = np.clip(fit_procedure(terms[kept], y[kept], start).risk(terms[held]), 1e-12, 1 - 1e-12)
            linear[held] += np.log(risk / (1 - risk)) / repeats
            events = float(y[held].sum())
            here = events * (len(held) - events)
            if here:
                concordant += here * auc(risk, y[held])
                pairs += here
    return CrossValidated(concordant / pairs, 1 / (1 + np.exp(-linear)))


def stratified_folds(y: Values, rng: np.random.Generator, folds: int = FOLDS) -> Iterator[Columns]:
    """Yield the members of each fold, events and others spread evenly; outcomes (n,)."""
    order = np.concatenate([rng.permutation(np.flatnonzero(y == value)) for value in (1.0, 0.0)])
    for fold in range(folds):
        yield np.sort(order[fold::folds])


def corrected(apparent: Measures, optimism: Measures) -> Measures:
    """Return measures without their optimism."""
    return Measures(*_difference(apparent, optimism))


def _difference(first: Measures, second: Measures) -> Sequence[float]:
    return [getattr(first, field.name) - getattr(second, field.name) for field in fields(Measures)]
