"""Swaps, bias, precision and calibration on phantoms with noise, islands and steep fields."""

import numpy as np
import pytest

from qmri.fit import Reason, fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T

SIX = tuple(1e-3 * (1.2 + np.arange(6)))
SIX_AT_1_5_T = tuple(1e-3 * (1.2 + 1.8 * np.arange(6)))
JITTER = 1e-3 * np.array([0.0, 0.05, -0.03, 0.04, -0.05, 0.02])


def test_at_snr_30_there_are_no_swaps_and_the_bound_is_reached(body, accuracy):
    fit = accuracy(body, body.signal(SIX, 3.0, 30), SIX, 3.0, 30)
    assert fit.swapped.mean() <= 1e-4
    assert abs(fit.pdff_error.mean()) <= 0.2
    assert abs(fit.r2star_error.mean()) <= 1.0
    assert fit.pdff_rmse <= 1.05 * fit.pdff_bound
    assert fit.r2star_rmse <= 1.05 * fit.r2star_bound
    assert fit.pdff_sd / fit.pdff_rmse == pytest.approx(1, abs=0.07)
    assert fit.r2star_sd / fit.r2star_rmse == pytest.approx(1, abs=0.07)
    assert fit.result.decisions.noise_sd == pytest.approx(1 / 30, rel=0.03)
    assert fit.result.decisions.mode == "complex"


def test_at_1_5_t_the_neighbours_lower_the_error_below_the_bound(phantoms, accuracy):
    phantom = phantoms.body((72, 56, 24), field_range=125.0, field_strength=1.5)
    fit = accuracy(phantom, phantom.signal(SIX_AT_1_5_T, 1.5, 30), SIX_AT_1_5_T, 1.5, 30)
    assert fit.swapped.mean() <= 1e-4
    assert abs(fit.pdff_error.mean()) <= 0.2
    assert fit.pdff_rmse <= fit.pdff_bound
    assert fit.pdff_sd / fit.pdff_rmse == pytest.approx(1, abs=0.07)


@pytest.mark.parametrize("echo_times", [SIX, tuple(SIX + JITTER)], ids=["even", "uneven"])
def test_little_signal_in_a_field_of_600_hz(phantoms, accuracy, echo_times):
    phantom = phantoms.body((72, 56, 24), field_range=460.0)
    fit = accuracy(phantom, phantom.signal(echo_times, 3.0, 12), echo_times, 3.0, 12)
    assert fit.swapped.mean() <= 3e-4
    assert fit.result.decisions.evenly_spaced == (echo_times == SIX)


@pytest.mark.parametrize("n_echoes", [3, 4, 8])
def test_any_number_of_echoes_from_three(body, accuracy, n_echoes):
    echo_times = tuple(1e-3 * (1.2 + np.arange(n_echoes)))
    fit = accuracy(body, body.signal(echo_times, 3.0, 30), echo_times, 3.0, 30)
    assert fit.swapped.mean() <= 1e-4
    assert fit.pdff_rmse <= 1.05 * fit.pdff_bound


@pytest.mark.parametrize(
    ("field_strength", "first_ms", "spacing_ms"), [(0.3, 4.0, 12.0), (0.55, 2.0, 4.0), (7.0, 0.9, 0.45)]
)
def test_other_field_strengths(phantoms, accuracy, field_strength, first_ms, spacing_ms):
    echo_times = tuple(1e-3 * (first_ms + spacing_ms * np.arange(6)))
    phantom = phantoms.body(
        (72, 56, 24), field_range=80 * field_strength, field_strength=field_strength, r2star_max=40.0
    )
    phantom.r2star[...] = 5 + np.minimum(phantom.r2star, 40.0) * min(1.0, field_strength / 1.5)
    fit = accuracy(phantom, phantom.signal(echo_times, field_strength, 30), echo_times, field_strength, 30)
    assert fit.swapped.mean() <= 1e-4
    assert fit.pdff_rmse <= 1.05 * fit.pdff_bound


def test_much_iron_is_fitted_or_refused_never_swapped(phantoms, accuracy):
    phantom = phantoms.body((72, 56, 24), r2star_max=800.0)
    fit = accuracy(phantom, phantom.signal(SIX, 3.0, 30), SIX, 3.0, 30)
    refused = fit.result.reason[phantom.mask] != Reason.FITTED
    assert (fit.swapped & ~refused).mean() <= 1e-4
    assert refused.mean() < 0.01
    organ = phantom.mask & (phantom.r2star == 800.0)
    assert np.nanmedian(fit.result.r2star[organ]) == pytest.approx(800, rel=0.1)


def test_regions_of_pure_water_and_pure_fat_are_unbiased(body):
    result = fit_water_fat(body.signal(SIX, 3.0, 20), SIX, 3 * GAMMA_MHZ_PER_T, mask=body.mask)
    for pdff in (0.0, 100.0):
        region = body.mask & (body.pdff == pdff)
        assert np.mean(result.pdff[region]) == pytest.approx(pdff, abs=0.3)
        assert np.any(result.pdff[region] < 0) or np.any(result.pdff[region] > 100)


def test_the_spine_with_a_lung_beside_it(phantoms, accuracy):
    phantom = phantoms.spine((22, 88, 88))
    fit = accuracy(phantom, phantom.signal(SIX, 3.0, 30), SIX, 3.0, 30)
    assert fit.swapped.mean() <= 1e-4
    assert abs(fit.pdff_error.mean()) <= 0.2
    assert abs(fit.r2star_error.mean()) <= 1.0
