"""The one estimator under everything: against other programs and against brute force."""

import numpy as np
import pytest
from scipy.optimize import minimize

from qmri.risk.regression.logistic import fit_logistic, log_likelihood, with_intercept
from qmri.risk.regression.ridge import covariance_over_penalties, fit_ridge, log_marginal_likelihood


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(3)
    Z = rng.normal(size=(300, 5))
    eta = Z @ np.array([0.8, -0.5, 0.0, 0.3, 0.0]) - 1.3
    return Z, (rng.random(300) < 1 / (1 + np.exp(-eta))).astype(float)


def test_without_a_penalty_it_is_the_maximum_likelihood_of_statsmodels(sample):
    api = pytest.importorskip("statsmodels.api")
    Z, y = sample
    theirs = api.Logit(y, with_intercept(Z)).fit(disp=0, tol=1e-12)
    ours = fit_logistic(with_intercept(Z), y, penalty=1e-10)
    np.testing.assert_allclose(ours.coefficients, theirs.params, atol=1e-6)
    np.testing.assert_allclose(ours.covariance, theirs.cov_params(), atol=1e-7)
    assert ours.log_likelihood == pytest.approx(theirs.llf, abs=1e-8)


@pytest.mark.parametrize("penalty", [0.5, 10.0, 300.0])
def test_at_a_penalty_it_is_the_ridge_of_scikit_learn(sample, penalty):
    linear_model = pytest.importorskip("sklearn.linear_model")
    Z, y = sample
    theirs = linear_model.LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=1000).fit(Z, y)
    ours = fit_logistic(with_intercept(Z), y, penalty=penalty)
    np.testing.assert_allclose(ours.coefficients[1:], theirs.coef_[0], atol=1e-5)
    assert ours.coefficients[0] == pytest.approx(theirs.intercept_[0], abs=1e-5)


def test_brute_force_finds_no_better_coefficients(sample):
    Z, y = sample
    X = with_intercept(Z)

    def cost(b):
        return -log_likelihood(X @ b, y) + 5.0 * b[1:] @ b[1:] / 2

    found = minimize(cost, np.zeros(6), method="BFGS", options={"gtol": 1e-8})
    ours = fit_logistic(X, y, penalty=5.0)
    assert cost(ours.coefficients) <= found.fun + 1e-9
    np.testing.assert_allclose(ours.coefficients, found.x, atol=1e-4)


def test_data_that_separate_have_finite_coefficients_with_a_penalty():
    x = np.linspace(-1, 1, 40)[:, None]
    fit = fit_logistic(with_intercept(x), (x[:, 0] > 0).astype(float), penalty=1.0)
    assert np.isfinite(fit.coefficients).all()
    assert fit.coefficients[1] > 1


def test_an_offset_is_a_coefficient_held_at_one(sample):
    Z, y = sample
    free = fit_logistic(with_intercept(Z), y)
    held = fit_logistic(np.ones((len(y), 1)), y, offset=Z @ free.coefficients[1:])
    assert held.coefficients[0] == pytest.approx(free.coefficients[0], abs=1e-5)


def test_the_penalty_is_the_best_of_a_fine_grid(sample):
    Z, y = sample
    chosen = fit_ridge(Z, y)
    best = max(
        log_marginal_likelihood(fit_logistic(with_intercept(Z), y, penalty=float(penalty)))
        for penalty in np.geomspace(0.1, 5000, 300)
    )
    assert log_marginal_likelihood(chosen) >= best - 1e-4


def test_laplace_agrees_with_integration_where_one_term_can_be_integrated():
    """Differences of ln m between penalties, the intercept held far from mattering by centring."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=400)
    y = (rng.random(400) < 1 / (1 + np.exp(-(0.7 * z - 0.5)))).astype(float)
    slopes, intercepts = np.linspace(-3, 3, 241), np.linspace(-3, 3, 241)
    values = np.array([[log_likelihood(a + b * z, y) for a in intercepts[80:141]] for b in slopes[110:200]])

    def exact(penalty):
        prior = -penalty / 2 * slopes[110:200] ** 2 + 0.5 * np.log(penalty)
        total = values + prior[:, None]
        return total.max() + np.log(np.exp(total - total.max()).sum())

    fits = [fit_logistic(with_intercept(z[:, None]), y, penalty=p) for p in (0.5, 5.0, 50.0)]
    laplace = [log_marginal_likelihood(fit) for fit in fits]
    np.testing.assert_allclose(np.diff(laplace), np.diff([exact(p) for p in (0.5, 5.0, 50.0)]), atol=0.02)


def test_doubt_about_the_penalty_widens_and_vanishes_with_many_patients():
    rng = np.random.default_rng(7)
    wider = []
    for count in (200, 20_000):
        Z = rng.normal(size=(count, 6))
        y = (rng.random(count) < 1 / (1 + np.exp(-(Z @ [0.5, 0.3, 0, 0, -0.2, 0.1] - 1.5)))).astype(float)
        fit = fit_ridge(Z, y)
        wider.append(np.diag(covariance_over_penalties(Z, y, fit)) / np.diag(fit.covariance))
    assert (wider[0][1:] > 1).any()
    assert wider[0][1:].mean() > 1.01
    assert wider[1] == pytest.approx(1, abs=0.02)


def test_without_signal_the_penalty_leaves_little_of_the_coefficients():
    rng = np.random.default_rng(0)
    sizes = []
    for _ in range(20):
        Z, y = rng.normal(size=(450, 10)), (rng.random(450) < 0.16).astype(float)
        sizes.append(np.sqrt(np.sum(fit_ridge(Z, y).coefficients[1:] ** 2)))
    assert np.median(sizes) < 0.2
