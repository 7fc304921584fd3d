"""Draw the outline of a muscle to the edge that its own image shows, where there is one.

The network answers on a grid of 2 mm, and half a voxel of fat too much at the rim changes the fat fraction of
a muscle by points. So each voxel near the outline goes to the side that its water signal is closer to: the
mean of the muscle or that of its surroundings, both taken nearby (localised Chan-Vese; Lankton and Tannenbaum
2008, 10.1109/TIP.2008.2004611). Fat, fascia, cortical bone and air are all darker than muscle on a water
image. Where the surroundings are as bright, another muscle, say, the network's outline stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]

# How far the outline may move in a round beyond one voxel, how far away surroundings are looked for, and over
# what distance means are taken.
STEP_MM = 1.5
RING_MM = 7.0
NEAR_MM = 6.0
# Surroundings brighter than this share of the muscle show no edge.
DARKER = 0.7
ROUNDS = 2


def refined(mask: Mask, water: Field, others: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """Return a muscle with its outline at the edge of the water image.

    Parameters
    ----------
    mask, water
        The muscle and the water signal, (x, y, z).
    others
        (x, y, z) what belongs to something else: it is not taken, and no surroundings to compare with.
    spacing_mm
        (3,) edges of the voxels.
    """
    for _ in range(ROUNDS):
        mask = _moved(mask, water, others, spacing_mm)
    return mask


def _moved(mask: Mask, water: Field, others: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """Move the outline by STEP_MM at most."""
    index = np.argwhere(mask)
    if not len(index):
        return mask
    grow = np.ceil(RING_MM / spacing_mm).astype(int) + 1
    low, high = np.maximum(index.min(axis=0) - grow, 0), index.max(axis=0) + grow + 1
    box = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
    inside, signal, free = mask[box], water[box], ~others[box]
    outside_mm = ndimage.distance_transform_edt(~inside, sampling=spacing_mm)
    inside_mm = ndimage.distance_transform_edt(inside, sampling=spacing_mm)
    muscle = _mean_near(signal, inside, spacing_mm)
    around = _mean_near(signal, (outside_mm > 0) & (outside_mm < RING_MM) & free, spacing_mm)
    near = free & (np.maximum(outside_mm, inside_mm) < STEP_MM + spacing_mm.min())
    edge = near & (around < DARKER * muscle)
    moved = np.where(edge, signal > (muscle + around) / 2, inside)
    # What is dark inside and does not reach the outline is the muscle's own fat; what is bright outside and
    # does not touch the muscle is something else.
    moved = ndimage.binary_fill_holes(moved) & free
    parts, count = ndimage.label(moved)
    if count > 1:
        kept = np.unique(parts[inside & moved])
        moved = np.isin(parts, kept[kept > 0])
    result = mask.copy()
    result[box] = moved
    return result


def _mean_near(signal: Field, where: Mask, spacing_mm: NDArray[np.float64]) -> Field:
    """Mean of a signal over the voxels of a mask nearby; 0 where there are none."""
    sigma = NEAR_MM / spacing_mm
    weight = ndimage.gaussian_filter(where.astype(np.float32), sigma, truncate=2.5)
    total = ndimage.gaussian_filter(np.where(where, signal, 0).astype(np.float32), sigma, truncate=2.5)
    return np.asarray(
        np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-4), dtype=np.float32
    )
