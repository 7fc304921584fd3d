"""The mode follows the data: what is wrong with the phases is found, and nothing where nothing is wrong."""

import numpy as np
import pytest
from scipy import ndimage

from qmri.errors import QmriError
from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T

TIMES = tuple(1e-3 * (1.2 + np.arange(6)))
ALTERNATING = (-1.0) ** np.arange(6)
FIRST = (np.arange(6) == 0).astype(float)


@pytest.fixture(scope="module")
def clean(body):
    return body.signal(TIMES, 3.0, 30)


def smooth_phase(shape, degrees, seed=5):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 5)
    return np.deg2rad(degrees) * field / field.std()


def fit(body, signal, **options):
    return fit_water_fat(
        signal, TIMES, 3 * GAMMA_MHZ_PER_T, voxel_size=body.voxel_size, mask=body.mask, **options
    )


def wrong_share(body, result, tolerance=30.0):
    return np.mean(~(np.abs(result.pdff - body.pdff)[body.mask] < tolerance))


@pytest.mark.parametrize("spectrum", ["ren9", "hamilton6", "karampinos8"])
def test_data_without_fault_are_fitted_with_a_common_phase(body, clean, spectrum):
    decisions = fit(body, clean, fat_model=spectrum).decisions
    assert decisions.mode == "complex"
    assert decisions.water_fat_phase_deg == 0
    assert decisions.echo_phase_deg is None
    assert all(decisions.trusted_phases)
    assert decisions.warnings == ()


@pytest.mark.parametrize("degrees", [40.0, -20.0])
def test_an_offset_between_water_and_fat_is_found_and_does_no_harm(body, degrees):
    signal = body.signal(TIMES, 3.0, 30, fat_phase=np.deg2rad(degrees))
    result = fit(body, signal)
    assert result.decisions.mode == "complex"
    assert result.decisions.water_fat_phase_deg == pytest.approx(degrees, abs=3)
    assert np.mean((result.pdff - body.pdff)[body.mask]) == pytest.approx(0, abs=0.2)


def test_phases_that_differ_from_place_to_place_are_set_free(body):
    signal = body.signal(TIMES, 3.0, 30, fat_phase=smooth_phase(body.mask.shape, 30.0))
    result = fit(body, signal)
    assert result.decisions.mode == "complex, free phases"
    assert result.decisions.phase_spread_deg > 12
    assert np.mean((result.pdff - body.pdff)[body.mask]) == pytest.approx(0, abs=0.2)
    assert wrong_share(body, result) < 1e-4


def test_a_bipolar_readout_is_recognised_and_removed(body, clean):
    ramp = np.deg2rad(15 + 30 * np.linspace(-1, 1, body.mask.shape[0]))
    signal = clean * np.exp(1j * np.multiply.outer(ramp, ALTERNATING))[:, np.newaxis, np.newaxis]
    result = fit(body, signal)
    assert result.decisions.mode == "complex"
    assert max(result.decisions.echo_phase_deg) > 10
    assert any("bipolar" in text for text in result.decisions.warnings)
    reference = fit(body, clean)
    difference = (result.pdff - reference.pdff)[body.mask]
    assert np.sqrt(np.mean(difference**2)) < 0.3
    assert np.mean((result.pdff - body.pdff)[body.mask]) == pytest.approx(0, abs=0.2)


def fatty_slice(phantoms, seed):
    """A slice of fat with two small discs of water, which alone tell of phase errors."""
    rng = np.random.default_rng(seed)
    shape = (100, 100, 1)
    x, y, _ = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    pdff = np.where(x > 0, 93.0, 60.0)
    for centre in rng.uniform(-0.8, 0.8, (2, 2)):
        pdff[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < 0.14**2] = rng.choice([3.0, 8.0])
    return phantoms.Phantom(
        pdff=pdff,
        r2star=np.full(shape, rng.uniform(25, 160)),
        field=100 * (x * y + 0.5 * x),
        amplitude=np.ones(shape),
        phase=0.8 * x + 0.5 * y,
        mask=np.ones(shape, dtype=bool),
        voxel_size=(1.5, 1.5, 5.0),
    )


@pytest.mark.parametrize("seed", range(12))
def test_noise_in_a_small_volume_is_not_taken_for_phase_errors_of_echoes(phantoms, seed):
    fatty = fatty_slice(phantoms, seed)
    result = fit(fatty, fatty.signal(TIMES, 3.0, 30, seed=seed))
    assert result.decisions.echo_phase_deg is None
    assert result.decisions.warnings == ()
    assert np.mean((result.pdff - fatty.pdff)[fatty.mask]) == pytest.approx(0, abs=0.25)


def test_small_phase_errors_are_found_where_many_voxels_tell_of_them(body, clean):
    result = fit(body, clean * np.exp(0.05j * ALTERNATING))
    assert max(result.decisions.echo_phase_deg) > 2
    reference = fit(body, clean)
    assert reference.decisions.echo_phase_deg is None
    assert np.sqrt(np.mean((result.pdff - reference.pdff)[body.mask] ** 2)) < 0.3


def test_a_first_echo_of_random_phase_counts_by_its_magnitude_alone(body, clean):
    noise = np.random.default_rng(1).normal(scale=np.deg2rad(40), size=body.mask.shape)
    signal = clean * np.exp(1j * np.multiply.outer(noise, FIRST))
    result = fit(body, signal)
    assert result.decisions.mode == "hybrid"
    assert result.decisions.trusted_phases == (False, True, True, True, True, True)
    assert np.mean((result.pdff - body.pdff)[body.mask]) == pytest.approx(0, abs=0.2)
    assert wrong_share(body, result) < 1e-4
    assert any("echo 1" in text for text in result.decisions.warnings)


def test_magnitudes_are_fitted_with_a_flag_and_the_risk_is_told(body, clean):
    result = fit(body, np.abs(clean))
    assert result.decisions.mode == "magnitude"
    assert result.decisions.warnings[0].startswith("MAGNITUDE ONLY")
    assert wrong_share(body, result) < 5e-3
    assert np.all(np.isnan(result.field))
    wrong = body.mask & ~(np.abs(result.pdff - body.pdff) < 30)
    assert np.median(result.swap_risk[wrong]) > 2 * np.median(result.swap_risk[body.mask])


def test_phases_of_no_use_at_all_leave_the_magnitudes(body, clean):
    noise = np.random.default_rng(2).normal(scale=np.deg2rad(25), size=clean.shape)
    result = fit(body, clean * np.exp(1j * noise))
    assert result.decisions.mode == "magnitude"
    assert not any(result.decisions.trusted_phases)


@pytest.mark.parametrize("snr", [30, 12])
def test_phases_of_the_opposite_sign_are_refused(body, snr):
    with pytest.raises(QmriError, match="opposite sign"):
        fit(body, body.signal(TIMES, 3.0, snr).conj())


def test_magnitudes_of_three_echoes_and_negative_magnitudes_are_refused(clean):
    with pytest.raises(QmriError, match="so few echoes do not tell"):
        fit_water_fat(np.abs(clean[..., :3]), TIMES[:3], 3 * GAMMA_MHZ_PER_T)
    with pytest.raises(QmriError, match="negative values"):
        fit_water_fat(clean.real, TIMES, 3 * GAMMA_MHZ_PER_T)
