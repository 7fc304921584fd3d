"""The single decisions: evidence, phase unit and sign, chopping, scales, facts of the acquisition."""

from __future__ import annotations

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.ingest.headers.header import Hints
from qmri.ingest.headers.image_type import component_vote, map_vote
from qmri.ingest.headers.kinds import Kind, described_kind
from qmri.ingest.selection.overrides import read_overrides
from qmri.ingest.values.complex_data import combine, phase_unit, undo_chopping, undo_sign
from qmri.ingest.values.pdff_scale import fat_level
from qmri.signal import WaterFatModel

TIMES = np.array([1.2, 2.2, 3.2, 4.2, 5.2, 6.2]) * 1e-3


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("T2*:Water:Sag IDEAL IQ", Kind.WATER_CORRECTED),
        ("T2*: Sag IDEAL IQ", Kind.T2STAR),
        ("T2*(ms): Sag", Kind.T2STAR),
        ("WATER:Sag IDEAL IQ", Kind.WATER),
        ("WATER: Sag IDEAL IQ", Kind.WATER),
        ("FatFrac(%):Sag IDEAL IQ", Kind.PDFF),
        ("FatFrac: Sag IDEAL IQ", Kind.PDFF),
        ("FeQ-PDFF", Kind.PDFF),
        ("FAT: Sag IDEAL IQ", Kind.FAT),
        ("R2*(1/s): Sag", Kind.R2STAR),
        ("R2*: Sag", Kind.R2STAR),
        ("InPhase: Sag", Kind.IN_PHASE),
        ("OutPhase: Sag", Kind.OUT_PHASE),
        ("q-dixon_FF", Kind.PDFF),
        ("t1_vibe_W", Kind.WATER),
        ("Sag 3D IDEAL IQ", None),
        ("Sag T2* MERGE", None),
        ("Ax T2 FatSat", None),
        ("FAT SAT Sag T1", None),
        ("", None),
    ],
)
def test_a_description_announces_a_type_or_nothing(description, kind):
    assert described_kind(description) is kind


def test_fat_fraction_is_read_before_fat():
    hints = Hints(image_type=("DERIVED", "PRIMARY", "DIXON", "FAT", "FAT_FRACTION"))
    assert map_vote(hints)[0] is Kind.PDFF


def test_two_maps_in_one_image_type_are_a_conflict():
    assert map_vote(Hints(image_type=("DERIVED", "PRIMARY", "WATER", "R2_STAR_MAP")))[2]


def test_original_and_primary_are_no_evidence():
    assert map_vote(Hints(image_type=("F", "W")))[0] is None


@pytest.mark.parametrize(
    ("value", "kind"), [(0, Kind.MAGNITUDE), (1, Kind.PHASE), (2, Kind.REAL), (3, Kind.IMAGINARY)]
)
def test_ge_names_the_part_of_complex_data(value, kind):
    assert component_vote(Hints(ge_component=value))[0] is kind


def test_an_unknown_ge_part_is_no_evidence():
    assert component_vote(Hints(ge_component=9))[0] is None


@pytest.mark.parametrize(
    ("low", "high", "unit"),
    [
        (-np.pi, np.pi, "rad"),
        (-3141, 3141, "rad/1000"),
        (-3142, 3142, "rad/1000"),
        (-4096, 4094, "pi/4096"),
        (0, 4095, "pi/2048"),
        (-180, 180, "degree"),
        (0, 6283, "rad/1000"),
    ],
)
def test_the_unit_of_the_phase_is_its_range(low, high, unit):
    values = np.linspace(low, high, 1000)
    found, size = phase_unit(values, "")
    assert found == unit
    assert size * (high - low) == pytest.approx(2 * np.pi, rel=2e-3)


def test_the_header_tells_the_circle_where_the_values_do_not_fill_it():
    """Siemens: 12 bits, slope 2, intercept -4096; Philips: the same bits scaled to thousandths."""
    values = np.linspace(-1000, 900, 50)
    assert phase_unit(values, "", (-4096, 4094))[0] == "pi/4096"
    assert phase_unit(values, "", (-3142, 3141))[0] == "rad/1000"
    with pytest.raises(QmriError, match="unit of the phase"):
        phase_unit(values, "", (-32768, 32767))


def test_one_end_of_the_circle_suffices():
    assert phase_unit(np.linspace(-2000, 3141, 50), "")[0] == "rad/1000"


@pytest.mark.parametrize(("low", "high"), [(-3500, 3500), (-1, 1), (-2000, 2500), (0, 1), (0, 3142), (0, 0)])
def test_another_range_is_refused(low, high):
    with pytest.raises(QmriError, match="unit of the phase"):
        phase_unit(np.linspace(low, high, 100), "")


def spine(pdff, noise=0.01, seed=0, spectrum="ren9"):
    """A small volume (x, y, z, echo) at 3 T."""
    rng = np.random.default_rng(seed)
    fat = np.broadcast_to(np.asarray(pdff) / 100, (12, 12, 6))
    model = WaterFatModel.at(spectrum, TIMES, 127.74)
    signal = model.forward(
        1 - fat, fat, rng.uniform(30, 120, fat.shape), rng.uniform(-80, 80, fat.shape), 0.3
    )
    noise_values = rng.normal(size=(2, *signal.shape)) * noise
    return (signal + noise_values[0] + 1j * noise_values[1]).astype(np.complex64)


