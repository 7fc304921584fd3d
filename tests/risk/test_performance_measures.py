"""AUC, calibration, net benefit: by hand, against other programs, against brute force."""

import numpy as np
import pytest
from scipy.special import expit, logit

from qmri.risk.performance.added_value import auc_change, likelihood_ratio
from qmri.risk.performance.calibration import calibration_curve, measures, natural_splines
from qmri.risk.performance.discrimination import auc, auc_covariance, auc_interval
from qmri.risk.performance.net_benefit import advantage, net_benefit, net_benefit_of_all


def scored(count=500, seed=0, slope=1.0):
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(-1.8, 0.9, count))
    return expit(logit(risk) * slope), (rng.random(count) < risk).astype(float)


def test_auc_by_hand():
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])) == 0.75
    assert auc(np.array([0.5, 0.5]), np.array([0.0, 1.0])) == 0.5


def test_auc_and_its_variance_are_those_of_all_pairs():
    risk, y = scored(120)
    other = risk + np.random.default_rng(1).normal(0, 0.1, 120)
    pairs = [
        (s[y == 1][:, None] > s[y == 0]) + 0.5 * (s[y == 1][:, None] == s[y == 0]) for s in (risk, other)
    ]
    values, covariance = auc_covariance(np.array([risk, other]), y)
    np.testing.assert_allclose(values, [p.mean() for p in pairs])
    per_event, per_other = (np.array([p.mean(axis=axis) for p in pairs]) for axis in (1, 0))
    expected = np.cov(per_event) / (y == 1).sum() + np.cov(per_other) / (y == 0).sum()
    np.testing.assert_allclose(covariance, expected)


def test_auc_and_brier_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    risk, y = scored()
    assert auc(risk, y) == pytest.approx(metrics.roc_auc_score(y, risk))
    assert measures(risk, y).brier == pytest.approx(metrics.brier_score_loss(y, risk))


def test_the_interval_of_the_auc_holds_the_truth_as_often_as_it_says():
    truth = auc(*scored(100_000, seed=9))
    held = 0
    for seed in range(300):
        interval = auc_interval(*scored(400, seed=seed))
        held += interval.low <= truth <= interval.high
    assert 0.91 <= held / 300 <= 0.985


def test_slope_is_halved_where_the_logits_are_doubled_and_means_agree():
    risk, y = scored(4000)
    once, twice = measures(risk, y), measures(expit(2 * logit(risk)), y)
    assert twice.slope == pytest.approx(once.slope / 2)
    assert once.slope == pytest.approx(1.0, abs=0.15)
    assert once.oe == pytest.approx(y.sum() / risk.sum())
    assert once.intercept == pytest.approx(np.log(once.oe), abs=0.1)


def test_slope_is_that_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    risk, y = scored(slope=1.4)
    theirs = api.Logit(y, np.column_stack([np.ones(len(y)), logit(risk)])).fit(disp=0).params[1]
    assert measures(risk, y).slope == pytest.approx(theirs, abs=1e-4)


def test_ici_is_small_for_true_risks_and_that_of_a_shift_for_shifted_ones():
    risk, y = scored(20_000)
    assert measures(risk, y).ici < 0.01
    assert measures(np.clip(risk + 0.1, 0, 1), y).ici == pytest.approx(0.1, abs=0.015)


def test_risks_that_are_all_the_same_have_measures_too():
    _, y = scored()
    same = measures(np.full(len(y), 0.2), y)
    assert (same.auc, same.slope) == (0.5, 0.0)
    assert same.ici == pytest.approx(abs(y.mean() - 0.2))


def test_natural_splines_are_straight_beyond_their_knots():
    knots = np.array([0.0, 1.0, 2.0, 3.0])
    for x in (np.linspace(-5, 0, 9), np.linspace(3, 9, 9)):
        np.testing.assert_allclose(np.diff(natural_splines(x, knots), n=2, axis=0), 0, atol=1e-9)


def test_the_curve_of_true_risks_lies_about_the_diagonal():
    curve = calibration_curve(*scored(20_000))
    assert np.abs(curve.observed - curve.predicted).max() < 0.05
    assert (curve.low <= curve.observed).all()
    assert (curve.observed <= curve.high).all()
    assert curve.group_n.sum() == 20_000


def test_net_benefit_by_hand():
    risk, y = np.array([0.1, 0.3, 0.6, 0.8]), np.array([0.0, 1.0, 0.0, 1.0])
    at = np.array([0.2, 0.5])
    np.testing.assert_allclose(net_benefit(risk, y, at), [2 / 4 - 1 / 4 * 0.25, 1 / 4 - 1 / 4 * 1.0])
    np.testing.assert_allclose(net_benefit_of_all(y, at), [0.5 - 0.5 * 0.25, 0.5 - 0.5])
    np.testing.assert_allclose(advantage(net_benefit(risk, y, at), y, at), [0.4375 - 0.375, 0.0])


def test_the_likelihood_ratio_is_that_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(2)
    Z = rng.normal(size=(300, 4))
    y = (rng.random(300) < expit(Z @ [0.5, 0.2, 0.3, 0.0] - 1)).astype(float)
    ours = likelihood_ratio(Z, y, np.array([0, 1]))
    full, small = (api.Logit(y, api.add_constant(part)).fit(disp=0).llf for part in (Z, Z[:, :2]))
    assert ours.statistic == pytest.approx(2 * (full - small), abs=1e-4)
    assert ours.degrees == 2


def test_the_likelihood_ratio_finds_nothing_as_often_as_it_says():
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(500):
        Z, y = rng.normal(size=(450, 6)), (rng.random(450) < 0.17).astype(float)
        found += likelihood_ratio(Z, y, np.array([0, 1, 2])).p < 0.05
    assert 0.02 < found / 500 < 0.095


def test_the_change_of_auc_of_a_score_to_itself_has_no_width():
    risk, y = scored()
    change = auc_change(risk, risk.copy(), y, about=0.0)
    assert (change.low, change.high) == (0.0, 0.0)
