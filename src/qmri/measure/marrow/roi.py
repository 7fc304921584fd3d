"""The region of a body in which marrow is measured: eroded in millimetres, voids and vein left out.

Erosion by a number of voxels would take 4 mm from a sagittal slice of 4 mm and 1.5 mm in the plane.
Here a voxel stays if its centre lies at least the margin away from the surface, the surface being
the voxel faces between inside and outside. So the outermost left-right slice, whose centre is half
a slice thickness from the surface, goes, and the next one stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.shape.bodies import Body
from qmri.measure.shape.morphometry import ANTERIOR, CRANIAL, RIGHT, Morphometry

HEIGHT_SHARE = 0.2

# The basivertebral vein enters at the middle of the posterior wall; the box is a share of the depth
# and of the height, and a half width in mm.
VEIN_DEPTH, VEIN_HEIGHT, VEIN_HALF_WIDTH_MM = 0.40, 0.24, 4.0


@dataclass(frozen=True)
class Region:
    """Where a body is measured.

    Attributes
    ----------
    roi
        (x, y, z) bool on the body's crop: the eroded body without voids and vein.
    depth_mm
        (x, y, z) distance of each voxel centre to the surface of the body; 0 outside.
    excluded
        (x, y, z) bool: voids with their margin, and the vein.
    erosion_mm
        The margin that was taken.
    """

    roi: NDArray[np.bool_]
    depth_mm: NDArray[np.float64]
    excluded: NDArray[np.bool_]
    erosion_mm: float

    def eroded_by(self, margin_mm: float) -> NDArray[np.bool_]:
        """Return the region under another margin, (x, y, z) bool on the crop."""
        return (self.depth_mm >= margin_mm) & (self.depth_mm > 0) & ~self.excluded


def make_region(body: Body, shape: Morphometry | None, void: NDArray[np.bool_], erosion_mm: float) -> Region:
    """Return the region of a body.

    Parameters
    ----------
    body, shape
        The body and its shape; without a shape the vein is not left out.
    void
        (x, y, z) bool on the crop: voxels with too little signal to hold a ratio.
    erosion_mm
        Margin for a body of usual height; a low body gets 0.2 of its smallest height.
    """
    depth = surface_depth_mm(body.mask, body.voxel_size_mm)
    margin = erosion_mm if shape is None else min(erosion_mm, HEIGHT_SHARE * smallest_height_mm(shape))
    near_void = ndimage.binary_dilation(void & body.mask, iterations=1)
    excluded = near_void if shape is None else near_void | vein_box(body, shape)
    region = Region(body.mask, depth, excluded, max(margin, 0.0))
    return Region(region.eroded_by(region.erosion_mm), depth, excluded, region.erosion_mm)


def smallest_height_mm(shape: Morphometry) -> float:
    """Return the smallest mid-sagittal height between 15 and 85 % of the depth."""
    return float(shape.heights_mm(np.linspace(0.15, 0.85, 15)).min())


def surface_depth_mm(mask: NDArray[np.bool_], voxel_size_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance in mm of each voxel centre inside a mask to the mask's surface, 0 outside.

    ``mask`` is (x, y, z) bool, ``voxel_size_mm`` (3,), the result (x, y, z).

    A voxel outside is a box: where its centre is n voxels away along an axis, its side is n - 1/2. The edge
    of the array counts as outside. The squared distance is the least sum of the squares along the axes, which
    is found one axis after the other (Felzenszwalb and Huttenlocher 2012).
    """
    inside = np.pad(mask, 1)
    squared = np.where(inside, np.inf, 0.0)
    for axis, size in enumerate(voxel_size_mm):
        along = np.moveaxis(squared, axis, 0)
        start = along.copy()
        for steps in range(1, len(start)):
            gap = ((steps - 0.5) * size) ** 2
            if gap >= along.max():
                break
            np.minimum(along[steps:], start[:-steps] + gap, out=along[steps:])
            np.minimum(along[:-steps], start[steps:] + gap, out=along[:-steps])
    return np.asarray(np.sqrt(squared)[1:-1, 1:-1, 1:-1])


def vein_box(body: Body, shape: Morphometry) -> NDArray[np.bool_]:
    """Return the box at the middle of the posterior wall in which the basivertebral vein runs.

    (x, y, z) bool on the crop.
    """
    place = body_coordinates(body, shape)
    return np.asarray(
        (place[..., ANTERIOR] > 1 - VEIN_DEPTH)
        & (np.abs(place[..., CRANIAL] - 0.5) < VEIN_HEIGHT / 2)
        & (np.abs(place[..., RIGHT]) < VEIN_HALF_WIDTH_MM)
    )


def body_coordinates(body: Body, shape: Morphometry) -> NDArray[np.float64]:
    """Return coordinates (x, y, z, 3) that follow the body.

    Right of the middle in mm; share of the depth from the anterior (0) to the posterior wall (1);
    share of the height from the lower (0) to the upper endplate (1) at that place.
    """
    index = np.moveaxis(np.indices(body.mask.shape, dtype=np.float64), 0, -1)
    world = apply_affine(body.affine, index)
    local = shape.frame.to_local(world)
    right, forward = local[..., RIGHT], local[..., ANTERIOR]
    lower, upper = (plate.height_mm(right, forward) for plate in (shape.lower, shape.upper))
    thickness = np.maximum(upper - lower, 1.0)
    return np.stack(
        [
            right,
            (shape.anterior_mm - forward) / shape.depth_mm,
            (local[..., CRANIAL] - lower) / thickness,
        ],
        axis=-1,
    )
