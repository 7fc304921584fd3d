"""Checks of a finished label map: what a reader should look at, each with its figure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage, spatial

from qmri.config import SegmentSettings
from qmri.segment.cut.contrast import Contrast
from qmri.spine.body_flag import BodyFlag
from qmri.spine.body_frame import BodyFrame

FEWEST_VOXELS = 20
NEIGHBOURS = 4
_ON_HULL = 1e-6


@dataclass(frozen=True)
class BodyShape:
    """What the checks need to know of one body.

    Attributes
    ----------
    centre_mm
        (3,) centroid of its voxels in RAS+ millimetres.
    n_voxels
        Number of its voxels.
    footprint_mm2
        Its volume over its extent along the axis.
    pieces_share
        Share of its voxels outside its largest piece; voxels that share a corner are one piece.
    solidity
        Share of the voxels within its convex hull that belong to it.
    n_columns
        Number of its voxel columns along the axis of the grid that is closest to its own: its
        cross-section.
    """

    centre_mm: NDArray[np.float64]
    n_voxels: int
    footprint_mm2: float
    pieces_share: float
    solidity: float
    n_columns: int


def shape_of(mask: NDArray[np.bool_], affine: NDArray[np.float64], cranial: NDArray[np.float64]) -> BodyShape:
    """Measure the mask (x, y, z) of one body whose axis points ``cranial``."""
    index = np.argwhere(mask)
    points = apply_affine(affine, index)
    along = points @ cranial
    voxel = abs(float(np.linalg.det(affine[:3, :3])))
    extent = float(np.diff(np.percentile(along, (5, 95)))[0]) / 0.9
    inside = mask[ndimage.find_objects(mask.astype(np.uint8))[0]]
    pieces, count = ndimage.label(inside, structure=np.ones((3, 3, 3)))
    upward = np.abs(cranial @ affine[:3, :3]) / np.linalg.norm(affine[:3, :3], axis=0)
    sizes = np.bincount(pieces.ravel())[1 : count + 1]
    return BodyShape(
        centre_mm=points.mean(0),
        n_voxels=len(index),
        footprint_mm2=voxel * len(index) / max(extent, 1.0),
        pieces_share=1 - float(sizes.max()) / float(sizes.sum()),
        solidity=_solidity(inside),
        n_columns=int(np.count_nonzero(inside.any(axis=int(upward.argmax())))),
    )


def _solidity(mask: NDArray[np.bool_]) -> float:
    """Return the share of the voxels within the hull of a body that belong to it."""
    stride = tuple(slice(None, None, 1 + size // 40) for size in mask.shape)
    mask = mask[stride]
    points = np.argwhere(mask)
    if min(np.ptp(points, axis=0)) == 0:
        return 1.0
    hull = spatial.ConvexHull(points)
    everywhere = np.argwhere(np.ones(mask.shape, bool))
    beyond = everywhere @ hull.equations[:, :3].T + hull.equations[:, 3]
    return len(points) / int(np.sum(beyond.max(axis=1) < _ON_HULL))


def gap_flags(
    shapes: Sequence[BodyShape], counts: Sequence[int], settings: SegmentSettings
) -> list[tuple[BodyFlag, ...]]:
    """Flag bodies out of order, and gaps between neighbours that are no usual multiple of the median.

    Parameters
    ----------
    shapes
        Bodies, cranial to caudal by their names.
    counts
        How many levels lie between each body and the next (1 for neighbours).
    """
    flags: list[list[BodyFlag]] = [[] for _ in shapes]
    steps = [upper.centre_mm - lower.centre_mm for upper, lower in itertools.pairwise(shapes)]
    gaps = [float(np.linalg.norm(step)) / count for step, count in zip(steps, counts, strict=True)]
    for index, (step, gap) in enumerate(zip(steps, gaps, strict=True)):
        if step[2] <= 0:
            flags[index + 1].append(BodyFlag("order", float(step[2]), 0))
        ratio = gap / float(np.median(gaps))
        low, high = settings.gap_ratio
        if len(gaps) > 1 and not low <= ratio <= high:
            limit = low if ratio < low else high
            flags[index].append(BodyFlag("gap_below", ratio, limit))
            flags[index + 1].append(BodyFlag("gap_above", ratio, limit))
    return [tuple(own) for own in flags]


def shape_flags(
    shapes: Sequence[BodyShape], complete: Sequence[bool], settings: SegmentSettings
) -> list[tuple[BodyFlag, ...]]:
    """Flag footprints unlike the neighbours', bodies in pieces and bodies with bays or spurs."""
    result = []
    for index, shape in enumerate(shapes):
        flags = []
        beside = [
            shapes[k].footprint_mm2 for k in (index - 1, index + 1) if 0 <= k < len(shapes) and complete[k]
        ]
        if beside and complete[index]:
            ratio = shape.footprint_mm2 / float(np.mean(beside)) - 1
            if abs(ratio) > settings.footprint_deviation:
                flags.append(BodyFlag("footprint", ratio, settings.footprint_deviation))
        if shape.pieces_share > settings.pieces_share:
            flags.append(BodyFlag("pieces", shape.pieces_share, 0))
        if shape.solidity < settings.solidity:
            flags.append(BodyFlag("solidity", shape.solidity, settings.solidity))
        result.append(tuple(flags))
    return result


