"""Every lossless encoding gives the same pixels; what does not fit its header is refused."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from qmri.errors import QmriError
from qmri.ingest.folder.reading import read_file
from qmri.ingest.headers.header import PixelFormat
from qmri.ingest.pixels import decoding as pixels
from qmri.ingest.pixels.bits import signed_values
from qmri.ingest.pixels.decoding import decode, padding_of

COMPRESSED = ("MR3_J2KR", "MR3_JLSL", "MR3_JPLL", "MR3_RLE")


@pytest.fixture
def image(dicom):
    """One slice with negative values and its dataset."""
    phantom = dicom.Phantom(shape=(66, 70, 1))
    values = np.rint(phantom.rng.uniform(-3000, 3000, (66, 70)))
    ds = dicom.volume(phantom, values[:, :, np.newaxis], 1, "x", "GE MEDICAL SYSTEMS")[0]
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return values, ds


def saved(ds, path, syntax):
    """Write a dataset in another encoding."""
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if syntax in (RLELossless, JPEG2000Lossless, JPEGLSLossless):
        ds.compress(syntax)
    elif syntax == ExplicitVRBigEndian:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.save_as(path, enforce_file_format=True)
    return read_file(path).frames[0]


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
)
def test_every_lossless_encoding_gives_the_same_pixels(image, tmp_path, syntax):
    values, ds = image
    frame = saved(ds, tmp_path / "file", syntax)
    np.testing.assert_array_equal(decode((tmp_path / "file").read_bytes(), frame)[0].T, values)


@pytest.mark.parametrize(("name", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floating_point_pixels_are_read(image, tmp_path, name, dtype):
    values, ds = image
    del ds.PixelData
    ds.BitsAllocated = 8 * np.dtype(dtype).itemsize
    setattr(ds, name, (values.T / 7).astype(dtype).tobytes())
    frame = saved(ds, tmp_path / "file", ExplicitVRLittleEndian)
    np.testing.assert_allclose(decode((tmp_path / "file").read_bytes(), frame)[0].T, values / 7, rtol=1e-6)


@pytest.mark.parametrize("name", ["HighBit", "BitsStored"])
def test_a_layout_of_pixels_that_cannot_be_is_refused(image, tmp_path, name):
    _, ds = image
    setattr(ds, name, 17)
    frame = saved(ds, tmp_path / "file", ExplicitVRLittleEndian)
    with pytest.raises(QmriError, match="layout of the pixels"):
        decode((tmp_path / "file").read_bytes(), frame)


def test_a_file_without_preamble_is_read(image, tmp_path):
    values, ds = image
    saved(ds, tmp_path / "file", ImplicitVRLittleEndian)
    bare = tmp_path / "bare"
    dataset = pydicom.dcmread(tmp_path / "file")
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=True, little_endian=True, enforce_file_format=False)
    content = buffer.getvalue()
    bare.write_bytes(content[content.index(b"\x08\x00\x05\x00") :])
    frame = read_file(bare).frames[0]
    np.testing.assert_array_equal(decode(bare.read_bytes(), frame)[0].T, values)


@pytest.mark.parametrize("name", COMPRESSED)
def test_real_compressed_files_are_read(shared_data, name):
    """The same image in four encodings; pydicom's own reading is the reference."""
    path = shared_data / "dicom" / "compressed" / name
    frame = read_file(path).frames[0]
    np.testing.assert_array_equal(
        decode(path.read_bytes(), frame)[0],
        pydicom.dcmread(shared_data / "dicom/compressed/MR3_RLE").pixel_array,
    )


def test_twelve_bits_keep_their_sign():
    stored = np.array([[[0x07FF, 0x0800, 0xF001]]], dtype=np.uint16)
    layout = PixelFormat(1, 3, 1, 1, 16, 12, 11, True, "integer", "", "", 0)
    np.testing.assert_array_equal(signed_values(stored, layout), [[[2047, -2048, 1]]])
    unsigned = replace(layout, signed=False)
    np.testing.assert_array_equal(signed_values(stored, unsigned), [[[2047, 2048, 1]]])


def test_a_missing_decoder_is_named(image, tmp_path, monkeypatch):
    _, ds = image
    frame = saved(ds, tmp_path / "file", RLELossless)
    monkeypatch.setitem(pixels.DECODERS, RLELossless, ("absent", "a-codec"))
    with pytest.raises(QmriError) as error:
        decode((tmp_path / "file").read_bytes(), frame)
    assert "pip install a-codec" in str(error.value)


@pytest.mark.parametrize("change", [-2, 2 * 66, 2 * 70, 4 * 70, 66 * 70 * 2])
def test_pixels_of_another_size_are_refused(image, tmp_path, change):
    """A value less, a row more, a column more, two columns more, an image more."""
    _, ds = image
    more = np.rint(np.random.default_rng(1).uniform(-3000, 3000, max(change, 2) // 2)).astype("<i2")
    ds.PixelData = ds.PixelData[:change] if change < 0 else ds.PixelData + more.tobytes()
    frame = saved(ds, tmp_path / "file", ExplicitVRLittleEndian)
    with pytest.raises(QmriError, match="not of the size"):
        decode((tmp_path / "file").read_bytes(), frame)


@pytest.mark.parametrize("padding", [b"\0\0", b"\7" * 10, b"ab" * 50, b"\0" * 512, b" " * 2050])
def test_bytes_after_the_pixels_are_ignored_and_counted(image, tmp_path, padding):
    values, ds = image
    ds.PixelData = ds.PixelData + padding
    frame = saved(ds, tmp_path / "file", ExplicitVRLittleEndian)
    content = (tmp_path / "file").read_bytes()
    np.testing.assert_array_equal(decode(content, frame)[0].T, values)
    assert padding_of(content, frame) == len(padding)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_compressed_file_cut_off_is_refused(image, tmp_path, share):
    _, ds = image
    frame = saved(ds, tmp_path / "file", RLELossless)
    content = (tmp_path / "file").read_bytes()
    cut = frame.pixels.offset + int(share * (len(content) - frame.pixels.offset))
    with pytest.raises(QmriError):
        decode(content[:cut], frame)
