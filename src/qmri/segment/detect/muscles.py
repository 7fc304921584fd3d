"""The muscles beside the spine from the network's second answer: which side they are of, without specks."""

from __future__ import annotations

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from qmri.segment.detect.channels import SPACING_MM, NetworkClass
from qmri.segment.detect.network_maps import NetworkMaps
from qmri.segment.detect.refine import refined
from qmri.segment.detect.working_grid import from_working
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, MUSCLES, RIGHT

LEAST_PROBABILITY = 0.5
# The network finds the quadratus, but its sections are off by a tenth, and its fat by 2 points.
UNTRUSTED = [MUSCLE_ID["quadratus_lumborum", side] for side in (RIGHT, LEFT)]
# A part of a muscle smaller than this, or than this share of its largest part, is a speck.
LEAST_MM3 = 500.0
LEAST_SHARE = 0.1
# The midline is smoothed along the spine over so much; a row counts if it shows so many voxels of the column.
SMOOTH_MM = 20.0
LEAST_ROW = 6
BODIES = (NetworkClass.BODY, NetworkClass.LOWEST_BODY, NetworkClass.DISC, NetworkClass.S1)
COLUMN = (NetworkClass.CANAL, *BODIES)
# A canal further than this from the middle of the bodies is none.
APART_MM = 9.0


def label_muscles(
    maps: NetworkMaps, water: NDArray[np.floating], affine: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the muscles on the grid of the images, told apart by side, with outlines at its edges.

    Parameters
    ----------
    maps
        The network's answer on its working grid.
    water
        (x, y, z) magnitude of the water signal.
    affine
        (4, 4) matrix from voxel index to RAS+ mm.

    Returns
    -------
    NDArray
        (x, y, z) uint8, ids of `qmri.spine.tissue_labels`; 0 where there is none, and everywhere if the
        network sees no column whose midline could part right from left.
    """
    shape, spacing_mm = water.shape, voxel_sizes(affine)
    labels = np.zeros(shape, dtype=np.uint8)
    midline = midline_of(maps.values)
    if midline is None:
        return labels
    beside = np.broadcast_to(
        np.arange(maps.grid.shape[0])[:, None, None] - midline[None, None, :], maps.grid.shape
    )
    on_the_right = from_working(maps.grid, beside, shape) > 0
    shares = np.stack([from_working(maps.grid, share, shape) for share in maps.muscles[1:]])
    kind = np.where(shares.sum(axis=0) > LEAST_PROBABILITY, shares.argmax(axis=0), -1)
    column = from_working(maps.grid, maps.values[list(COLUMN)].sum(axis=0), shape) > LEAST_PROBABILITY
    # Beside the spine the network's first answer takes the psoas for bodies, which it was not taught there.
    column &= kind < 0
    least = LEAST_MM3 / float(np.prod(spacing_mm))
    for number, muscle in enumerate(MUSCLES):
        for side, half in ((RIGHT, on_the_right), (LEFT, ~on_the_right)):
            kept = without_specks((kind == number) & half, least)
            labels[kept] = MUSCLE_ID[muscle, side]
    signal = np.nan_to_num(np.asarray(water, dtype=np.float32), posinf=0.0, neginf=0.0)
    moved = refined(labels > 0, signal, column, spacing_mm)
    found = nearest_label(labels, moved)
    found[np.isin(found, UNTRUSTED)] = 0
    return found


def nearest_label(labels: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return labels (x, y, z) on a mask, of the nearest one by voxels where there was none; 0 elsewhere."""
    kept = np.where(where, labels, 0).astype(np.uint8)
    missing = np.argwhere(where & (labels == 0))
    if len(missing):
        inner = ndimage.minimum_filter(labels, size=3) == ndimage.maximum_filter(labels, size=3)
        rim = np.argwhere((labels > 0) & ~inner)
        nearest = rim[cKDTree(rim).query(missing)[1]]
        kept[tuple(missing.T)] = labels[tuple(nearest.T)]
    return kept


def midline_of(maps: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """Return where the midline of the column runs: an index along the first axis for each row of the third.

    Maps are (classes, x, y, z) probabilities. It is the middle of the canal, or of bodies and discs where
    that lies elsewhere: what is taken for canal then is none. Smooth along the spine and straight on beyond
    its ends; None where there are no bodies.
    """
    canal = _course(maps[NetworkClass.CANAL] > LEAST_PROBABILITY)
    bodies = _course(maps[list(BODIES)].sum(axis=0) > LEAST_PROBABILITY)
    if canal is None or bodies is None:
        return bodies
    apart = SPACING_MM[0] * float(np.median(np.abs(canal - bodies)))
    return canal if apart < APART_MM else bodies


def _course(there: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return the middle of the largest part of a mask (x, y, z) for each row of z, smooth; None if empty."""
    widths = largest_part(there).sum(axis=1)
    rows = np.flatnonzero(widths.sum(axis=0) >= LEAST_ROW)
    if not rows.size:
        return None
    whole = np.interp(np.arange(there.shape[2]), rows, _median_place(widths[:, rows]))
    return np.asarray(ndimage.gaussian_filter1d(whole, SMOOTH_MM / SPACING_MM[2], mode="nearest"))


def _median_place(counts: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return for each column of counts the index that parts them in halves, within its voxel."""
    total = counts.cumsum(axis=0)
    half = total[-1] / 2
    first = (total >= half).argmax(axis=0)
    columns = np.arange(counts.shape[1])
    before = total[first, columns] - counts[first, columns]
    return np.asarray(first - 0.5 + (half - before) / counts[first, columns])


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected part of a mask; (x, y, z)."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == sizes.argmax())


def without_specks(mask: NDArray[np.bool_], least_voxels: float) -> NDArray[np.bool_]:
    """Return a mask (x, y, z) without its small parts."""
    parts, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    keep = sizes >= max(least_voxels, LEAST_SHARE * sizes.max())
    return np.asarray(keep[parts])