def brightness_flags(
    masks: Sequence[NDArray[np.bool_]], water: NDArray[np.float32], settings: SegmentSettings
) -> list[tuple[BodyFlag, ...]]:
    """Flag bodies much brighter or darker on water than the four nearest others, as with oedema.

    The upper quartile of a body counts, so that a third full of oedema is seen and a void is not.

    Parameters
    ----------
    masks
        (x, y, z) voxels of the bodies, cranial to caudal.
    water
        (x, y, z) water signal freed of shading.
    """
    signal = np.array([np.percentile(water[mask], 75) for mask in masks])
    result: list[tuple[BodyFlag, ...]] = []
    for index, own in enumerate(signal):
        nearest = sorted(set(range(len(signal))) - {index}, key=lambda other: abs(other - index))
        usual = float(np.median(signal[nearest[:NEIGHBOURS]])) if nearest else 0.0
        ratio = float(own) / usual if usual > 0 else 1.0
        flags = []
        if max(ratio, 1 / max(ratio, 1e-3)) > settings.brightness_ratio:
            flags.append(BodyFlag("brightness", ratio - 1, settings.brightness_ratio - 1))
        result.append(tuple(flags))
    return result


def touching(labels: NDArray[np.int16]) -> dict[int, int]:
    """Return for each label how many of its voxel faces touch another label.

    Labels are (x, y, z) ids.
    """
    faces: dict[int, int] = {}
    for axis in range(3):
        before = np.moveaxis(labels, axis, 0)[:-1]
        after = np.moveaxis(labels, axis, 0)[1:]
        both = (before != after) & (before > 0) & (after > 0)
        for number in np.concatenate([before[both], after[both]]).tolist():
            faces[number] = faces.get(number, 0) + 1
    return faces


def signal_flags(
    mask: NDArray[np.bool_],
    contrast: Contrast,
    frame: BodyFrame,
    marrow: float,
    settings: SegmentSettings,
) -> tuple[BodyFlag, ...]:
    """Flag voids, fat where marrow should be, and signal like that of disc or canal at the rim.

    Parameters
    ----------
    mask
        (x, y, z) voxels of the body.
    contrast
        Prepared images.
    frame
        The body's frame.
    marrow
        Median in-phase signal of the patient's bodies, in the unit of ``contrast``.
    """
    affine = np.linalg.inv(contrast.to_voxel)
    local = frame.to_local(apply_affine(affine, np.argwhere(mask)))
    signal = contrast.inphase[mask]
    flags = []
    void = float(np.mean(signal < settings.void_signal * marrow))
    if void > settings.void_share:
        flags.append(BodyFlag("void", void, settings.void_share))
    own = float(np.median(signal))
    bright = signal > settings.leak_signal * own
    from_middle = np.abs(local[:, 2] - np.median(local[:, 2]))
    posterior = local[:, 1] < np.percentile(local[:, 1], 15)
    ends = (from_middle > np.percentile(from_middle, 80)) & ~posterior
    for name, part in (("leak_canal", posterior), ("leak_disc", ends)):
        share = float(np.mean(bright[part])) if part.any() else 0.0
        if share > settings.leak_share:
            flags.append(BodyFlag(name, share, settings.leak_share))
    if contrast.fraction is not None:
        fraction = contrast.fraction[mask]
        fatty = float(np.mean(fraction > 0.9))
        if fatty > settings.fatty_share:
            flags.append(BodyFlag("pdff_above_90", fatty, settings.fatty_share))
        rim = _rim_difference(mask, contrast)
        if rim is not None and abs(rim) > settings.rim_pdff_pp:
            flags.append(BodyFlag("pdff_rim", rim, settings.rim_pdff_pp))
    return tuple(flags)


def _rim_difference(mask: NDArray[np.bool_], contrast: Contrast) -> float | None:
    """Return median PDFF more than 2 mm inside minus that more than 4 mm inside, percentage points."""
    if contrast.fraction is None:
        return None
    edges = 1 / np.linalg.norm(contrast.to_voxel[:3, :3], axis=1)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    depth = ndimage.distance_transform_edt(np.pad(mask[box], 1), sampling=edges)[1:-1, 1:-1, 1:-1]
    fraction = contrast.fraction[box]
    if np.sum(depth > 4) < FEWEST_VOXELS:
        return None
    return 100 * float(np.median(fraction[depth > 2]) - np.median(fraction[depth > 4]))
