"""Headers that lie about bits, signs and scales: the true numbers, or a refusal that names the element."""

from __future__ import annotations

import numpy as np
import pytest

from qmri.errors import QmriError


@pytest.fixture
def phantom(dicom):
    """Decay as tissue has it at 3 T: 36 1/s in muscle, 100 in marrow, 41 in fat."""
    phantom = dicom.Phantom(shape=(40, 44, 4), noise=3.0)
    wide = 50 + 90 * np.linspace(-1, 1, 40)[:, None, None]
    phantom.pdff = np.where(phantom.body, wide, 0.0).clip(0, 100)
    rates = np.interp(phantom.pdff, [0, 12, 18, 82, 86, 100], [36, 36, 100, 100, 41, 41])
    phantom.r2star = np.where(phantom.body, rates, 0.0)
    return phantom


def stored(ds):
    return np.frombuffer(ds.PixelData, "<i2").reshape(ds.Rows, ds.Columns).astype(float)


def is_map(ds, word):
    return word in ds.ImageType


def assert_maps(result, phantom):
    body = phantom.body
    np.testing.assert_allclose(result.vendor_pdff[body], phantom.pdff[body], atol=0.61)
    np.testing.assert_allclose(result.vendor_r2star[body], phantom.r2star[body], atol=0.51)


@pytest.mark.parametrize("part", ["ge_sources", "ge_new_maps"])
def test_values_of_more_bits_than_the_header_says_are_refused_until_told(
    dicom, phantom, ingested, tmp_path, part
):
    phantom.total *= 4  # magnitudes up to 4400
    images = getattr(dicom, part)(phantom)
    for ds in images:
        ds.BitsStored, ds.HighBit = 12, 11
    folder = dicom.write(tmp_path / "d", images)
    with pytest.raises(QmriError, match=r"BitsStored \(0028,0101\) is 12") as error:
        ingested(folder)
    assert "bits_stored: 16" in str(error.value)
    (tmp_path / "ingested").rmdir()
    result = ingested(folder, "series:\n  - match: {}\n    bits_stored: 16\n")
    if part == "ge_new_maps":
        assert_maps(result, phantom)
    else:
        signal = np.abs(result.echoes_real + 1j * result.echoes_imag)
        np.testing.assert_allclose(signal, np.abs(phantom.echoes()), atol=20)


def test_a_magnitude_that_twelve_bits_would_make_negative_is_refused(dicom, phantom, ingested, tmp_path):
    """No word is too large, yet the twelfth bit is a sign by the header and a value in truth."""
    phantom.total *= 3  # magnitudes up to 3300
    images = [ds for ds in dicom.ge_sources(phantom) if ds[0x0043, 0x102F].value == 0]
    for ds in images:
        ds.BitsStored, ds.HighBit = 12, 11
    with pytest.raises(QmriError, match=r"BitsStored \(0028,0101\)"):
        ingested(dicom.write(tmp_path / "d", images))


def test_a_high_bit_that_contradicts_nothing_stored_is_told(dicom, phantom, ingested, tmp_path):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.HighBit = 11
    result = ingested(dicom.write(tmp_path / "d", images))
    assert_maps(result, phantom)
    assert any("HighBit (0028,0102)" in warning for warning in result.warnings)


def test_signed_pixels_called_unsigned_are_refused(dicom, phantom, ingested, tmp_path):
    images = dicom.ge_new_maps(phantom)
    for ds in images:
        ds.PixelRepresentation = 0
    with pytest.raises(QmriError, match=r"PixelRepresentation \(0028,0103\) says that pixels are unsigned"):
        ingested(dicom.write(tmp_path / "d", images))


def test_padding_values_are_no_fat_fraction(dicom, phantom, ingested, tmp_path):
    images = dicom.ge_new_maps(phantom)
    air = ~phantom.body
    for ds in images:
        if is_map(ds, "FAT_FRACTION"):
            ds.add_new(0x00280120, "SS", -2000)
            index = round(abs(ds.ImagePositionPatient[0] + 11) / 4)
            values = np.where(air[:, :, index].T, -2000, stored(ds))
            ds.PixelData = values.astype("<i2").tobytes()
    result = ingested(dicom.write(tmp_path / "d", images))
    assert_maps(result, phantom)
    assert np.isnan(result.vendor_pdff[air]).all()
    assert any("PixelPaddingValue (0028,0120)" in warning for warning in result.warnings)


