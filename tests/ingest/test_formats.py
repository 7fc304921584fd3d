"""Every form in which the phantom can arrive gives back the phantom."""

from __future__ import annotations

import numpy as np
import pytest


def assert_echoes(result, phantom):
    expected = phantom.echoes() if phantom.noise == 0 else None
    signal = result.echoes_real + 1j * result.echoes_imag
    assert signal.shape == (*phantom.shape, len(phantom.echo_times_ms))
    np.testing.assert_allclose(
        result.decisions["acquisition"]["echo_times_s"], np.array(phantom.echo_times_ms) * 1e-3
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
    assert result.decisions["mode"] == "echoes"
    assert result.decisions["echoes"]["phase_sign"]["stored_as"] == "conjugate"
    assert result.decisions["echoes"]["slice_chopping"]["undone"] is True
    assert_echoes(result, phantom)


def test_siemens_magnitude_and_phase_in_two_series(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(noise=0.0)
    images = dicom.siemens_sources(phantom)
    result = ingested(dicom.write(tmp_path / "d", images))
    assert result.decisions["echoes"]["parts"] == "magnitude and phase"
    assert result.decisions["echoes"]["phase_sign"]["stored_as"] == "standard"
    assert result.decisions["echoes"]["slice_chopping"]["undone"] is False
    assert_echoes(result, phantom)


def test_magnitude_alone_is_kept_and_flagged(dicom, ingested, tmp_path):
    phantom = dicom.Phantom()
    images = [ds for ds in dicom.ge_sources(phantom) if ds[0x0043, 0x102F].value == 0]
    result = ingested(dicom.write(tmp_path / "d", images))
    assert result.decisions["echoes"]["parts"] == "magnitude"
    assert result.echoes_magnitude.shape == (*phantom.shape, 6)
    assert any("magnitude" in warning for warning in result.warnings)


@pytest.mark.parametrize("form", ["ge_new_maps", "ge_legacy_maps", "siemens_maps", "philips_maps"])
def test_maps_of_every_vendor_have_the_same_units(dicom, ingested, tmp_path, form):
    phantom = dicom.Phantom()
    result = ingested(dicom.write(tmp_path / "d", getattr(dicom, form)(phantom)))
    assert result.decisions["mode"] == "maps"
    assert_maps(result, phantom)


def test_enhanced_multiframe_is_the_same_as_classic(dicom, ingested, tmp_path):
    phantom = dicom.Phantom()
    result = ingested(dicom.write(tmp_path / "d", [dicom.enhanced(dicom.philips_maps(phantom))]))
    assert_maps(result, phantom)


def test_sources_and_maps_are_both_kept(dicom, ingested, tmp_path):
    phantom = dicom.Phantom(noise=0.0)
    folder = dicom.write(tmp_path / "d", dicom.ge_sources(phantom) + dicom.ge_new_maps(phantom))
    result = ingested(folder)
    assert result.decisions["mode"] == "both"
    assert result.decisions["maps"]["on_the_grid_of_the_echoes"] is True
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
    for word in ("planted", "4711", "19480213", "20240229", phantom.sop["study"], "IM0", str(tmp_path)):
        assert word.lower() not in written.decode().lower()
