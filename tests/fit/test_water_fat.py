"""The fit from end to end: golden numbers, limits and invariances."""

import json

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.fit import Reason, fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T, FatModel, WaterFatModel, cramer_rao, water_position
from qmri.signal import fat_model as find_fat_model

ECHO_TIMES = np.arange(1.2, 6.3) * 1e-3
FREQUENCY = 3 * GAMMA_MHZ_PER_T
MODEL = WaterFatModel.at("ren9", ECHO_TIMES, FREQUENCY)
MAPS = ("pdff", "r2star", "field", "water", "fat", "phase", "pdff_sd", "r2star_sd", "residual", "swap_risk")


@pytest.fixture(scope="module")
def noisy(body):
    return body.signal(tuple(ECHO_TIMES), 3.0, 30)


def fit(signal, **options):
    return fit_water_fat(signal, ECHO_TIMES, FREQUENCY, **options)


def test_without_noise_the_truth_comes_back():
    pdff, r2star, field = np.meshgrid(
        np.linspace(0, 100, 11), [20.0, 60.0, 150.0, 300.0], np.linspace(-150, 150, 7), indexing="ij"
    )
    result = fit(MODEL.forward(1 - pdff / 100, pdff / 100, r2star, field, 0.3))
    assert np.all(result.reason == Reason.FITTED)
    np.testing.assert_allclose(result.pdff, pdff, atol=1e-2)
    np.testing.assert_allclose(result.r2star, r2star, atol=1e-2)
    np.testing.assert_allclose(result.field, field, atol=1e-2)
    np.testing.assert_allclose(result.phase, 0.3, atol=1e-4)
    np.testing.assert_allclose(result.water, 1 - pdff / 100, atol=1e-4)
    np.testing.assert_allclose(result.fat, pdff / 100, atol=1e-4)
    assert np.nanmax(result.residual) < 1e-4


@pytest.mark.parametrize(("pdff", "sd"), [(30.0, 2.06), (60.0, 1.62)])
def test_monte_carlo_of_the_golden_numbers(pdff, sd):
    rng = np.random.default_rng(4)
    clean = MODEL.forward(np.full((20, 20, 20), 1 - pdff / 100), pdff / 100, 100.0, 40.0, 0.2)
    noise = rng.normal(scale=1 / 30, size=(2, *clean.shape))
    result = fit(clean + noise[0] + 1j * noise[1])
    assert np.mean(result.pdff) == pytest.approx(pdff, abs=0.15)
    assert np.std(result.pdff) < 1.05 * sd
    bound = cramer_rao(MODEL, 1 - pdff / 100, pdff / 100, 100.0, 1 / 30)
    assert np.std(result.r2star) == pytest.approx(bound.r2star, rel=0.05)
    assert np.median(result.r2star_sd) == pytest.approx(bound.r2star, rel=0.05)


@pytest.mark.parametrize(
    ("pdff", "pdff_error", "r2star_error"), [(50, -2.7, 15), (70, -2.7, 37), (90, -1.6, 37)]
)
def test_the_liver_spectrum_in_marrow_errs_as_published(pdff, pdff_error, r2star_error):
    signal = MODEL.forward(np.full((6, 6, 3), 1 - pdff / 100), pdff / 100, 100.0, 20.0, 0.3)
    result = fit(signal, fat_model="hamilton6")
    assert np.mean(result.pdff) - pdff == pytest.approx(pdff_error, abs=0.3)
    assert np.mean(result.r2star) - 100 == pytest.approx(r2star_error, abs=3)


def test_a_spectrum_of_the_user_is_used_and_named():
    single = FatModel("one peak", (-3.4,), (1.0,), relative_to_water=True)
    signal = WaterFatModel.at(single, ECHO_TIMES, FREQUENCY).forward(np.full((5, 5, 2), 0.3), 0.7, 50.0)
    result = fit(signal, fat_model=single)
    np.testing.assert_allclose(result.pdff, 70.0, atol=1e-2)
    assert result.decisions.fat_model_id == "one peak"


@pytest.mark.parametrize("r2star", [0.0, 2.0])
def test_no_decay_and_short_echo_times_are_no_special_case(r2star):
    times = np.arange(6) * 1e-3
    signal = WaterFatModel.at("ren9", times, FREQUENCY).forward(np.full((4, 4, 4), 0.8), 0.2, r2star, 10.0)
    result = fit_water_fat(signal, times, FREQUENCY)
    np.testing.assert_allclose(result.pdff, 20.0, atol=1e-2)
    np.testing.assert_allclose(result.r2star, r2star, atol=1e-2)


def test_a_global_phase_changes_nothing_but_the_phase(noisy, body):
    plain, turned = (fit(noisy * np.complex64(turn), mask=body.mask) for turn in (1, np.exp(2.1j)))
    np.testing.assert_allclose(turned.pdff, plain.pdff, atol=0.02)
    difference = np.angle(np.exp(1j * (turned.phase - plain.phase - 2.1)))
    assert np.nanmax(np.abs(difference)) < 1e-3


