"""Every form in which the phantom can arrive gives back the phantom."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from pydicom.uid import generate_uid

from qmri.errors import QmriError


def assert_echoes(result, phantom):
    expected = phantom.echoes() if phantom.noise == 0 else None
    signal = result.echoes_real + 1j * result.echoes_imag
    assert signal.shape == (*phantom.shape, len(phantom.echo_times_ms))
    np.testing.assert_allclose(
        result.decisions.acquisition.echo_times_s, np.array(phantom.echo_times_ms) * 1e-3
    )
    np.testing.assert_allclose(result.affine, phantom.affine, atol=1e-4)
    common = np.vdot(expected, signal)
    common /= abs(common)
    np.testing.assert_allclose(signal / common, expected, atol=1.5)


def assert_maps(result, phantom):
    body = phantom.body
    np.testing.assert_allclose(result.vendor_pdff[body], phantom.pdff[body], atol=0.51)
    np.testing.assert_allclose(result.vendor_r2star[body], phantom.r2star[body], rtol=0.02, atol=0.51)
    np.testing.assert_allclose(result.vendor_water[body], phantom.water[body], atol=0.51)
    np.testing.assert_allclose(result.vendor_fat[body], phantom.fat[body], atol=0.51)
    np.testing.assert_allclose(result.affine, phantom.affine, atol=1e-4)


def test_ge_sources_are_conjugated_and_unchopped(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(noise=0.0)
    result = ingested(dicom.write(tmp_path / "d", dicom.ge_sources(phantom)))
    assert result.decisions.mode == "echoes"
    assert result.decisions.echoes.phase_sign["stored_as"] == "conjugate"
    assert result.decisions.echoes.slice_chopping["undone"] is True
    assert_echoes(result, phantom)


def test_siemens_magnitude_and_phase_in_two_series(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(noise=0.0)
    images = dicom.siemens_sources(phantom)
    result = ingested(dicom.write(tmp_path / "d", images))
    assert result.decisions.echoes.parts == "magnitude and phase"
    assert result.decisions.echoes.phase_sign["stored_as"] == "standard"
    assert result.decisions.echoes.slice_chopping["undone"] is False
    assert_echoes(result, phantom)


def test_ge_magnitude_and_phase_in_one_series(dicom, ingested, tmp_path):
    """GE's phase is in thousandths of a radian, and conjugated like its real and imaginary parts."""
    phantom = dicom.Phantom(noise=0.0)
    images = [ds for ds in dicom.ge_sources(phantom) if ds[0x0043, 0x102F].value == 0]
    echoes = phantom.echoes().conj()
    for ds in list(images):
        phase = copy.deepcopy(ds)
        phase.SOPInstanceUID = generate_uid()
        phase[0x0043, 0x102F].value = 1
        index, echo = (ds.InstanceNumber - 1) // 18, ds.EchoNumbers - 1
        images.append(dicom.set_pixels(phase, 1000 * np.angle(echoes[:, :, index, echo])))
    result = ingested(dicom.write(tmp_path / "d", images))
    assert result.decisions.echoes.phase_unit == "rad/1000"
    assert result.decisions.echoes.phase_sign["stored_as"] == "conjugate"
    assert_echoes(result, phantom)


@pytest.mark.parametrize("restart", [False, True])
def test_an_uneven_interleaved_train_in_two_series(dicom, ingested, tmp_path, restart):
    phantom = dicom.Phantom(noise=0.0, echo_times_ms=(1.1, 1.9, 3.0, 3.8, 4.9, 5.7))
    images = dicom.ge_sources(phantom)
    second = generate_uid()
    for ds in images:
        if ds.EchoNumbers % 2 == 0:
            ds.SeriesInstanceUID, ds.SeriesNumber = second, 6
            ds.EchoNumbers = ds.EchoNumbers // 2 if restart else ds.EchoNumbers
        elif restart:
            ds.EchoNumbers = (ds.EchoNumbers + 1) // 2
    assert_echoes(ingested(dicom.write(tmp_path / "d", images)), phantom)


