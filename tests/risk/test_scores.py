"""ODI and VAS at one year."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from qmri.risk.regression.scores import fit_score


def sample(n=200, seed=0):
    rng = np.random.default_rng(seed)
    Z, baseline = rng.normal(size=(n, 4)), rng.normal(60, 10, n)
    return Z, baseline, 10 + 0.3 * baseline + Z @ [3.0, 0, -2.0, 0] + rng.normal(0, 6, n)


def test_it_finds_what_is_true():
    Z, baseline, score = sample(2000)
    model = fit_score(Z, baseline, score)
    np.testing.assert_allclose(model.coefficients[1:], [0.3, 3, 0, -2, 0], atol=0.4)
    assert model.residual_sd == pytest.approx(6, abs=0.4)


def test_the_penalty_is_that_of_the_largest_marginal_likelihood():
    """Brute force: the restricted likelihood as a normal density of what the free columns leave."""
    Z, baseline, score = sample(60)
    model = fit_score(Z, baseline, score)
    free = np.column_stack([np.ones(60), baseline])
    left = np.linalg.svd(free)[0][:, 2:].T

    def restricted(penalty):
        shape = left @ (np.eye(60) + Z @ Z.T / penalty) @ left.T
        rest = left @ score
        variance = rest @ np.linalg.solve(shape, rest) / 58
        return multivariate_normal.logpdf(rest, np.zeros(58), variance * shape)

    best = max(restricted(penalty) for penalty in np.geomspace(0.01, 5e4, 400))
    assert restricted(model.penalty) >= best - 1e-3


def test_cross_validation_explains_less_than_the_fit():
    model = fit_score(*sample())
    assert model.r2_cross_validated < model.r2


def test_gaps_are_left_out_and_few_patients_are_not_fitted():
    Z, baseline, score = sample()
    score[:50] = np.nan
    assert fit_score(Z, baseline, score).n == 150
    score[20:] = np.nan
    assert fit_score(Z, baseline, score) is None