@pytest.mark.parametrize("part", ["ge_sources", "ge_new_maps"])
def test_a_rescale_of_its_own_in_each_slice_is_applied_and_told(dicom, phantom, ingested, tmp_path, part):
    images = getattr(dicom, part)(phantom)
    for ds in images:
        if part == "ge_new_maps" and not is_map(ds, "FAT_FRACTION"):
            continue
        index = round(abs(ds.ImagePositionPatient[0] + 11) / 4)
        slope = 1 + index % 3 if part == "ge_sources" else 0.05 * (1 + index % 4)
        ds.PixelData = np.round(stored(ds) / slope).astype("<i2").tobytes()
        ds.RescaleSlope, ds.RescaleIntercept = f"{slope:g}", "0"
    result = ingested(dicom.write(tmp_path / "d", images))
    assert any("RescaleSlope and RescaleIntercept" in warning for warning in result.warnings)
    if part == "ge_new_maps":
        assert_maps(result, phantom)
    else:
        signal = np.abs(result.echoes_real + 1j * result.echoes_imag)
        np.testing.assert_allclose(signal, np.abs(phantom.echoes()), atol=20)


@pytest.mark.parametrize("part", ["ge_sources", "ge_new_maps"])
def test_one_slope_that_makes_a_slice_unlike_its_neighbours_is_refused(
    dicom, phantom, ingested, tmp_path, part
):
    images = getattr(dicom, part)(phantom)
    for ds in images:
        ds.RescaleSlope, ds.RescaleIntercept = "1", "0"
    wrong = [ds for ds in images if is_map(ds, "R2_STAR_MAP") or part == "ge_sources"][-1]
    wrong.RescaleSlope = "2"
    with pytest.raises(QmriError, match=r"RescaleSlope \(0028,1053\) of 1 of"):
        ingested(dicom.write(tmp_path / "d", images))


def test_a_slope_that_some_images_lack_is_refused(dicom, phantom, ingested, tmp_path):
    images = dicom.philips_maps(phantom)
    del images[-1].RescaleSlope, images[-1].RescaleIntercept
    with pytest.raises(QmriError, match="1 of 4 images without RescaleSlope"):
        ingested(dicom.write(tmp_path / "d", images))


@pytest.mark.parametrize("factor", [0.1, 0.2, 0.5, 1, 2, 5, 10])
@pytest.mark.parametrize("kind", ["R2_STAR_MAP", "T2_STAR_MAP"])
def test_a_factor_on_the_decay_is_refused_or_told(dicom, phantom, ingested, tmp_path, factor, kind):
    images = [ds for ds in dicom.ge_new_maps(phantom) if not is_map(ds, "R2_STAR_MAP")]
    rates = phantom.r2star * factor
    values = rates if kind == "R2_STAR_MAP" else np.where(phantom.body, 1000 / np.maximum(rates, 1), 0)
    images += dicom.volume(
        phantom,
        values * 20,
        502,
        "decay",
        "GE MEDICAL SYSTEMS",
        image_type=["DERIVED", "PRIMARY", "DIXON", kind],
        slope=0.05,
        intercept=0,
    )
    folder = dicom.write(tmp_path / "d", images)
    if factor in (0.1, 0.2, 5, 10):
        with pytest.raises(QmriError, match=r"scaled by a factor|tissue does not have") as error:
            ingested(folder)
        assert f"scale: {1 / factor if kind == 'R2_STAR_MAP' else factor:g} " in str(error.value)
        return
    result = ingested(folder)
    assert any("scale of the" in warning for warning in result.warnings) == (factor != 1)


@pytest.mark.parametrize(
    ("description", "size"),
    [
        ("R2*(1/s): Sag", 1.0),
        ("R2* [Hz]", 1.0),
        ("T2*(ms): Sag", 1.0),
        ("T2* (0.1 ms)", 0.1),
        ("T2*(1/10 ms)", 0.1),
    ],
)
def test_a_unit_in_the_description_is_heard(dicom, phantom, ingested, tmp_path, description, size):
    images = [ds for ds in dicom.ge_new_maps(phantom) if not is_map(ds, "R2_STAR_MAP")]
    rates = phantom.r2star
    values = rates if description.startswith("R2") else np.where(phantom.body, 1000 / np.maximum(rates, 1), 0)
    kind = "R2_STAR_MAP" if description.startswith("R2") else "T2_STAR_MAP"
    images += dicom.volume(
        phantom,
        values / size,
        502,
        description,
        "GE MEDICAL SYSTEMS",
        image_type=["DERIVED", "PRIMARY", "DIXON", kind],
    )
    result = ingested(dicom.write(tmp_path / "d", images))
    np.testing.assert_allclose(
        result.vendor_r2star[phantom.body], phantom.r2star[phantom.body], rtol=0.06, atol=0.51
    )
