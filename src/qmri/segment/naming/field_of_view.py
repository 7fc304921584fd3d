"""How much of a body, and of what lies below it, is in the image."""

from __future__ import annotations

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.images.grid import right_axis
from qmri.segment.cut.template import BodySurface

# A body is complete if no more than this share of the surface of its middle half lies outside the image.
CUT_OFF_SHARE = 0.02
# The cut draws the surface of a body that the view cuts off into the view, so some room must be left.
LEAST_ROOM_MM = 2.0
# At the patient's sides only this much to each side of the body's midplane must be in view.
MIDPLANE_MM = 4.0


def is_complete(surface: BodySurface, shape: tuple[int, ...], affine: NDArray[np.float64]) -> bool:
    """Tell whether the middle half of a body, where its heights are measured, is in view.

    The sides may be cut, as in a thin sagittal slab, if the midplane is there.

    Parameters
    ----------
    surface
        The body.
    shape
        Size of the image in voxels.
    affine
        (4, 4) matrix from voxel index to RAS+ millimetres.
    """
    points = surface.points_mm().reshape(-1, 3)
    off_middle = np.abs(surface.frame.to_local(points)[:, 0])
    middle = off_middle < off_middle.max() / 2
    index = _index(points[middle], affine)
    outside = (index < -0.5) | (index > np.array(shape[:3]) - 0.5)
    outside[off_middle[middle] > MIDPLANE_MM, right_axis(affine)] = False
    inside = bool(np.any(outside, axis=1).mean() <= CUT_OFF_SHARE)
    return inside and all(room(surface, shape, affine, end) >= LEAST_ROOM_MM for end in (-1, 1))


def room(surface: BodySurface, shape: tuple[int, ...], affine: NDArray[np.float64], end: int = -1) -> float:
    """Return how far the view goes on beyond an endplate of a body, in mm along the body's axis.

    It is counted from the point of the endplate's middle half that is closest to the end of the view, and
    negative where the view ends within the body.

    Parameters
    ----------
    surface, shape, affine
        As for `is_complete`.
    end
        -1 for the lower endplate, 1 for the upper one.
    """
    points = surface.points_mm().reshape(-1, 3)
    local = surface.frame.to_local(points)
    beyond = points[(np.abs(local[:, 0]) < np.abs(local[:, 0]).max() / 2) & (end * local[:, 2] > 0)]
    along = end * np.linalg.inv(affine)[:3, :3] @ surface.frame.axes[2]
    edge = np.where(along > 0, np.array(shape[:3]) - 0.5, -0.5)
    moves = np.abs(along) > np.finfo(float).eps
    moves[right_axis(affine)] = False
    return float(np.min((edge - _index(beyond, affine))[:, moves] / along[moves]))


def width_mm(shape: tuple[int, ...], affine: NDArray[np.float64]) -> float:
    """Return how wide the view is from one side of the patient to the other, mm, by an affine (4, 4)."""
    axis = right_axis(affine)
    return float(shape[axis] * np.linalg.norm(affine[:3, axis]))


def border_labels(labels: NDArray[np.int16], affine: NDArray[np.float64]) -> set[int]:
    """Return the labels of a map (x, y, z) that reach its border, other than at the patient's sides.

    ``affine`` (4, 4) leads from voxel index to RAS+ mm.
    """
    axes = [axis for axis in range(3) if axis != right_axis(affine)]
    faces = [np.moveaxis(labels, axis, 0)[end] for axis in axes for end in (0, -1)]
    return {int(number) for face in faces for number in np.unique(face)}


def _index(points_mm: NDArray[np.float64], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(apply_affine(np.linalg.inv(affine), points_mm))
