"""Statistics of a region, for values as they are and for values that a scanner rounded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qmri.measure.marrow.distribution import median, pdff_columns, r2star_columns, rank_correlation, unrounded


def test_columns_by_hand():
    row = pdff_columns(np.arange(10.0, 31.0))
    assert row["pdff_mean_pct"] == 20
    assert row["pdff_median_pct"] == 20
    assert row["pdff_p05_pct"] == pytest.approx(11)
    assert row["pdff_iqr_pct"] == pytest.approx(10)
    assert row["pdff_sd_pct"] == pytest.approx(np.sqrt(38.5))
    assert row["pdff_below20_frac"] == pytest.approx(10 / 21)
    assert row["pdff_skew"] == pytest.approx(0, abs=1e-12)


def test_kurtosis_of_a_normal_distribution_is_three():
    values = np.random.default_rng(0).normal(50, 5, 200_000)
    assert pdff_columns(values)["pdff_kurt"] == pytest.approx(3, abs=0.1)


def test_t2star_is_the_inverse_of_r2star():
    row = r2star_columns(np.full(50, 125.0) + np.linspace(-1, 1, 50))
    assert row["t2star_median_ms"] == pytest.approx(8.0)


def test_too_few_values_make_no_row():
    assert pdff_columns(np.arange(9.0)) == {}
    assert rank_correlation(np.arange(9.0), np.arange(9.0)) == {}


@given(st.integers(0, 10_000))
def test_moments_and_rank_correlation_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    x = np.round(rng.gamma(3, 5, 60))
    y = np.round(x + rng.normal(0, 6, 60))
    row = pdff_columns(x)
    assert row["pdff_skew"] == pytest.approx(stats.skew(x))
    assert row["pdff_kurt"] == pytest.approx(stats.kurtosis(x, fisher=False))
    assert rank_correlation(x, y)["r2star_pdff_corr"] == pytest.approx(stats.spearmanr(x, y).statistic)


def test_correlation_sees_order_alone():
    x = np.linspace(1, 5, 30)
    assert rank_correlation(x, np.exp(-x)) == {"r2star_pdff_corr": pytest.approx(-1)}


@given(st.floats(20, 70), st.integers(0, 10_000), st.sampled_from((1.0, 0.5, 2.0)))
def test_rounding_moves_the_median_by_less_than_a_tenth_of_the_step(centre, seed, step):
    values = np.random.default_rng(seed).normal(centre, 4.0, 4001)
    rounded = np.rint(values / step) * step
    assert median(rounded) == pytest.approx(np.median(values), abs=0.1 * step)


@given(st.lists(st.floats(0, 100), min_size=12, max_size=60, unique=True))
def test_values_that_were_not_rounded_stay_as_they_are(values):
    array = np.array(values)
    assert unrounded(array) is array


def test_a_constant_stays_a_constant():
    assert set(unrounded(np.full(40, 48.0))) == {48.0}


@given(st.integers(0, 1000))
def test_unrounding_keeps_the_order_and_the_half_step(seed):
    values = np.random.default_rng(seed).integers(30, 60, 200).astype(float)
    spread = unrounded(values)
    assert np.abs(spread - values).max() < 0.5
    assert spread.mean() == pytest.approx(values.mean())


def test_the_shift_of_r2star_is_taken_out_of_the_mean_alone():
    values, shift = np.linspace(80, 120, 101), np.full(101, 4.0)
    plain, less = r2star_columns(values), r2star_columns(values, shift)
    assert less["r2star_mean_per_s"] == pytest.approx(96.0)
    assert less["r2star_median_per_s"] == plain["r2star_median_per_s"] == pytest.approx(100.0)
