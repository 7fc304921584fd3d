"""The pixels of a file: as many as the header says, decoded without loss, or a refusal."""

from __future__ import annotations

import io
import warnings
from typing import Any, Literal

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.series_names import series_name
from qmri.ingest.pixels.bits import signed_values

NATIVE = {
    uid.ImplicitVRLittleEndian: "<",
    uid.ExplicitVRLittleEndian: "<",
    uid.ExplicitVRBigEndian: ">",
    "": "<",
}
EITHER = (uid.JPEG2000, uid.HTJ2K)
"""Encodings that may have lost something; the file must say that it did not."""
# Encoding: the decoder of pydicom that is used, and the package that has it; all of permissive licence.
DECODERS: dict[str, tuple[str, str]] = {
    uid.DeflatedExplicitVRLittleEndian: ("", "pydicom"),
    uid.RLELossless: ("pydicom", "pydicom"),
    uid.JPEGLossless: ("gdcm", "python-gdcm"),
    uid.JPEGLosslessSV1: ("gdcm", "python-gdcm"),
    uid.JPEGLSLossless: ("pyjpegls", "pyjpegls"),
    **dict.fromkeys(
        (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K),
        ("pylibjpeg", "pylibjpeg-openjpeg"),
    ),
}
DTYPES = {
    ("integer", 8): "u1",
    ("integer", 16): "u2",
    ("integer", 32): "u4",
    ("float", 32): "f4",
    ("double", 64): "f8",
}
LONG_VALUE_REPRESENTATIONS = (b"OB", b"OW", b"OF", b"OD", b"UN")


def check_lossless(frame: Frame) -> None:
    """Check that an image was never compressed with loss, by its header alone.

    Raises
    ------
    QmriError
        If it was, or its encoding is not known to keep every bit.
    """
    syntax, flag = frame.pixels.transfer_syntax, frame.pixels.lossy
    known = syntax in NATIVE or syntax in DECODERS
    kept = known and (syntax not in EITHER or flag == "00")
    if flag == "01" or not kept:
        name = uid.UID(syntax).name
        name = name if name != syntax else "unknown"
        raise QmriError(
            "images were compressed with loss; numbers taken from them would be wrong",
            where=series_name(frame),
            found=f"transfer syntax {name}" + f", LossyImageCompression {flag or 'not said'}",
            expected="images without compression, or compressed without loss",
            remedy="export the original images from the scanner or the archive",
        )


def decode(content: bytes, frame: Frame) -> NDArray[Any]:
    """Return the stored values of all frames of a file: the words of `decode_words` with their sign.

    Shape (frames, rows, columns).
    """
    words = decode_words(content, frame)
    return signed_values(words, frame.pixels) if frame.pixels.kind == "integer" else words


def decode_words(content: bytes, frame: Frame) -> NDArray[Any]:
    """Return the words in which the values of all frames of a file are stored.

    Parameters
    ----------
    content
        The whole file.
    frame
        One of its images.

    Returns
    -------
    ndarray
        Shape (frames, rows, columns); floating point, or integers as they stand, see `bits`.

    Raises
    ------
    QmriError
        If the size of the pixel data is not what the header says, or they cannot be decoded.
    """
    check_lossless(frame)
    pixels = frame.pixels
    _check_layout(frame)
    read = _native if pixels.transfer_syntax in NATIVE else _decompressed
    return read(content, frame)


def _check_layout(frame: Frame) -> None:
    pixels = frame.pixels
    known = (pixels.kind, pixels.bits_allocated) in DTYPES and pixels.rows and pixels.columns
    lowest = pixels.high_bit == pixels.bits_stored - 1 or pixels.bits_stored == pixels.bits_allocated
    whole = 0 < pixels.bits_stored <= pixels.bits_allocated > pixels.high_bit and lowest
    if not known or not (whole or pixels.kind != "integer"):
        raise QmriError(
            "the layout of the pixels is not one that can be read",
            where=series_name(frame),
            found=f"{pixels.columns} x {pixels.rows} pixels, "
            f"BitsAllocated (0028,0100) {pixels.bits_allocated}, "
            f"BitsStored (0028,0101) {pixels.bits_stored}, HighBit (0028,0102) {pixels.high_bit}",
            expected="8, 16 or 32 bits with the value in the lowest: HighBit is BitsStored - 1",
            remedy="export the original images from the scanner or the archive",
        )


