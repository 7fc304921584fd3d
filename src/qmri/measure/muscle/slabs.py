"""Which part of the trunk belongs to a level: between the mid-disc planes, and the plane at mid-body.

Both follow the axes of the bodies and not those of the images. A mid-disc plane passes through the middle
between the two endplates of a disc, across the mean of the axes of the bodies above and below. Where one
of them is not in view it lies half a disc beyond the endplate, across the body's own axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.measure.shape.morphometry import ANTERIOR, CRANIAL, HEIGHTS_AT, RIGHT, Morphometry
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME

HALF_DISC_MM = 5.0
"""Half the height of a usual lumbar disc, where none is in view."""

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """A plane.

    Attributes
    ----------
    point_mm
        (3,) a point of it, RAS+ mm.
    normal
        (3,) its unit normal, pointing cranially.
    """

    point_mm: Real
    normal: Real

    def above_mm(self, points_mm: Real) -> Real:
        """Return how far points (n, 3) lie above it, (n,) mm."""
        return np.asarray((points_mm - self.point_mm) @ self.normal)


@dataclass(frozen=True)
class Slab:
    """The part of the trunk that belongs to a level.

    Attributes
    ----------
    middle
        The plane across the body's axis at half its height.
    upper, lower
        The mid-disc planes.
    right
        (3,) unit vector to the patient's right side of the body.
    """

    middle: Plane
    upper: Plane
    lower: Plane
    right: Real

    def holds(self, points_mm: Real) -> NDArray[np.bool_]:
        """Return which points (n, 3), RAS+ mm, lie between the mid-disc planes, (n,)."""
        return (self.upper.above_mm(points_mm) < 0) & (self.lower.above_mm(points_mm) >= 0)

    def section_weight(self, points_mm: Real, reach_mm: float) -> Real:
        """Return the weight (n,), 1/mm, with which voxels at points (n, 3) make up the mid-body section.

        ``w(s) = (1 - |s| / reach) / reach`` at the distance s from the plane: sum w V over the voxels of a
        muscle is its cross-section, averaged so that a voxel more or less does not count.
        """
        distance = np.abs(self.middle.above_mm(points_mm))
        return np.clip(1 - distance / reach_mm, 0.0, None) / reach_mm


def level_slabs(shapes: Mapping[str, Morphometry]) -> dict[str, Slab]:
    """Return the slab of each level whose body has a shape."""
    return {level: _slab(level, shapes) for level in shapes}


def _slab(level: str, shapes: Mapping[str, Morphometry]) -> Slab:
    shape = shapes[level]
    axes = shape.frame.axes
    above, below = (shapes.get(LEVEL_NAME.get(LEVEL_ID[level] + step, "")) for step in (-1, 1))
    gaps = [
        float(np.linalg.norm(_end(upper, False) - _end(lower, True))) / 2
        for upper, lower in ((above, shape), (shape, below))
        if upper is not None and lower is not None
    ]
    half_disc = float(np.mean(gaps)) if gaps else HALF_DISC_MM
    planes = []
    for other, is_upper in ((above, True), (below, False)):
        own = _end(shape, is_upper)
        if other is None:
            shift = half_disc if is_upper else -half_disc
            planes.append(Plane(own + shift * axes[CRANIAL], axes[CRANIAL]))
        else:
            normal = axes[CRANIAL] + other.frame.axes[CRANIAL]
            planes.append(Plane((own + _end(other, not is_upper)) / 2, normal / np.linalg.norm(normal)))
    middle = (_end(shape, True) + _end(shape, False)) / 2
    return Slab(Plane(middle, axes[CRANIAL]), planes[0], planes[1], axes[RIGHT])


def _end(shape: Morphometry, upper: bool) -> Real:
    """Return the middle of an endplate, (3,) RAS+ mm: its mean height at 15, 50 and 85 % of the depth."""
    plate = shape.upper if upper else shape.lower
    along = shape.along_mm(HEIGHTS_AT)
    local = np.zeros(3)
    local[ANTERIOR] = along.mean()
    local[CRANIAL] = plate.height_mm(0.0, along).mean()
    return np.asarray(shape.frame.to_world(local))
