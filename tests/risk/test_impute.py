"""Gaps: closed forms, and that the outcome has no part."""

import inspect

import numpy as np

from qmri.risk.cohort import impute
from qmri.risk.cohort.impute import NormalModel, complete, filled_means, fit_normal


def correlated(count=400, seed=1):
    rng = np.random.default_rng(seed)
    covariance = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.1], [-0.3, 0.1, 1.0]])
    return rng.multivariate_normal(np.zeros(3), covariance, count)


def test_without_gaps_it_is_mean_and_covariance():
    Z = correlated()
    model = fit_normal(Z)
    np.testing.assert_allclose(model.mean, Z.mean(axis=0))
    np.testing.assert_allclose(model.covariance, np.cov(Z.T, bias=True), atol=2e-6)
    np.testing.assert_array_equal(complete(Z, model).terms, Z)


def test_one_column_with_gaps_has_the_factored_likelihood_in_closed_form():
    """Regression of the second on the first where both are known, the first over all (Anderson 1957)."""
    Z = correlated()[:, :2]
    Z[::3, 1] = np.nan
    both = np.isfinite(Z[:, 1])
    slope = np.cov(Z[both].T, bias=True)[0, 1] / Z[both, 0].var()
    residual = Z[both, 1].var() - slope**2 * Z[both, 0].var()
    model = fit_normal(Z)
    expected = Z[both, 1].mean() + slope * (Z[:, 0].mean() - Z[both, 0].mean())
    np.testing.assert_allclose(model.mean, [Z[:, 0].mean(), expected], atol=1e-5)
    np.testing.assert_allclose(model.covariance[0, 1], slope * Z[:, 0].var(), atol=1e-4)
    np.testing.assert_allclose(model.covariance[1, 1], residual + slope**2 * Z[:, 0].var(), atol=1e-4)


def test_a_gap_is_the_conditional_mean_by_hand():
    model = NormalModel(np.array([1.0, 2.0]), np.array([[4.0, 1.0], [1.0, 3.0]]))
    done = complete(np.array([[3.0, np.nan], [np.nan, np.nan], [0.0, 5.0]]), model)
    np.testing.assert_allclose(done.terms, [[3.0, 2.5], [1.0, 2.0], [0.0, 5.0]])
    np.testing.assert_allclose(done.gap_covariance[0], [[0, 0], [0, 3 - 1 / 4]])
    np.testing.assert_allclose(done.gap_covariance[1], model.covariance)
    assert not done.gap_covariance[2].any()
    np.testing.assert_allclose(filled_means(np.array([[3.0, np.nan]]), model), [[3.0, 2.5]])


def test_where_it_begins_does_not_change_where_it_ends():
    Z = correlated()
    Z[np.random.default_rng(2).random(Z.shape) < 0.2] = np.nan
    first = fit_normal(Z)
    second = fit_normal(Z, NormalModel(np.ones(3), 3 * np.eye(3)))
    np.testing.assert_allclose(first.mean, second.mean, atol=1e-4)
    np.testing.assert_allclose(first.covariance, second.covariance, atol=1e-4)


def test_no_outcome_can_be_handed_to_it():
    for function in (fit_normal, complete, filled_means):
        assert not {"y", "outcome", "outcomes"} & set(inspect.signature(function).parameters)
    assert "outcome takes no part" in impute.__doc__


def test_a_term_that_does_not_vary_and_one_never_known_break_nothing():
    Z = correlated(60)
    Z[:, 1] = 0.0
    Z[::2, 2] = np.nan
    model = fit_normal(Z)
    assert np.isfinite(complete(Z, model).terms).all()