def _native(content: bytes, frame: Frame) -> NDArray[Any]:
    pixels = frame.pixels
    order = NATIVE[pixels.transfer_syntax]
    dtype = np.dtype(order + DTYPES[pixels.kind, pixels.bits_allocated])
    start, length = _element(content, frame, "little" if order == "<" else "big")
    count = pixels.frames * pixels.rows * pixels.columns
    needed = count * dtype.itemsize
    there = min(length, max(len(content) - start, 0))
    padding = there - needed
    if padding < 0 or there < length or not _may_be_padding(content[start + needed : start + there], frame):
        raise _wrong_size(frame, there, needed)
    values = np.frombuffer(content, dtype, count, start)
    return values.reshape(pixels.frames, pixels.rows, pixels.columns)


def _may_be_padding(rest: bytes, frame: Frame) -> bool:
    """Tell whether bytes after the pixels are padding (PS3.5 section 8.1.1) and no part of a larger image.

    Less than a row and less than a column cannot come of a wrong size in the header. More are taken for
    padding if they are all alike and no whole number of columns, by which an image would be sheared.
    """
    pixels = frame.pixels
    size = pixels.bits_allocated // 8
    if len(rest) < size * min(pixels.rows, pixels.columns):
        return True
    column = size * pixels.rows * pixels.frames
    whole = size * pixels.rows * pixels.columns
    return len(set(rest)) == 1 and len(rest) % column != 0 and len(rest) < whole


def padding_of(content: bytes, frame: Frame) -> int:
    """Return the number of bytes after the pixels of an uncompressed image, beyond one that makes it even."""
    pixels = frame.pixels
    if pixels.transfer_syntax not in NATIVE:
        return 0
    _, length = _element(content, frame, "little" if NATIVE[pixels.transfer_syntax] == "<" else "big")
    needed = pixels.frames * pixels.rows * pixels.columns * pixels.bits_allocated // 8
    return max(length - needed - needed % 2, 0)


def _element(content: bytes, frame: Frame, order: Literal["little", "big"]) -> tuple[int, int]:
    """Return position and length of the value of the element at the frame's offset."""
    head = content[frame.pixels.offset : frame.pixels.offset + 12]
    if len(head) < 12:
        raise _wrong_size(frame, 0, 1)
    if head[4:6] in LONG_VALUE_REPRESENTATIONS:
        return frame.pixels.offset + 12, int.from_bytes(head[8:12], order)
    return frame.pixels.offset + 8, int.from_bytes(head[4:8], order)


def _decompressed(content: bytes, frame: Frame) -> NDArray[Any]:
    pixels = frame.pixels
    syntax = uid.UID(pixels.transfer_syntax)
    plugin, package = DECODERS[syntax]
    if plugin and plugin not in get_decoder(syntax).available_plugins:
        raise QmriError(
            "there is no decoder for the compression of the images",
            where=series_name(frame),
            found=syntax.name,
            remedy=f"pip install {package}, or export without compression",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom comments on padding; the shape is checked below
            dataset = pydicom.dcmread(io.BytesIO(content))
            array = np.asarray(pixel_array(dataset, raw=True, decoding_plugin=plugin))
    except MemoryError:
        raise
    except Exception as error:  # codecs raise whatever they run into in damaged bytes
        raise QmriError(
            "the compressed pixels of an image cannot be decoded",
            where=series_name(frame),
            found=type(error).__name__,
            remedy="the file is damaged: export it again",
        ) from error
    shape = pixels.frames, pixels.rows, pixels.columns
    if array.size != np.prod(shape) or array.shape[-2:] != shape[1:]:
        raise _wrong_size(frame, array.nbytes, int(np.prod(shape)) * pixels.bits_allocated // 8)
    return array.reshape(shape)


def _wrong_size(frame: Frame, found: int, expected: int) -> QmriError:
    number = f", instance {frame.instance_number}" if frame.instance_number is not None else ""
    return QmriError(
        "the pixel data of an image are not of the size that its header says",
        where=series_name(frame) + number,
        found=f"{found} bytes of pixels (7FE0,0010)",
        expected=f"{expected} bytes by Rows (0028,0010), Columns (0028,0011) and BitsAllocated (0028,0100)",
        remedy="the file is cut off or damaged: export it again",
    )
