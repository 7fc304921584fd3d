"""Riley's criteria: the published figures and the closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from qmri.risk.performance.sample_size import cox_snell_r2, sample_size


def test_what_560_patients_afford():
    assert sample_size(520, 83, 10, 0.75).affordable == pytest.approx(6.7, abs=0.1)
    assert sample_size(520, 83, 10, 0.80).affordable == pytest.approx(10.0, abs=0.1)
    assert sample_size(10_000, 1600, 8, 0.75).needed == pytest.approx(623, abs=4)
    assert sample_size(10_000, 1600, 12, 0.75).needed == pytest.approx(934, abs=5)


def test_r2_of_a_normal_predictor_is_that_of_a_large_sample():
    rng = np.random.default_rng(0)
    share, area, n = 0.16, 0.75, 400_000
    d = np.sqrt(2) * norm.ppf(area)
    y = rng.random(n) < share
    eta = np.log(share / (1 - share)) + d * (rng.normal(size=n) + d * y) - d * d / 2
    seen = y.mean()
    gain = np.mean(y * eta - np.logaddexp(0, eta)) - (seen * np.log(seen) + (1 - seen) * np.log(1 - seen))
    assert cox_snell_r2(area, share) == pytest.approx(1 - np.exp(-2 * gain), abs=0.002)
    assert cox_snell_r2(0.5, share) == pytest.approx(0.0, abs=1e-12)


def test_the_worked_example_of_riley_2019_is_met():
    """Shrinkage of 0.9 with R2 of 0.288 and 24 parameters needs 623 (their table, binary outcome)."""
    assert 24 / ((0.9 - 1) * np.log(1 - 0.288 / 0.9)) == pytest.approx(623, abs=1)


@pytest.mark.parametrize(("events", "parameters", "fits"), [(49, 10, False), (50, 12, True), (50, 13, False)])
def test_fewer_than_50_events_or_4_a_parameter_are_not_fitted(events, parameters, fits):
    assert sample_size(500, events, parameters, 0.75).enough_to_fit is fits


def test_too_few_without_the_event_are_as_bad():
    assert not sample_size(500, 470, 5, 0.75).enough_to_fit


def test_below_the_criteria_it_is_exploratory():
    assert sample_size(520, 83, 10, 0.75).exploratory
    assert not sample_size(1000, 160, 8, 0.75).exploratory
