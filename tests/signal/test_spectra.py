"""Fat spectra: published tables, the chemistry behind them, golden numbers."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.signal import (
    FAT_MODELS,
    GAMMA_MHZ_PER_T,
    FatModel,
    fat_frequencies,
    fat_model,
    fat_phasor,
    triglyceride,
    water_position,
)


def test_frequencies_of_the_challenge_spectrum_at_1_5_t():
    expected = [-242.706, -217.158, -166.062, -123.9078, -24.9093, 38.322]
    assert fat_frequencies("toolbox6", 42.58 * 1.5) == pytest.approx(expected, abs=1e-9)


def test_golden_phasor_at_3_t():
    phasor = fat_phasor("ren9", np.arange(1.2, 6.3) * 1e-3, 3 * GAMMA_MHZ_PER_T, water_ppm=4.7)
    expected = [
        -0.742669 + 0.027926j,
        0.710234 + 0.338595j,
        -0.388352 - 0.410359j,
        0.199738 + 0.482443j,
        -0.160230 - 0.467228j,
        -0.165375 + 0.481907j,
    ]
    np.testing.assert_allclose(phasor, expected, atol=1e-6)


@pytest.mark.parametrize("name", FAT_MODELS)
def test_phasor_starts_at_one_and_never_exceeds_it(name):
    phasor = fat_phasor(name, [0.0, 1e-3, 5e-3], 127.7)
    assert phasor[0] == pytest.approx(1.0)
    assert np.all(np.abs(phasor) <= 1 + 1e-12)


def test_amplitudes_may_have_any_scale():
    scaled = FatModel("scaled", FAT_MODELS["ren9"].ppm, tuple(7 * a for a in FAT_MODELS["ren9"].amplitudes))
    np.testing.assert_allclose(
        fat_phasor(scaled, [2e-3], 127.7), fat_phasor("ren9", [2e-3], 127.7), rtol=1e-12
    )


def test_ren9_is_the_spectrum_of_a_triglyceride():
    amplitudes = np.array(triglyceride(17.33, 2.86, 0.74).amplitudes)
    np.testing.assert_allclose(amplitudes / amplitudes.sum(), FAT_MODELS["ren9"].amplitudes, atol=1.5e-3)


def test_water_moves_with_temperature():
    assert water_position(37.0) - 1.3 == pytest.approx(3.347, abs=5e-4)
    assert water_position(22.9) - 1.3 == pytest.approx(3.50, abs=5e-3)
    warm, cold = (fat_frequencies("ren9", 100.0, water_ppm=water_position(t)) for t in (37.0, 27.0))
    np.testing.assert_allclose(warm - cold, 10.85, rtol=1e-9)


def test_a_spectrum_counted_from_water_keeps_its_distance():
    np.testing.assert_array_equal(
        fat_frequencies("toolbox6", 100.0, water_ppm=4.0), fat_frequencies("toolbox6", 100.0, water_ppm=5.0)
    )


def test_unknown_spectrum_names_the_nearest():
    with pytest.raises(QmriError, match="ren9, perhaps"):
        fat_model("ren-9")


@pytest.mark.parametrize("amplitudes", [(1.0,), (1.0, -0.1), (0.0, 0.0), (1.0, float("nan"))])
def test_a_spectrum_without_sensible_amplitudes_is_refused(amplitudes):
    with pytest.raises(QmriError, match="not a list of peaks"):
        FatModel("mine", (-3.4, -2.6), amplitudes)
