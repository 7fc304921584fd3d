"""Individual intervals and the shares of the levels."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from qmri.risk.cohort.impute import Completed
from qmri.risk.performance.interval import reliability, risks_with_interval
from qmri.risk.regression.conditional_logit import (
    PENALTY,
    TERM_SCALE,
    PatientLevels,
    concordance,
    fit_levels,
    level_risks,
    level_terms,
    shares,
)


def test_variance_of_a_risk_by_hand():
    """One term: intercept and slope with known covariance, a marker error, and a gap."""
    coefficients, covariance = np.array([-1.0, 0.5]), np.array([[0.04, 0.01], [0.01, 0.09]])
    done = Completed(np.array([[2.0], [0.3]]), np.array([[[0.0]], [[0.7]]]))
    found = risks_with_interval(
        done,
        coefficients,
        covariance,
        marker_errors=np.array([[0.4], [0.0]]),
        reliabilities=np.array([0.8]),
        unmeasured_sd=0.3,
        level=0.9,
    )
    known = 0.04 + 2 * 2 * 0.01 + 4 * 0.09 + 0.25 * 0.16 / 0.8 + 0.09
    gap = 0.04 + 2 * 0.3 * 0.01 + 0.09 * 0.09 + 0.25 * 0.7 + 0.09
    np.testing.assert_allclose(found.error, np.sqrt([known, gap]))
    np.testing.assert_allclose(found.risk, expit([0.0, -0.85]))
    np.testing.assert_allclose(found.high[0], expit(1.6448536 * np.sqrt(known)))


def test_reliability_is_the_share_that_is_not_error():
    errors = np.array([[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(reliability(errors, np.array([2.0, 1.0])), [0.75, 1.0])


def test_the_spread_of_a_true_marker_given_the_measured_one_is_what_the_interval_holds():
    """b^2 s^2 / r against simulation: slope b on x = m + e, slope b / r on m."""
    rng = np.random.default_rng(0)
    m = rng.normal(0, 1, 400_000)
    x = m + rng.normal(0, 0.5, m.size)
    r = 1 / 1.25
    b = 0.6
    near = np.abs(x - 1.0) < 0.02
    assert (b / r * m[near]).var() == pytest.approx(b**2 * 0.25 / r, rel=0.05)


def test_levels_multiply_back_to_the_patient():
    rng = np.random.default_rng(1)
    for p in (1e-6, 0.05, 0.4, 0.999):
        w = rng.dirichlet(np.ones(11))
        assert 1 - np.prod(1 - level_risks(p, w)) == pytest.approx(p, abs=1e-12)


def test_shares_sum_to_one_and_follow_the_odds():
    w = shares(np.array([[1.0, 0, 0], [0.0, 0, 0]]), np.array([np.log(3), 0, 0]))
    np.testing.assert_allclose(w, [0.75, 0.25])


def patients(count=300, truth=(1.2, 0.7, 0.05), seed=2):
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        terms = np.column_stack([rng.random(10) < 0.2, rng.random(10) < 0.4, rng.normal(0, 6, 10)])
        chosen = rng.choice(10, p=shares(terms, np.array(truth)))
        made.append(PatientLevels(tuple("abcdefghij"), terms, np.arange(10) == chosen))
    return made


def test_the_shares_find_what_is_true_and_what_brute_force_finds():
    made = patients()
    model = fit_levels(made)

    def cost(c):
        total = PENALTY / 2 * c @ c
        for patient in made:
            score = patient.terms / TERM_SCALE @ c
            total -= score[patient.fractured].sum() - patient.fractured.sum() * logsumexp(score)
        return total

    found = minimize(cost, np.zeros(3)).x / TERM_SCALE
    np.testing.assert_allclose(model.coefficients, found, atol=1e-4)
    np.testing.assert_allclose(model.coefficients, (1.2, 0.7, 0.05), atol=0.35)
    assert model.events == 300
    assert 0.6 < model.concordance < 0.85


def test_it_is_the_conditional_logit_of_statsmodels_where_the_penalty_is_of_no_account(monkeypatch):
    discrete = pytest.importorskip("statsmodels.discrete.conditional_models")
    monkeypatch.setattr("qmri.risk.regression.conditional_logit.PENALTY", 1e-8)
    made = patients(80)
    model = fit_levels(made)
    y = np.concatenate([p.fractured for p in made]).astype(float)
    X = np.vstack([p.terms for p in made])
    theirs = discrete.ConditionalLogit(y, X, groups=np.repeat(np.arange(80), 10)).fit(disp=0)
    np.testing.assert_allclose(model.coefficients, theirs.params, atol=1e-3)


def test_patients_without_a_fractured_level_say_nothing():
    made = patients(60)
    none = [PatientLevels(p.names, p.terms, np.zeros(10, bool)) for p in made[:20]]
    np.testing.assert_allclose(fit_levels([*made, *none]).coefficients, fit_levels(made).coefficients)


def test_no_event_levels_leave_equal_shares():
    model = fit_levels([])
    assert not model.coefficients.any()
    assert np.isnan(model.concordance)


def test_the_terms_of_a_level():
    assert level_terms("T12", -1, 4.0) == [1.0, 1.0, 4.0]
    assert level_terms("T8", None, None) == [0.0, 0.0, 0.0]
    assert level_terms("L3", 2, -3.0) == [0.0, 0.0, -3.0]


def test_concordance_by_hand():
    assert concordance([(np.array([1.0, 0.0, 2.0]), np.array([True, False, False]))]) == 0.5
