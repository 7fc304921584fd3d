"""The grid of a sagittal examination: where each voxel lies in the patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.images.grid import Grid

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def image_orientation(grid: Grid) -> list[float]:
    """Return ImageOrientationPatient: LPS direction of growing column, then of growing row index."""
    directions = RAS_TO_LPS @ grid.affine[:3, :2] / np.asarray(grid.voxel_size_mm[:2])
    return [float(value) for value in directions.T.ravel()]


def image_position(grid: Grid, index: int) -> list[float]:
    """Return ImagePositionPatient of a slice: LPS mm of the centre of its first voxel."""
    return [float(value) for value in RAS_TO_LPS @ grid.to_mm([0, 0, index])]


def slice_location(grid: Grid, index: int) -> float:
    """Return the position of a slice along the slice normal, mm."""
    orientation = np.asarray(image_orientation(grid))
    normal = np.cross(orientation[:3], orientation[3:])
    return float(normal @ np.asarray(image_position(grid, index)))


def sagittal_grid(
    shape: tuple[int, int, int],
    voxel_size_mm: tuple[float, float, float],
    centre_mm: ArrayLike,
    *,
    oblique_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Grid:
    """Return a grid of sagittal slices: columns to posterior, rows to inferior, slices to the right.

    Parameters
    ----------
    shape
        Number of columns, rows and slices.
    voxel_size_mm
        Edge lengths along columns, rows and slices.
    centre_mm
        RAS+ position of the middle of the grid.
    oblique_deg
        Rotation of the slab about the patient's left-right, antero-posterior and
        cranio-caudal axis, in this order.
    """
    straight = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    about_x, about_y, about_z = (_rotation(axis, angle) for axis, angle in enumerate(oblique_deg))
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_y @ about_x @ straight * np.asarray(voxel_size_mm)
    middle = (np.asarray(shape) - 1) / 2
    affine[:3, 3] = np.asarray(centre_mm) - affine[:3, :3] @ middle
    return Grid(shape, affine)


def _rotation(axis: int, angle_deg: float) -> NDArray[np.float64]:
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.eye(3)
    rotation[[first, second], [first, second]] = cosine
    rotation[first, second], rotation[second, first] = -sine, sine
    return rotation
