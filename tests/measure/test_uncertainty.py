"""Stated errors of a median against what happens when the experiment is repeated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.images.acquisition import Acquisition
from qmri.measure.marrow.uncertainty import (
    combine,
    independence,
    mask_error_of_median,
    noise_error_of_median,
    sampling_error_of_median,
)


@pytest.mark.parametrize("spread", [0.0, 1.0, 4.0, 12.0])
def test_the_noise_term_is_the_spread_of_the_median_over_repeats(spread):
    rng = np.random.default_rng(3)
    truth = 45 + spread * rng.normal(size=900)
    noise_sd = rng.uniform(1.5, 2.5, 900)
    repeats = truth + noise_sd * rng.normal(size=(600, 900))
    stated = np.mean([noise_error_of_median(values, noise_sd, 1.0) for values in repeats[:20]])
    assert 0.8 < np.median(repeats, axis=1).std() / stated < 1.25


def test_correlated_noise_counts_its_independent_voxels():
    rng = np.random.default_rng(4)
    coarse = rng.normal(size=(400, 20, 20, 4))
    spectrum = np.fft.fft2(coarse, axes=(1, 2))
    padded = np.zeros((400, 32, 32, 4), complex)
    padded[:, 6:26, 6:26] = np.fft.fftshift(spectrum, axes=(1, 2))
    fine = np.fft.ifft2(np.fft.ifftshift(padded, axes=(1, 2)), axes=(1, 2)).real * (32 / 20) ** 2
    values = fine.reshape(400, -1)
    share = independence(Acquisition(acquired_matrix=(20, 20)), (32, 32, 4), 2).share
    stated = noise_error_of_median(values[0], np.full(values.shape[1], values.std()), share)
    assert 0.8 < np.median(values, axis=1).std() / stated < 1.25


def test_without_spread_the_median_is_1_25_times_as_noisy_as_the_mean():
    values = np.random.default_rng(0).normal(50, 2, 100_000)
    stated = noise_error_of_median(values, np.full(values.size, 2.0), 1.0)
    assert stated == pytest.approx(np.sqrt(np.pi / 2) * 2 / np.sqrt(values.size), rel=0.1)


@given(st.floats(0.1, 10), st.integers(2, 6))
def test_errors_scale_with_the_unit(scale, power):
    rng = np.random.default_rng(power)
    values, noise = rng.normal(50, 5, 300), np.full(300, 2.0)
    one = noise_error_of_median(values, noise, 1.0)
    assert noise_error_of_median(scale * values, scale * noise, 1.0) == pytest.approx(scale * one)


@pytest.mark.parametrize(
    ("matrix", "measured", "share", "source"),
    [
        (None, (None, None, None), 1.0, "assumed"),
        ((160, 160), (None, None, None), 0.390625, "header"),
        ((512, 512), (None, None, None), 1.0, "header"),
        (None, (0.5, 0.5, 1.0), 0.25, "residuals"),
        (None, (0.5, 0.5, 0.5), 0.125, "residuals"),
        (None, (None, None, 0.5), 0.5, "residuals"),
        ((128, 256), (0.9, 0.9, 0.5), 0.25, "header and residuals"),
    ],
)
def test_the_share_of_independent_voxels(matrix, measured, share, source):
    found = independence(Acquisition(acquired_matrix=matrix), (256, 256, 20), 2, measured)
    assert (found.share, found.source) == (share, source)


def test_the_block_bootstrap_of_independent_values_is_the_textbook_error():
    rng = np.random.default_rng(5)
    place = np.stack(np.meshgrid(*[np.arange(12.0)] * 3), axis=-1).reshape(-1, 3)
    stated = [
        sampling_error_of_median(rng.normal(0, 3, len(place)), place, block_mm=2.0, samples=400, seed=0)
        for _ in range(8)
    ]
    textbook = np.sqrt(np.pi / 2) * 3 / np.sqrt(len(place))
    assert np.mean(stated) == pytest.approx(textbook, rel=0.2)


def test_neighbours_that_go_together_make_the_sampling_error_larger():
    rng = np.random.default_rng(6)
    place = np.stack(np.meshgrid(*[np.arange(12.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lumps = np.kron(rng.normal(0, 3, (3, 3, 3)), np.ones((4, 4, 4))).ravel()
    alone = sampling_error_of_median(lumps, place, block_mm=1.0, samples=300, seed=0)
    together = sampling_error_of_median(lumps, place, block_mm=4.0, samples=300, seed=0)
    assert together > 3 * alone


def test_the_bootstrap_is_the_same_each_time_and_refuses_a_handful_of_blocks():
    rng = np.random.default_rng(7)
    place, values = rng.uniform(0, 20, (200, 3)), rng.normal(size=200)
    runs = [sampling_error_of_median(values, place, block_mm=6, samples=100, seed=1) for _ in range(2)]
    assert runs[0] == runs[1]
    assert sampling_error_of_median(values, place, block_mm=30, samples=100, seed=1) is None


def test_the_mask_error_is_zero_in_uniform_marrow_and_half_the_step_at_an_edge():
    roi = np.zeros((5, 12, 12), bool)
    roi[1:4, 4:8, 4:8] = True
    everywhere = np.ones_like(roi)
    voxel = np.array([4.0, 1.0, 1.0])
    assert mask_error_of_median(np.full(roi.shape, 40.0), roi, everywhere, voxel) == 0
    ramp = np.broadcast_to(np.abs(np.arange(12) - 5.5) * 2.0, roi.shape)
    inner, outer = 1.0, np.median(ramp[1:4, 4:8, 3:9])
    stated = mask_error_of_median(np.array(ramp), roi, everywhere, voxel)
    assert 0 < stated <= (outer - inner)


def test_the_total_takes_the_larger_of_noise_and_sampling():
    errors = combine(0.3, 0.4, None, 1.5)
    assert errors.total == pytest.approx(np.hypot(0.4, 1.5))
    assert combine(None, None, 2.0, 1.5).total == pytest.approx(2.5)
