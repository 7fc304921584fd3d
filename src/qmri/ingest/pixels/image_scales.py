"""The scale of each image of a volume: one for all, or one for each slice as DICOM allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame, ValueScale
from qmri.ingest.headers.kinds import QUANTITIES, Kind
from qmri.ingest.headers.series_names import series_name

LARGEST_SCALE = 1e6
SAME_NUMBER = 1e-6
USUAL_SHARE = 0.75
"""From this share of images with one scale on, another one is an exception."""
LARGEST_STEP = 0.3
"""Logarithm of the brightness by which an exception may differ from the slices beside it."""
OF_EACH_IMAGE = " of each image"
"""Ends the source of a scale that was applied image by image."""
NO_UNIT = ("", "US")
"""RescaleType (0028,1054) is absent or "unspecified"."""


@dataclass(frozen=True)
class Linear:
    """How stored values become a quantity: ``slope * stored + intercept``, and where that is written."""

    slope: float
    intercept: float
    source: str
    unit: str

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return (self.slope, self.intercept) == (1.0, 0.0)

    def of(self, stored: NDArray[np.float32], frame: Frame) -> NDArray[np.float32]:
        """Return the quantity; same shape, (rows, columns).

        Raises
        ------
        QmriError
            If the slope is zero or absurd.
        """
        if self.slope == 0 or max(abs(self.slope), abs(self.intercept)) > LARGEST_SCALE:
            raise QmriError(
                "the slope that turns stored values into quantities makes no sense",
                where=series_name(frame),
                found=f"slope {self.slope:g}, intercept {self.intercept:g} by {self.source}",
                remedy="export the series again from the scanner",
            )
        if self.is_identity:
            return stored
        return stored * np.float32(self.slope) + np.float32(self.intercept)


def linear(scale: ValueScale, *, mapped: bool) -> Linear:
    """Return the scale of an image: by RealWorldValueMapping if that is to be heard, else by Rescale."""
    if mapped and scale.real_slope is not None:
        unit = scale.real_unit
        return Linear(scale.real_slope, scale.real_intercept or 0.0, "RealWorldValueMapping", unit)
    if scale.slope is None and scale.intercept is None:
        return Linear(1.0, 0.0, "stored values", "")
    unit = "" if scale.rescale_unit in NO_UNIT else scale.rescale_unit
    return Linear(1.0 if scale.slope is None else scale.slope, scale.intercept or 0.0, "Rescale", unit)


def volume_scales(frames: Sequence[Frame], kind: Kind) -> list[Linear]:
    """Return the scale of every image, the same object for all where they do not differ.

    Raises
    ------
    QmriError
        If some images say what others do not, or they differ in their unit.
    """
    known = {frame.scale: linear(frame.scale, mapped=kind in QUANTITIES) for frame in frames}
    scales = [known[frame.scale] for frame in frames]
    real = {scale for scale in known.values() if not scale.is_identity}
    units = {scale.unit for scale in known.values()} - {""}
    if len(units) > 1 or (real and len({scale.source for scale in known.values()}) > 1):
        lacking = sum(scale.source == "stored values" for scale in scales)
        sources = sorted({scale.source for scale in scales})
        raise QmriError(
            f"some images of the {kind.value} volume give a scale or a unit that others do not",
            where=series_name(frames[0]),
            found=f"{' and '.join(sources)}, units {', '.join(sorted(units)) or 'none'}; "
            f"{lacking} of {len(frames)} images without RescaleSlope (0028,1053)",
            expected="RescaleSlope, RescaleIntercept and RescaleType in all of them, or in none",
            remedy="export the series again from the scanner",
        )
    slopes = np.array([(scale.slope, scale.intercept) for scale in scales])
    if np.allclose(slopes, slopes[0], rtol=SAME_NUMBER, atol=0):
        unit = next(iter(units), "")
        first = next((scale for scale in scales if scale.source != "stored values"), scales[0])
        return [Linear(first.slope, first.intercept, first.source, unit)] * len(frames)
    return scales


def scales_in_words(scales: Sequence[Linear], kind: Kind) -> str:
    """Return the sentence for a volume whose images have scales of their own."""
    slopes = [scale.slope for scale in scales]
    intercepts = [scale.intercept for scale in scales]
    return (
        f"RescaleSlope and RescaleIntercept (0028,1053) (0028,1052) differ between the {kind.value} images "
        f"(slope {min(slopes):.6g} to {max(slopes):.6g}, intercept {min(intercepts):.6g} to "
        f"{max(intercepts):.6g}); each image was scaled by its own"
    )


def check_exceptions(
    scales: Sequence[Linear], levels: Sequence[float], volume: Sequence[object], kind: Kind, frame: Frame
) -> None:
    """Check that a few images whose scale is not that of the others are as bright as their neighbours.

    Where most images have scales of their own, that is how the scanner writes, and nothing is checked.

    Parameters
    ----------
    scales, levels
        Of every image, in the order of the slices of one echo after the other: its scale, and the
        95th percentile of its values after it.
    volume
        What stack each image is of: the echo, or the same for all.
    kind, frame
        What the images show, and one of them.

    Raises
    ------
    QmriError
        If one of the few is much brighter or darker than the slices beside it.
    """
    usual, count = Counter(scales).most_common(1)[0]
    if count < USUAL_SHARE * len(scales):
        return
    logs = np.log(np.maximum(levels, 1e-6))
    for index, scale in enumerate(scales):
        beside = [n for n in (index - 1, index + 1) if 0 <= n < len(scales) and volume[n] == volume[index]]
        if scale != usual and beside and abs(logs[index] - logs[beside].mean()) > LARGEST_STEP:
            raise QmriError(
                f"RescaleSlope (0028,1053) of {len(scales) - count} of {len(scales)} {kind.value} images "
                "is not that of the others, and makes them unlike their neighbours",
                where=series_name(frame),
                found=f"slope {scale.slope:.6g}, intercept {scale.intercept:.6g}; a slice that is "
                f"{float(np.exp(logs[index] - logs[beside].mean())):.2g} times as bright as those beside it",
                expected=f"slope {usual.slope:.6g}, intercept {usual.intercept:.6g} as in the others",
                remedy="export the series again from the scanner",
            )