@pytest.mark.parametrize("factor", [2.0**-40, 1000.0, 1e20])
def test_the_unit_of_the_signal_does_not_matter(noisy, body, factor):
    plain, scaled = (fit(noisy.astype(np.complex128) * unit, mask=body.mask) for unit in (1.0, factor))
    np.testing.assert_allclose(scaled.pdff, plain.pdff, atol=0.02)
    np.testing.assert_allclose(scaled.water, plain.water * factor, rtol=2e-3, atol=1e-4 * factor)
    assert scaled.decisions.noise_sd == pytest.approx(plain.decisions.noise_sd * factor, rel=1e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipped_axes_flip_the_maps(noisy, body, axis):
    plain = fit(noisy, mask=body.mask, voxel_size=body.voxel_size)
    flipped = fit(np.flip(noisy, axis), mask=np.flip(body.mask, axis), voxel_size=body.voxel_size)
    difference = np.abs(np.flip(flipped.pdff, axis) - plain.pdff)[body.mask]
    assert np.mean(difference > 0.1) < 1e-3


def test_turned_axes_turn_the_maps(noisy, body):
    plain = fit(noisy, mask=body.mask, voxel_size=body.voxel_size)
    size = tuple(body.voxel_size[axis] for axis in (2, 0, 1))
    turned = fit(noisy.transpose(2, 0, 1, 3), mask=body.mask.transpose(2, 0, 1), voxel_size=size)
    difference = np.abs(turned.pdff.transpose(1, 2, 0) - plain.pdff)[body.mask]
    assert np.mean(difference > 0.1) < 1e-3


def test_the_bits_do_not_depend_on_the_number_of_threads(noisy, body):
    one, three = (fit(noisy, mask=body.mask, threads=threads) for threads in (1, 3))
    for name in MAPS:
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))
    assert one.decisions == three.decisions


def test_read_only_and_strided_input_gives_the_same(noisy):
    plain = fit(noisy)
    strided = np.moveaxis(np.ascontiguousarray(np.moveaxis(noisy, 3, 0)), 0, 3)
    strided.flags.writeable = False
    np.testing.assert_array_equal(fit(strided).pdff, plain.pdff)


def test_a_single_slice_in_two_or_three_dimensions(noisy):
    flat, thick = fit(noisy[:, :, 12]), fit(noisy[:, :, 12:13])
    assert flat.pdff.shape == noisy.shape[:2]
    assert thick.pdff.shape == (*noisy.shape[:2], 1)
    np.testing.assert_array_equal(flat.pdff, thick.pdff[..., 0])


def test_voxels_without_a_number_or_a_signal_are_nan_with_a_reason(noisy, body):
    signal, place = noisy.copy(), (36, 28)
    signal[(*place, 3)] = np.nan
    signal[(*place, 4)] = 0
    signal[(*place, 5, 2)] = np.inf
    result = fit(signal, mask=body.mask)
    assert result.reason[(*place, 3)] == Reason.NOT_FINITE
    assert result.reason[(*place, 4)] == Reason.NO_SIGNAL
    assert result.reason[(*place, 5)] == Reason.NOT_FINITE
    assert result.reason[0, 0, 0] == Reason.OUTSIDE_MASK
    for name in MAPS:
        np.testing.assert_array_equal(np.isnan(getattr(result, name)), result.reason != Reason.FITTED)


def test_the_automatic_mask_keeps_the_body_and_drops_the_air(noisy, body):
    fitted = fit(noisy).reason == Reason.FITTED
    assert fitted[body.mask].mean() > 0.999
    assert fitted[~body.mask].mean() < 0.15


@pytest.mark.parametrize("shape", [(4, 4, 4), (1, 1, 1)])
def test_nothing_to_fit_gives_nothing_and_says_so(shape):
    result = fit(np.zeros((*shape, 6), dtype=complex))
    assert np.all(result.reason == Reason.OUTSIDE_MASK)
    assert np.all(np.isnan(result.pdff))
    assert any("no voxel has a signal" in text for text in result.decisions.warnings)


def test_a_single_voxel_can_be_fitted():
    result = fit(MODEL.forward(0.4, 0.6, 80.0, -60.0, 1.0)[np.newaxis, np.newaxis])
    assert result.pdff[0, 0] == pytest.approx(60.0, abs=1e-2)
    assert result.field[0, 0] == pytest.approx(-60.0, abs=1e-2)


def test_shapes_that_do_not_agree_are_refused():
    with pytest.raises(QmriError, match="shape"):
        fit(np.ones((4, 4, 5), dtype=complex))
    with pytest.raises(QmriError, match="another grid"):
        fit(np.ones((4, 4, 6), dtype=complex), mask=np.ones((4, 5)))
    with pytest.raises(QmriError, match="not numbers"):
        fit(np.full((4, 4, 6), "a"))


def test_decisions_are_json(noisy):
    record = fit(noisy).decisions.to_json()
    assert json.loads(json.dumps(record, allow_nan=False)) == record


@pytest.mark.parametrize("spectrum", ["ren9", "hernando_phantom6"])
def test_a_temperature_moves_water_for_every_spectrum(spectrum):
    cold = find_fat_model(spectrum).at(10.0)
    model = WaterFatModel.at(cold, ECHO_TIMES, FREQUENCY, water_ppm=water_position(10.0))
    signal = model.forward(np.full((5, 5, 2), 0.4), 0.6, 60.0)
    np.testing.assert_allclose(fit(signal, fat_model=spectrum, temperature=10.0).pdff, 60.0, atol=1e-2)
    assert np.abs(fit(signal, fat_model=spectrum).pdff - 60.0).max() > 0.1


def test_at_its_own_temperature_a_phantom_spectrum_is_as_published():
    published = find_fat_model("hernando_phantom6")
    assert published.at(22.9).ppm == pytest.approx(published.ppm)
    with pytest.raises(QmriError, match="temperature"):
        find_fat_model("toolbox6").at(20.0)
    with pytest.raises(QmriError, match="twice"):
        fit(np.ones((3, 3, 3, 6), complex), temperature=20.0, water_ppm=4.7)
