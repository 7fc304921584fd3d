"""Draw the outline of a muscle to the edge that its own image shows, where there is one.

The network answers on a grid of 2 mm, and half a voxel of fat too much at the rim changes the fat fraction of
a muscle by points. So each voxel near the outline goes to the side that its water signal is closer to: the
mean of the muscle or that of its surroundings, both taken nearby (localised Chan-Vese; Lankton and Tannenbaum
2008, 10.1109/TIP.2008.2004611). Fat, fascia, cortical bone and air are all darker than muscle on a water
image. Where the surroundings are as bright, another muscle, say, or the muscle itself varies as much, for the
fat in it, the network's outline stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Field = NDArray[np.float32]

# How far the outline may move in a round, one voxel at least; over what distance means are taken, and on
# blocks of what size.
STEP_MM = 2.0
NEAR_MM = 5.0
BLOCK_MM = 4.0
# Surroundings brighter than this share of the muscle show no edge.
DARKER = 0.7
# Nor do surroundings that differ by less than so many standard deviations of the muscle.
APART = 3.5
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
    result = mask.copy()
    index = np.argwhere(mask)
    if not len(index):
        return result
    grow = np.ceil(2 * NEAR_MM / spacing_mm).astype(int)
    low, high = np.maximum(index.min(axis=0) - grow, 0), index.max(axis=0) + grow + 1
    box = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
    inside, signal, free = mask[box], water[box], ~others[box]
    for _ in range(ROUNDS):
        inside = _moved(inside, signal, free, spacing_mm)
    result[box] = inside
    return result


def _moved(inside: Mask, signal: Field, free: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """Move the outline once."""
    steps = np.maximum(np.floor(STEP_MM / spacing_mm), 1).astype(int)
    rim = _widened(~inside, steps)
    shell = free & rim & _widened(inside, steps)
    places = np.nonzero(shell)
    at = np.array(places)
    muscle, square = (_mean_near(values, inside & ~rim, at, spacing_mm) for values in (signal, signal**2))
    spread = np.sqrt(np.maximum(square - muscle**2, 0))
    around = _mean_near(signal, free & ~inside, at, spacing_mm)
    edge = (around < DARKER * muscle) & (muscle - around > APART * spread)
    moved = inside.copy()
    moved[places] = np.where(edge, signal[places] > (muscle + around) / 2, inside[places])
    # What is dark inside and does not reach the outline is the muscle's own fat; what is bright outside and
    # does not touch the muscle is something else.
    outside, _ = ndimage.label(np.pad(~moved, 1, constant_values=True))
    moved = (outside[1:-1, 1:-1, 1:-1] != outside[0, 0, 0]) & free
    parts, count = ndimage.label(moved)
    if count > 1:
        kept = np.zeros(count + 1, dtype=bool)
        kept[parts[inside & moved]] = True
        kept[0] = False
        moved = kept[parts]
    return np.asarray(moved)


def _widened(mask: Mask, steps: NDArray[np.intp]) -> Mask:
    """Widen a mask by so many voxels along each axis, as a box does."""
    wide = mask
    for axis, step in enumerate(steps):
        wide = ndimage.maximum_filter1d(wide.view(np.uint8), 2 * int(step) + 1, axis=axis).view(bool)
    return wide


def _mean_near(
    signal: Field, where: Mask, at: NDArray[np.intp], spacing_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of a signal over the voxels of a mask near some places (3, n); 0 where there are none."""
    block = np.maximum(np.round(BLOCK_MM / spacing_mm), 1).astype(int)
    sigma = NEAR_MM / (block * spacing_mm)
    total, weight = (
        ndimage.gaussian_filter(_blocks(values, block), sigma, mode="constant")
        for values in (np.where(where, signal, 0), where)
    )
    places = (at + 0.5) / block[:, None] - 0.5
    sums, counts = (
        ndimage.map_coordinates(values, places, order=1, mode="nearest") for values in (total, weight)
    )
    return np.asarray(np.divide(sums, counts, out=np.zeros(len(sums)), where=counts > 1e-3))


def _blocks(values: NDArray[np.generic], block: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums over blocks of voxels."""
    sums = np.pad(values, [(0, -size % step) for size, step in zip(values.shape, block, strict=True)])
    x, y, z = (size // step for size, step in zip(sums.shape, block, strict=True))
    return np.asarray(
        sums.reshape(x, block[0], y, block[1], z, block[2]).sum(axis=(1, 3, 5)), dtype=np.float64
    )
