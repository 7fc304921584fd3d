"""A reader's label map in the place of automatic segmentation: checked, never repaired in silence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.nifti import Volume
from qmri.spine.levels import LEVEL_NAME, SACRUM_ID

FIRST_DISC_ID = 100
LATTICE_TOLERANCE = 0.02
REMEDY = "save the labels on the grid of the water image"


@dataclass(frozen=True)
class ReaderLabels:
    """A reader's labels on the grid of the images.

    Attributes
    ----------
    labels
        int16 (x, y, z), ids of vertebral bodies alone.
    dropped
        Ids of sacrum and discs that the reader drew and that are no vertebral bodies.
    """

    labels: NDArray[np.int16]
    dropped: tuple[int, ...]


def accept_labels(reader: Volume, images: Volume) -> ReaderLabels:
    """Return a reader's labels on the grid of the images.

    The reader's grid may be the images' own, or the same voxels with axes flipped, exchanged,
    cropped or extended, as editors save them. Anything else is refused: resampled labels of
    another series would look right and be wrong.

    Raises
    ------
    QmriError
        If the map has other values than level ids, holds no body, or lies on another grid.
    """
    data = reader.data
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        raise QmriError("the label map is not a volume", found=f"shape {data.shape}", remedy=REMEDY)
    ids = _checked_ids(data)
    bodies = [number for number in ids if number in LEVEL_NAME]
    if not bodies:
        raise QmriError("the label map holds no vertebral body", expected="ids as in L3 = 22")
    source = np.argwhere(np.isin(data, bodies))
    step = np.linalg.inv(images.affine) @ reader.affine
    rounded = np.rint(step[:3, :3])
    target = apply_affine(step, source)
    whole = np.rint(target).astype(np.intp)
    off = max(float(np.abs(step[:3, :3] - rounded).max()), float(np.abs(target - whole).max()) / 4)
    if off > LATTICE_TOLERANCE or abs(round(float(np.linalg.det(rounded)))) != 1:
        raise QmriError(
            "the label map lies on another grid than the images",
            found=str(reader.grid),
            expected=str(images.grid),
            remedy=REMEDY,
        )
    shape = images.data.shape[:3]
    outside = np.any((whole < 0) | (whole >= np.array(shape)), axis=1)
    if outside.any():
        raise QmriError(
            "labelled voxels lie outside the images", found=f"{int(outside.sum())} voxels", remedy=REMEDY
        )
    labels = np.zeros(shape, np.int16)
    labels[tuple(whole.T)] = data[tuple(source.T)]
    return ReaderLabels(labels, tuple(number for number in ids if number not in LEVEL_NAME))


def _checked_ids(data: NDArray[np.generic]) -> list[int]:
    values = np.unique(data)
    if not np.all(np.isfinite(values)) or np.any(values != np.rint(values)):
        raise QmriError("the label map has values that are not whole numbers", remedy=REMEDY)
    ids = [int(value) for value in values if value != 0]
    discs = {FIRST_DISC_ID + number for number in (*LEVEL_NAME, SACRUM_ID)}
    unknown = [number for number in ids if number not in LEVEL_NAME and number not in discs | {SACRUM_ID}]
    if unknown:
        raise QmriError(
            "the label map has ids that are no level",
            found=", ".join(str(number) for number in unknown[:8]),
            expected="C1-C7 = 1-7, T1-T12 = 8-19, L1-L6 = 20-25, T13 = 28, sacrum 26, discs 100 + id",
        )
    return ids
