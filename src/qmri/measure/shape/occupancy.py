"""How much of each place a label fills: resampled into a body's own frame, with edges finer than a voxel.

A voxel mask is smoothed by less than a voxel and interpolated; its edge is where it is half full. So a
jagged outline, or one that is tilted against the grid, has an edge that does not depend on which voxel
lines happen to cross it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

from qmri.spine.body_frame import BodyFrame

MARGIN = 3
"""Empty voxels around the mask, so that its edges can be smoothed."""
SMOOTHING_VOXELS = 0.7
SMOOTHING_SLICES = 0.4
THICK = 1.6
"""An edge of a voxel so many times the shortest one is a slice."""
HALF = 0.5

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Occupancy:
    """A label as the share of each place that it fills.

    Attributes
    ----------
    share
        (x, y, z), 0-1, with a margin of `MARGIN` voxels.
    to_index
        (4, 4) from RAS+ millimetres to indices of ``share``.
    """

    share: NDArray[np.float32]
    to_index: Real

    @classmethod
    def of(cls, mask: NDArray[np.bool_], affine: Real, *, smooth: bool = True) -> Occupancy:
        """Return the occupancy of a mask (x, y, z), its holes filled; affine from index to mm."""
        sizes = voxel_sizes(affine)
        share = np.pad(ndimage.binary_fill_holes(mask), MARGIN).astype(np.float32)
        if smooth:
            width = np.where(sizes > THICK * sizes.min(), SMOOTHING_SLICES, SMOOTHING_VOXELS)
            share = ndimage.gaussian_filter(share, width)
        to_index: Real = np.asarray(np.linalg.inv(affine), dtype=np.float64)
        to_index[:3, 3] += MARGIN
        return cls(share, to_index)

    def sample(self, frame: BodyFrame, right: Real, anterior: Real, cranial: Real) -> Real:
        """Return the share (r, a, c) at the nodes of a grid in a frame, from its axes in mm."""
        nodes = frame.to_world(np.stack(np.meshgrid(right, anterior, cranial, indexing="ij"), axis=-1))
        index = apply_affine(self.to_index, nodes)
        return np.asarray(ndimage.map_coordinates(self.share, np.moveaxis(index, -1, 0), order=1))


def extents(share: Real, position: Real) -> tuple[Real, Real]:
    """Return where lines along the last axis first and last are half full, NaN where they never are.

    Parameters
    ----------
    share
        (..., n), 0-1.
    position
        (n,) evenly spaced places along the lines, mm.
    """
    inside = share >= HALF
    first = inside.argmax(axis=-1)
    last = len(position) - 1 - inside[..., ::-1].argmax(axis=-1)
    spacing = position[1] - position[0]
    reached = inside.any(axis=-1)
    low = position[first] - spacing * _step_to_half(share, first, first - 1)
    high = position[last] + spacing * _step_to_half(share, last, last + 1)
    return np.where(reached, low, np.nan), np.where(reached, high, np.nan)


def _step_to_half(share: Real, inside: NDArray[np.intp], outside: NDArray[np.intp]) -> Real:
    """Return the share of the step from an inner to an outer node at which the line is half full."""
    within = np.take_along_axis(share, inside[..., None], -1)[..., 0]
    clipped = np.clip(outside, 0, share.shape[-1] - 1)
    beyond = np.take_along_axis(share, clipped[..., None], -1)[..., 0]
    fall = within - beyond
    return np.asarray(np.where(fall > 0, (within - HALF) / np.where(fall > 0, fall, 1.0), 0.0))
