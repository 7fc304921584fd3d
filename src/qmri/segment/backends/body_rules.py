"""From a program's labels to vertebral bodies: the body rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

from qmri.errors import QmriError
from qmri.segment.backends.description import Description
from qmri.spine.levels import LEVEL_ID, sort_levels

Labels = NDArray[np.integer]

SMALLEST_BODY_MM3 = 1500.0
MERGED_RATIO = 1.6
# The rim of a body that is parted from its disc so far goes back to it.
RIM_VOXELS = 1.5


@dataclass(frozen=True)
class Pieces:
    """Bodies without names.

    Attributes
    ----------
    masks
        (n, x, y, z) bodies, cranial to caudal.
    sacrum_below
        Whether the sacrum lies right below the lowest.
    doubts
        What makes the parting doubtful.
    """

    masks: NDArray[np.bool_]
    sacrum_below: bool
    doubts: tuple[str, ...]


def level_labels(labels: Labels, description: Description) -> NDArray[np.int16]:
    """Return a program's labels (x, y, z) with the ids of `qmri.spine.levels`; what is no level becomes 0.

    Raises
    ------
    QmriError
        If an id is neither a level nor one that the description knows, or no level is there.
    """
    level_of = description.level_of
    result = np.zeros(labels.shape, np.int16)
    present = [int(number) for number in np.unique(labels) if number]
    unknown = [n for n in present if n not in level_of and not description.may_occur(n)]
    if unknown:
        raise QmriError(
            "the back end wrote ids that its description does not know",
            found=", ".join(map(str, unknown[:8])),
            expected="the ids of its description: another task, model or version, perhaps",
        )
    for number in present:
        if number in level_of:
            result[labels == number] = LEVEL_ID[level_of[number]]
    if not result.any():
        raise QmriError("the back end found no vertebra")
    return result


def intersect(labels: NDArray[np.int16], mask: Labels, description: Description) -> NDArray[np.int16]:
    """Return the part of each level (x, y, z) that lies in the body mask of the program.

    Raises
    ------
    QmriError
        If the two do not meet.
    """
    body = np.isin(mask, description.body_ids)
    result = np.where(body, labels, np.int16(0))
    if not result.any():
        raise QmriError("the back end's vertebrae and its body mask do not meet")
    return result


def largest_pieces(labels: NDArray[np.int16]) -> tuple[NDArray[np.int16], dict[int, float]]:
    """Keep the largest piece of each level; return the share of each level that was taken away.

    Labels are (x, y, z), ids of `qmri.spine.levels`.
    """
    result, lost = np.zeros_like(labels), {}
    for number in (int(n) for n in np.unique(labels) if n):
        box = ndimage.find_objects((labels == number).astype(np.uint8))[0]
        inside = labels[box] == number
        pieces, count = ndimage.label(inside)
        sizes = np.bincount(pieces.ravel())[1:]
        result[box][pieces == 1 + int(sizes.argmax())] = number
        if count > 1:
            lost[number] = 1 - float(sizes.max()) / float(sizes.sum())
    return result, lost


def split(mask: Labels, affine: NDArray[np.float64], description: Description) -> Pieces:
    """Part a body mask without levels at the discs.

    Parameters
    ----------
    mask
        (x, y, z) labels of the program.
    affine
        From voxel index to RAS+ millimetres.
    description
        Tells the ids of body, disc and sacrum.

    Raises
    ------
    QmriError
        If there is no body.
    """
    body = np.isin(mask, description.body_ids)
    disc = ndimage.binary_dilation(np.isin(mask, description.disc_ids))
    pieces, _ = ndimage.label(body & ~disc)
    voxel = abs(float(np.linalg.det(affine[:3, :3])))
    sizes = np.bincount(pieces.ravel())
    large = [n for n in range(1, len(sizes)) if sizes[n] * voxel >= SMALLEST_BODY_MM3]
    if not large:
        raise QmriError("the back end found no vertebral body")

    def heights(part: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.asarray(np.argwhere(part) @ affine[2, :3] + affine[2, 3])

    edges = voxel_sizes(affine)
    cores = np.isin(pieces, large)
    away, nearest = ndimage.distance_transform_edt(~cores, sampling=edges, return_indices=True)
    pieces = np.where(body & (away <= RIM_VOXELS * edges.max()), pieces[tuple(nearest)], 0)
    large.sort(key=lambda n: -float(heights(pieces == n).mean()))
    masks = np.stack([pieces == n for n in large])
    extents = np.array([np.ptp(heights(part)) for part in masks])
    merged = np.flatnonzero((extents > MERGED_RATIO * np.median(extents)) & (len(large) > 2))
    doubts = tuple(
        f"piece {n + 1} from above is {extents[n]:.0f} mm high: two bodies, perhaps" for n in merged
    )
    sacrum = np.isin(mask, description.sacrum_ids)
    sacrum_below = bool(sacrum.any()) and heights(sacrum).max() < heights(masks[-1]).max()
    return Pieces(masks, sacrum_below, doubts)


def deepest_points(labels: NDArray[np.int16], affine: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return for each level the point (3,) in RAS+ mm with the most of it around: the middle of its body.

    The body is the thickest part of a vertebra, so the largest ball within a label lies in it.
    """
    edges = voxel_sizes(affine)
    points = {}
    for level, number in LEVEL_ID.items():
        mask = labels == number
        if not mask.any():
            continue
        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        depth = ndimage.distance_transform_edt(np.pad(mask[box], 1), sampling=edges)[1:-1, 1:-1, 1:-1]
        deep = np.argwhere(depth >= 0.9 * depth.max()).mean(axis=0) + [part.start for part in box]
        points[level] = apply_affine(affine, deep)
    return points


def require_order(labels: NDArray[np.int16], affine: NDArray[np.float64]) -> None:
    """Check that the levels of labels (x, y, z) run from cranial to caudal by an affine (4, 4) to RAS+ mm.

    Raises
    ------
    QmriError
        If they do not: the map is upside down, or the ids are those of another scheme.
    """
    names = {number: level for level, number in LEVEL_ID.items()}
    present = sort_levels(names[int(n)] for n in np.unique(labels) if n)
    height = [float((np.argwhere(labels == LEVEL_ID[name]) @ affine[2, :3]).mean()) for name in present]
    wrong = [
        f"{lower} above {upper}"
        for upper, lower, a, b in zip(present, present[1:], height, height[1:], strict=False)
        if b >= a
    ]
    if wrong:
        raise QmriError(
            "the back end's levels do not run from cranial to caudal",
            found=", ".join(wrong[:3]),
            remedy="its map is upside down, or its ids are not those of the description",
        )
