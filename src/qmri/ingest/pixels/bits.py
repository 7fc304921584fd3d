"""The integers of pixels: which bits of a word are the value, and whether the words agree with the header.

BitsStored and PixelRepresentation are sometimes written by software that did not write the pixels. A
word then holds bits where the header has none; to believe the header would cut values or turn their sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame, PixelFormat
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.series_names import remedy_for, series_name

NEVER_NEGATIVE = frozenset(Kind) - {Kind.REAL, Kind.IMAGINARY, Kind.PHASE, Kind.PDFF}
PURE_MAGNITUDES = frozenset((Kind.MAGNITUDE, Kind.IN_PHASE, Kind.OUT_PHASE))
DEEPLY_NEGATIVE = 0.25
"""A magnitude below minus this share of its range and of its brightest values has a turned sign."""


class Words(Enum):
    """What the bits above the value hold in some word of an image."""

    BEYOND = "bits that belong to a larger value"
    EXTENDED = "copies of the sign of a negative value"
    BARE = "zeros above a value whose sign bit is set"


def signed_values(words: NDArray[Any], pixels: PixelFormat) -> NDArray[Any]:
    """Return the values of the lowest bits with their sign; bits above them are not of the image.

    Same shape, (frames, rows, columns).
    """
    native = words.astype(words.dtype.newbyteorder("="), copy=False)
    unused = words.dtype.itemsize * 8 - pixels.bits_stored
    kind = f"{'i' if pixels.signed else 'u'}{words.dtype.itemsize}"
    if unused == 0:
        return native.view(kind)
    return (native << unused).view(kind) >> unused


def words_above(words: NDArray[Any], pixels: PixelFormat) -> frozenset[Words]:
    """Return what the bits above the value hold, over all words of an image.

    Words (frames, rows, columns).
    """
    width = words.dtype.itemsize * 8
    if words.dtype.kind == "f" or pixels.bits_stored >= width:
        return frozenset()
    native = words.astype(words.dtype.newbyteorder("="), copy=False).view(f"u{words.dtype.itemsize}")
    above = native >> pixels.bits_stored
    all_ones = (1 << (width - pixels.bits_stored)) - 1
    negative = (native >> (pixels.bits_stored - 1)) & 1 == 1 if pixels.signed else np.zeros((), bool)
    extended = negative & (above == all_ones)
    found = {
        Words.BEYOND: (above != 0) & ~extended,
        Words.EXTENDED: extended,
        Words.BARE: negative & (above == 0),
    }
    return frozenset(kind for kind, where in found.items() if where.any())


def padded(words: NDArray[Any], pixels: PixelFormat) -> NDArray[np.bool_] | None:
    """Return where an image holds PixelPaddingValue; None if there is none, or it is 0, a value.

    Shape (frames, rows, columns).
    """
    if pixels.padding is None or words.dtype.kind == "f" or not any(pixels.padding):
        return None
    values, (one, other) = signed_values(words, pixels).astype(np.int64), pixels.padding
    return (values >= min(one, other)) & (values <= max(one, other))


def check_words(found: frozenset[Words], kind: Kind, frame: Frame, images: int) -> None:
    """Check that the words of a volume are what BitsStored says.

    Parameters
    ----------
    found
        Over all images of the volume.
    kind, frame, images
        What they show, one of them, and how many of them hold what contradicts the header.

    Raises
    ------
    QmriError
        If values need more bits than the header says.
    """
    beyond = Words.BEYOND in found or {Words.EXTENDED, Words.BARE} <= found
    if beyond or (Words.BARE in found and kind in NEVER_NEGATIVE):
        bits = frame.pixels.bits_stored
        raise QmriError(
            f"BitsStored (0028,0101) is {bits}, and the {kind.value} images hold values that need more",
            where=series_name(frame),
            found=f"bits above the lowest {bits} in {images} images",
            expected=f"values of {bits} bits",
            remedy="export the original images; or, if the pixels are right and the element is wrong, "
            + remedy_for(frame, entry=f"bits_stored: {frame.pixels.bits_allocated}"),
        )


def check_one_sign(frames: Sequence[Frame], kind: Kind) -> None:
    """Check that all images of a volume are signed, or none.

    Raises
    ------
    QmriError
        If PixelRepresentation differs between them.
    """
    signed = sum(frame.pixels.signed for frame in frames)
    if 0 < signed < len(frames):
        raise QmriError(
            f"PixelRepresentation (0028,0103) differs between the {kind.value} images",
            where=series_name(frames[0]),
            found=f"{signed} signed and {len(frames) - signed} unsigned images",
            expected="one of them for all",
            remedy="export the series again from the scanner",
        )


def check_sign(values: NDArray[np.float32], kind: Kind, frame: Frame) -> None:
    """Check that stored values are signed or not as PixelRepresentation says; stored values (x, y, z).

    Raises
    ------
    QmriError
        If small negative values stand as the largest ones, or large values as negative ones.
    """
    if frame.pixels.kind != "integer":
        return
    full = float(2**frame.pixels.bits_stored)
    if not frame.pixels.signed:
        high = values[values >= 0.75 * full]
        gap = high.size and not np.any((values >= 0.25 * full) & (values < 0.75 * full))
        wrong = bool(gap) and float(high.min()) < float(high.max())
        found = f"values up to {values.max():g} and none between {0.25 * full:g} and {0.75 * full:g}"
    else:
        lowest = float(values.min())
        wrong = kind in PURE_MAGNITUDES and lowest < -DEEPLY_NEGATIVE * full / 2
        wrong = wrong and lowest < -DEEPLY_NEGATIVE * float(np.percentile(values, 99.9))
        found = f"values down to {lowest:g} in {kind.value} images"
    if wrong:
        raise QmriError(
            f"PixelRepresentation (0028,0103) says that pixels are "
            f"{'signed' if frame.pixels.signed else 'unsigned'}, and they are not",
            where=series_name(frame),
            found=found,
            expected="magnitudes above zero"
            if frame.pixels.signed
            else "no values that are small negative ones",
            remedy="export the original images from the scanner or the archive",
        )