@pytest.mark.parametrize("sign", ["standard", "conjugate"])
@pytest.mark.parametrize("spectrum", ["ren9", "hamilton6", "karampinos8"])
def test_the_sign_is_found_at_snr_20_and_with_another_spectrum(sign, spectrum):
    signal = spine(np.linspace(5, 80, 12)[:, None, None], noise=0.05, spectrum=spectrum)
    stored = signal if sign == "standard" else signal.conj()
    result = undo_sign(stored, TIMES, 127.74, "")
    assert result.decisions["phase_sign"]["stored_as"] == sign
    np.testing.assert_array_equal(result.values, signal)


@pytest.mark.parametrize(
    ("values", "level"),
    [
        (np.where(np.arange(40)[:, None, None] < 20, 0.0, 95.0), 95),
        (np.where(np.arange(40)[:, None, None] < 20, -100.0, 95.0), 95),
        (np.repeat(np.arange(0, 80, 20.0), 10)[:, None, None], 60),
    ],
)
def test_the_level_of_fat_is_that_of_the_fattest_tissue(values, level):
    volume = np.broadcast_to(values, (40, 20, 3)).astype(np.float32)
    assert fat_level(volume) == pytest.approx(level)


def test_the_noise_of_air_is_not_the_level_of_fat():
    rng = np.random.default_rng(0)
    volume = rng.uniform(-100, 200, (40, 40, 3)).astype(np.float32)
    volume[5:25, 5:30] = rng.normal(40, 2, (20, 25, 3))
    volume[25:35, 5:30] = rng.normal(94, 2, (10, 25, 3))
    assert 90 < fat_level(volume) < 105


def test_water_alone_says_nothing_about_the_sign():
    with pytest.raises(QmriError, match="sign of the phase cannot be determined"):
        undo_sign(spine(0.0), TIMES, 127.74, "")


def test_the_override_file_decides_where_the_data_do_not():
    signal = spine(0.0)
    result = undo_sign(signal, TIMES, 127.74, "", given="conjugate")
    np.testing.assert_array_equal(result.values, signal.conj())
    assert result.decisions["phase_sign"]["decided_by"] == "override file"


def test_noise_is_not_taken_for_water_and_fat():
    rng = np.random.default_rng(3)
    noise = (rng.normal(size=(12, 12, 6, 6)) + 1j * rng.normal(size=(12, 12, 6, 6))).astype(np.complex64)
    with pytest.raises(QmriError):
        undo_sign(noise, TIMES, 127.74, "")


def test_every_second_slice_is_turned_back():
    signal = spine(40.0)
    smooth = np.abs(signal) * np.exp(0.3j)
    chopped = smooth * np.array([1, -1] * 3)[:, None]
    result = undo_chopping(chopped.astype(np.complex64))
    assert result.decisions["slice_chopping"]["undone"] is True
    np.testing.assert_allclose(result.values, smooth, rtol=1e-5)


def test_slices_that_agree_are_left_as_they_are():
    smooth = (np.abs(spine(40.0)) * np.exp(0.3j)).astype(np.complex64)
    result = undo_chopping(smooth)
    assert result.decisions["slice_chopping"]["undone"] is False
    np.testing.assert_array_equal(result.values, smooth)


def test_slices_of_random_phase_are_left_and_flagged():
    rng = np.random.default_rng(0)
    phases = np.exp(1j * np.array([0.0, 1.8, 3.3, 5.2, 0.4, 2.0]) + 0j * rng.normal())
    signal = (np.abs(spine(40.0)) * phases[:, None]).astype(np.complex64)
    result = undo_chopping(signal)
    np.testing.assert_array_equal(result.values, signal)
    assert result.warnings


def test_real_parts_without_negative_values_are_refused():
    parts = {"real": np.ones((2, 2, 2, 3), np.float32), "imaginary": np.ones((2, 2, 2, 3), np.float32)}
    with pytest.raises(QmriError, match="no negative values"):
        combine(parts, "")


def test_a_magnitude_that_is_another_part_is_refused():
    signal = spine(np.linspace(5, 80, 12)[:, None, None])
    parts = {"real": signal.real, "imaginary": signal.imag, "magnitude": np.abs(signal.real)}
    with pytest.raises(QmriError, match="not the magnitude"):
        combine(parts, "")


def test_a_magnitude_corrected_for_the_coil_is_the_same_magnitude():
    signal = spine(np.linspace(5, 80, 12)[:, None, None])
    shading = np.linspace(0.4, 2.5, 12)[:, None, None, None]
    parts = {"real": signal.real, "imaginary": signal.imag, "magnitude": np.abs(signal) * shading}
    assert combine(parts, "").decisions["magnitude_agreement"] > 0.999


@pytest.mark.parametrize(
    "content",
    [
        "series: 5",
        "unknown: 1",
        "series:\n  - match: {colour: red}\n    type: pdff",
        "series: [",
        "phase_sign: maybe",
    ],
)
def test_an_override_file_that_says_something_else_is_refused(tmp_path, content):
    path = tmp_path / "site.yaml"
    path.write_text(content)
    with pytest.raises(QmriError) as error:
        read_overrides(path)
    assert "site.yaml" in str(error.value)
