"""Optimism and cross-validation of the whole procedure."""

import numpy as np
import pytest
from scipy.special import expit

from qmri.risk.performance.calibration import measures
from qmri.risk.performance.resample import bootstrap, corrected, cross_validate, stratified_folds
from qmri.risk.procedure import Scale, fit_procedure

THRESHOLDS = np.linspace(0.05, 0.3, 6)


def cohort(seed, beta, n=450, missing=0.15):
    rng = np.random.default_rng(seed)
    terms = rng.normal(size=(n, len(beta))) * 5 + 60
    y = (rng.random(n) < expit((terms - 60) / 5 @ beta - 1.9)).astype(float)
    terms[rng.random(n) < missing, 1] = np.nan
    return terms, y


def test_shifted_and_scaled_terms_give_the_same_risks():
    terms, y = cohort(0, np.array([0.6, 0.4, 0.0, -0.3]))
    first = fit_procedure(terms, y).risk(terms)
    second = fit_procedure(terms * 7 - 100, y).risk(terms * 7 - 100)
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_term_that_does_not_vary_has_no_coefficient():
    terms, y = cohort(1, np.array([0.6, 0.4, 0.3]))
    terms[:, 2] = 0.1
    fitted = fit_procedure(terms, y)
    assert fitted.logistic.coefficients[3] == pytest.approx(0.0, abs=1e-12)
    assert Scale.of(terms).sd[2] == 1


def test_the_corrected_auc_is_nearer_to_new_patients_than_the_apparent_one():
    beta = np.array([0.5, 0.4, 0.3, 0.2, 0, 0, 0, 0, 0, 0])
    apparent, adjusted, slopes = [], [], []
    for seed in range(6):
        terms, y = cohort(seed, beta)
        fitted = fit_procedure(terms, y)
        own = measures(fitted.risk(terms), y)
        found = bootstrap(
            terms, y, fitted, clinical=np.arange(7), thresholds=THRESHOLDS, samples=30, seed=seed
        )
        new_terms, new_y = cohort(1000 + seed, beta, n=20_000)
        truth = measures(fitted.risk(new_terms), new_y)
        apparent.append(own.auc - truth.auc)
        adjusted.append(corrected(own, found.optimism).auc - truth.auc)
        slopes.append(truth.slope)
    assert np.mean(apparent) > 0.02
    assert abs(np.mean(adjusted)) < 0.6 * np.mean(apparent)
    assert 0.8 < np.mean(slopes) < 1.25


def test_without_signal_cross_validation_says_so():
    found = [cross_validate(*cohort(seed, np.zeros(10)), seed=seed, repeats=1).auc for seed in range(10)]
    assert abs(np.mean(found) - 0.5) < 0.05


def test_the_same_seed_gives_the_same_resamples():
    terms, y = cohort(3, np.array([0.5, 0.2]))
    fitted = fit_procedure(terms, y)
    first, second = (
        bootstrap(terms, y, fitted, clinical=np.array([0]), thresholds=THRESHOLDS, samples=5, seed=1)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.risks, second.risks)
    assert first.optimism == second.optimism


def test_every_patient_is_held_out_once_and_events_are_spread():
    y = np.array([1.0] * 20 + [0.0] * 83)
    folds = list(stratified_folds(y, np.random.default_rng(0)))
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(103))
    assert {int(y[fold].sum()) for fold in folds} == {2}
