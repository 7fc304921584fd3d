"""Noise, and maps whose noise is that of an efficient fit."""

import numpy as np
import pytest

from qmri.signal import WaterFatModel, cramer_rao
from qmri.simulate.imaging.geometry import sagittal_grid
from qmri.simulate.imaging.physics import Truth
from qmri.simulate.imaging.receive import coil_sensitivity, complex_noise, received_echoes, scanner_maps

TIMES = 1.2e-3 + 1.0e-3 * np.arange(6)
MODEL = WaterFatModel.at("ren9", TIMES, 127.73)


def uniform(shape, pdff, r2star):
    ones = np.ones(shape)
    return Truth((1 - pdff / 100) * ones, pdff / 100 * ones, r2star * ones, 0.0 * ones)


@pytest.mark.parametrize("pdff", [30.0, 60.0])
def test_maps_reach_the_cramer_rao_bound_and_have_no_bias(pdff):
    shape, snr = (60, 60, 2), 30.0
    rng = np.random.default_rng(5)
    noise = complex_noise((*shape, 6), (60, 60), rng) / snr
    maps = scanner_maps(uniform(shape, pdff, 100.0), MODEL, np.ones(shape, dtype=complex), noise, rng)
    # The scanner's water and fat have phases of their own, so its bound is no lower than ours.
    bound = cramer_rao(MODEL, 1 - pdff / 100, pdff / 100, 100.0, 1 / snr)
    assert maps.pdff.mean() == pytest.approx(pdff, abs=0.2)
    assert 0.95 * bound.pdff < maps.pdff.std() < 1.5 * bound.pdff
    assert maps.r2star.mean() == pytest.approx(100.0, abs=2.0)
    assert 0.95 * bound.r2star < maps.r2star.std() < 1.5 * bound.r2star


def test_fat_fraction_is_that_of_the_water_and_fat_images():
    shape = (20, 20, 2)
    rng = np.random.default_rng(2)
    noise = complex_noise((*shape, 6), (20, 20), rng) / 100
    maps = scanner_maps(uniform(shape, 45.0, 80.0), MODEL, np.ones(shape, dtype=complex), noise, rng)
    np.testing.assert_allclose(maps.pdff, 100 * maps.fat / (maps.water + maps.fat), atol=0.3)


def test_without_signal_the_fat_fraction_is_noise():
    shape = (30, 30, 2)
    rng = np.random.default_rng(3)
    noise = complex_noise((*shape, 6), (30, 30), rng)
    maps = scanner_maps(uniform(shape, 0.0, 0.0), MODEL, np.zeros(shape, dtype=complex), noise, rng)
    assert np.isfinite(maps.pdff).all()
    assert maps.pdff.std() > 30


def test_interpolated_noise_keeps_its_variance_and_ties_neighbours():
    noise = complex_noise((64, 64, 3, 2), (48, 40), np.random.default_rng(4))
    assert noise.real.std() == pytest.approx(1.0, rel=0.03)
    tie = np.mean(noise[1:] * noise[:-1].conj()).real / np.mean(np.abs(noise) ** 2)
    assert tie > 0.3
    white = complex_noise((64, 64, 3, 2), (64, 64), np.random.default_rng(4))
    assert abs(np.mean(white[1:] * white[:-1].conj()).real / 2) < 0.02


def test_echoes_are_the_model_times_the_coil():
    shape = (4, 4, 2)
    truth = uniform(shape, 40.0, 90.0)
    coil = np.full(shape, 0.5 * np.exp(0.3j))
    echoes = received_echoes(truth, MODEL, coil, np.zeros((*shape, 6)))
    np.testing.assert_allclose(echoes[1, 2, 0], 0.5 * MODEL.forward(0.6, 0.4, 90.0, 0.0, 0.3))


def test_coil_is_strongest_at_the_back():
    grid = sagittal_grid((40, 60, 4), (2.0, 2.0, 4.0), (0.0, 0.0, 0.0))
    coil = np.abs(coil_sensitivity(grid, -40.0, np.random.default_rng(1)))
    profile = coil.mean(axis=(1, 2))
    assert profile[-1] > 1.3 * profile[0]
