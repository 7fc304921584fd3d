"""From a reader's labels or points to the segmentation that counts; what was left alone stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.checks.label_agreement import dice
from qmri.segment.detect.detector import SpineImages
from qmri.segment.label_table import LabelledBody
from qmri.segment.naming.numbering import Naming
from qmri.segment.reader.seeds import Seeds, check_seeds
from qmri.segment.segmentation import Segmentation, segment_drawn
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME

UNMOVED_MM = 0.5
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), bool)


def take_labels(
    images: SpineImages,
    labels: NDArray[np.int16],
    automatic: Segmentation | None,
    settings: SegmentSettings,
) -> Segmentation:
    """Take a reader's labels; bodies that are voxel by voxel those of the automatic result keep its figures.

    Parameters
    ----------
    images
        Images of the spine.
    labels
        int16 (x, y, z) label map on the grid of the images.
    automatic
        The automatic result, None where there is none.
    settings
        Thresholds of the checks.

    Raises
    ------
    QmriError
        If a body that the reader drew or changed is in pieces.
    """
    known = unchanged_bodies(labels, automatic)
    for number in np.unique(labels):
        if number and LEVEL_NAME[int(number)] not in known:
            require_one_piece(labels == number, LEVEL_NAME[int(number)], images.affine)
    return segment_drawn(images, labels, settings, known)


def take_seeds(
    images: SpineImages,
    seeds: Seeds,
    automatic: Segmentation | None,
    settings: SegmentSettings,
    cut: Callable[[Seeds], Segmentation],
) -> Segmentation:
    """Cut bodies from a reader's points; where a point was not moved, the automatic body stays.

    A point that bears another name but was not moved gives its body that name; a body
    whose point is gone is left out.

    Parameters
    ----------
    images, automatic, settings
        As for `take_labels`.
    seeds
        The reader's points.
    cut
        Cuts a body from every point.

    Raises
    ------
    QmriError
        If the points do not suit the images or each other.
    """
    check_seeds(seeds, images.water.shape, images.affine)
    bodies = automatic.bodies if automatic else ()
    kept = {
        level: body
        for level, point in zip(seeds.levels, seeds.points_mm, strict=True)
        for body in bodies
        if np.linalg.norm(point - body.centre_mm) <= UNMOVED_MM
    }
    labels = np.zeros(images.water.shape, np.int16)
    known: dict[str, LabelledBody] = {}
    doubts: tuple[str, ...] = ()
    if len(kept) < len(seeds.levels):
        anew = cut(seeds)
        doubts = anew.naming.doubts
        known = {body.name: body for body in anew.bodies}
        labels = np.where(np.isin(anew.labels, [LEVEL_ID[level] for level in kept]), np.int16(0), anew.labels)
    for level, body in kept.items():
        if automatic is not None:
            labels[automatic.labels == LEVEL_ID[body.name]] = LEVEL_ID[level]
    result = segment_drawn(images, labels, settings, known | kept)
    return replace(result, naming=Naming(result.naming.levels, "seeds", None, doubts))


def unchanged_bodies(labels: NDArray[np.int16], automatic: Segmentation | None) -> Mapping[str, LabelledBody]:
    """Return the automatic bodies whose voxels are those of a level of a label map, by that level.

    Labels are (x, y, z) on the grid of the automatic ones.

    The level may be another one than the body's own: then only its name was changed.
    """
    if automatic is None:
        return {}
    bodies = {LEVEL_ID[body.name]: body for body in automatic.bodies}
    same: dict[str, LabelledBody] = {}
    for number in (int(value) for value in np.unique(labels) if value):
        mask = labels == number
        below = np.unique(automatic.labels[mask])
        if len(below) == 1 and int(below[0]) in bodies:
            body = bodies[int(below[0])]
            if body.n_voxels == np.count_nonzero(mask):
                same[LEVEL_NAME[number]] = body
    return same


def otherwise_named(labels: NDArray[np.int16], former: NDArray[np.int16]) -> list[str]:
    """Return the levels of a label map whose body is not that of the same name in a former one.

    Both are (x, y, z) on one grid. A body is the former one with which it shares most voxels, so outlines may
    differ.
    """
    found = []
    for number in (int(value) for value in np.unique(labels) if value):
        shared = np.bincount(former[labels == number], minlength=2)
        shared[0] = 0
        if not shared.any() or int(shared.argmax()) != number:
            found.append(LEVEL_NAME[number])
    return found


def overlap(labels: NDArray[np.int16], automatic: Segmentation) -> dict[str, float]:
    """Return the Dice coefficient of each level of two label maps (x, y, z), 0 where one of them lacks it."""
    result: dict[str, float] = {}
    for number in sorted(int(value) for value in np.union1d(labels, automatic.labels) if value):
        result[LEVEL_NAME[number]] = round(dice(labels == number, automatic.labels == number), 4)
    return result


def require_one_piece(mask: NDArray[np.bool_], level: str, affine: NDArray[np.float64]) -> None:
    """Check that the voxels of a body hang together, by a corner at least.

    ``mask`` is (x, y, z) bool, ``affine`` (4, 4) from voxel index to RAS+ mm.

    Raises
    ------
    QmriError
        If they do not; the message says where the smallest piece lies.
    """
    pieces, count = ndimage.label(mask, structure=_EVERY_NEIGHBOUR)
    if count < 2:
        return
    sizes = np.bincount(pieces.ravel())[1:]
    smallest = np.argwhere(pieces == 1 + int(sizes.argmin())).mean(axis=0)
    at = ", ".join(f"{value:.0f}" for value in apply_affine(affine, smallest))
    voxel = ", ".join(f"{value + 1:.0f}" for value in smallest)
    raise QmriError(
        f"{level} is drawn in {count} pieces",
        found=f"{' and '.join(str(size) for size in sorted(sizes, reverse=True)[:4])} voxels, the smallest "
        f"piece near voxel ({voxel}), RAS+ ({at}) mm",
        expected="one piece for each level",
        remedy="erase what does not belong to the body, or give it its own level, and save again",
    )