def test_every_echo_in_a_series_of_its_own(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(noise=0.0, shape=(20, 24, 4))
    images = dicom.siemens_sources(phantom)
    series = {}
    for ds in images:
        key = ds.ImageType[2], str(ds.EchoTime)
        ds.SeriesInstanceUID = series.setdefault(key, generate_uid())
        ds.SeriesNumber = 40 + len(series)
    assert_echoes(ingested(dicom.write(tmp_path / "d", images)), phantom)


def test_magnitude_alone_is_kept_and_flagged(dicom, ingested, tmp_path):
    phantom = dicom.Phantom()
    images = [ds for ds in dicom.ge_sources(phantom) if ds[0x0043, 0x102F].value == 0]
    result = ingested(dicom.write(tmp_path / "d", images))
    assert result.decisions.echoes.parts == "magnitude"
    assert result.echoes_magnitude.shape == (*phantom.shape, 6)
    assert any("magnitude" in warning for warning in result.warnings)


@pytest.mark.parametrize("form", ["ge_new_maps", "ge_legacy_maps", "siemens_maps", "philips_maps"])
def test_maps_of_every_vendor_have_the_same_units(dicom, ingested, tmp_path, form):
    phantom = dicom.Phantom()
    result = ingested(dicom.write(tmp_path / "d", getattr(dicom, form)(phantom)))
    assert result.decisions.mode == "maps"
    assert_maps(result, phantom)


def test_enhanced_multiframe_is_the_same_as_classic(dicom, ingested, tmp_path):
    phantom = dicom.Phantom()
    result = ingested(dicom.write(tmp_path / "d", [dicom.enhanced(dicom.philips_maps(phantom))]))
    assert_maps(result, phantom)


def test_sources_and_maps_are_both_kept(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(noise=0.0)
    folder = dicom.write(tmp_path / "d", dicom.ge_sources(phantom) + dicom.ge_new_maps(phantom))
    result = ingested(folder)
    assert result.decisions.mode == "both"
    assert result.decisions.maps["on_the_grid_of_the_echoes"] is True
    assert_maps(result, phantom)
    assert_echoes(result, phantom)


def test_slices_keep_the_order_in_which_they_were_written(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(slice_step=-1, noise=0.0)
    result = ingested(dicom.write(tmp_path / "d", dicom.ge_new_maps(phantom)))
    assert_maps(result, phantom)


def test_nothing_that_names_the_patient_is_written(dicom, ingested, tmp_path):
    phantom = dicom.Phantom()
    folder = dicom.write(tmp_path / "PLANTED_FOLDER", dicom.ge_sources(phantom) + dicom.ge_new_maps(phantom))
    result = ingested(folder)
    written = (
        b"".join(path.read_bytes() for path in result.out.iterdir() if path.suffix == ".json")
        + repr(result.decisions).encode()
        + repr(result.warnings).encode()
    )
    for word in ("planted", "qzx", "19480213", "20240229", phantom.sop["study"], "IM0", str(tmp_path)):
        assert word.lower() not in written.decode().lower()


def test_enhanced_sources_are_the_same_as_classic(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(noise=0.0, shape=(20, 24, 4))
    images = dicom.siemens_sources(phantom)
    files = [dicom.enhanced([ds for ds in images if ds.ImageType[2] == word]) for word in "MP"]
    assert_echoes(ingested(dicom.write(tmp_path / "d", files)), phantom)


def test_magnitude_echoes_beside_maps_are_kept_and_the_maps_are_used(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(shape=(20, 24, 4))
    sources = [ds for ds in dicom.ge_sources(phantom) if ds[0x0043, 0x102F].value == 0]
    result = ingested(dicom.write(tmp_path / "d", sources + dicom.ge_new_maps(phantom)))
    assert result.decisions.mode == "maps"
    assert result.echoes_magnitude.shape == (*phantom.shape, 6)
    assert_maps(result, phantom)


def test_the_real_world_value_mapping_comes_before_rescale(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(shape=(20, 24, 4))
    images = dicom.philips_maps(phantom)
    for ds in images:
        if "FF" in ds.ImageType:
            ds.RealWorldValueMappingSequence = dicom.real_world(0.07326, -100.0, "%")
            ds.RescaleSlope, ds.RescaleIntercept = "1", "0"
    result = ingested(dicom.write(tmp_path / "d", images))
    assert result.decisions.maps["pdff"]["source"] == "RealWorldValueMapping"
    assert_maps(result, phantom)


def test_four_legacy_series_without_fat_are_read_and_flagged(dicom, ingested, tmp_path):
    phantom = dicom.Phantom()
    images = [ds for ds in dicom.ge_legacy_maps(phantom) if ds.SeriesNumber not in (15995, 15996)]
    result = ingested(dicom.write(tmp_path / "d", images))
    np.testing.assert_allclose(result.vendor_pdff[phantom.body], phantom.pdff[phantom.body], atol=0.51)
    assert any("could not be checked" in warning for warning in result.warnings)
    assert any("no R2* map" in warning for warning in result.warnings)


def test_slice_position_and_not_file_or_instance_order_counts(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(shape=(20, 24, 5))
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.InstanceNumber = (ds.InstanceNumber + 2) % 5 + 1
    assert_maps(ingested(dicom.write(tmp_path / "d", images)), phantom)


def test_acquisition_warnings_are_sentences_for_the_report(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(shape=(20, 24, 4))
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.FlipAngle, ds.AcquisitionMatrix = "8", [0, 10, 12, 0]
        ds.private_block(0x0043, "GEMS_PARM_01").add_new(0xCA, "LO", ["0.75", "High"])
        if "WATER" in ds.ImageType:
            ds.ScanOptions = ["FILTERED_GEMS"]
    said = " ".join(ingested(dicom.write(tmp_path / "d", images)).warnings)
    for words in ("T1 raises a PDFF of 50 %", "interpolated", "deep learning", "filtered differently"):
        assert words in said


def test_echoes_that_cannot_separate_water_and_fat_leave_the_maps(dicom, ingested, tmp_path):
    """Fat turns twice between echoes: no sign is right, and none is asked for."""
    in_phase = replace(dicom.Phantom(), echo_times_ms=tuple(round(2.3 + 4.6 * echo, 1) for echo in range(6)))
    sources = dicom.ge_sources(in_phase)
    with pytest.raises(QmriError, match="cannot separate water and fat") as refusal:
        ingested(dicom.write(tmp_path / "alone", sources))
    assert "sign" not in str(refusal.value)
    (tmp_path / "ingested").rmdir()
    result = ingested(dicom.write(tmp_path / "both", [*sources, *dicom.ge_new_maps(in_phase)]))
    assert result.decisions.mode == "maps"
    assert any("the echoes were left out" in text for text in result.warnings)
