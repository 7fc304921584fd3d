"""The grid of a sagittal examination: where each voxel lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Grid:
    """Voxels of an examination in the order in which a scanner writes them.

    Attributes
    ----------
    shape
        Number of columns, rows and slices: the axes of the arrays.
    affine
        (4, 4) matrix from voxel index (column, row, slice) to RAS+ mm.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def voxel_size_mm(self) -> tuple[float, float, float]:
        """Edge lengths along column, row and slice index."""
        edges = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(edges[0]), float(edges[1]), float(edges[2])

    @property
    def image_orientation(self) -> list[float]:
        """ImageOrientationPatient: LPS direction of growing column, then of growing row index."""
        directions = RAS_TO_LPS @ self.affine[:3, :2] / np.asarray(self.voxel_size_mm[:2])
        return [float(value) for value in directions.T.ravel()]

    def image_position(self, index: int) -> list[float]:
        """ImagePositionPatient of a slice: LPS mm of the centre of its first voxel."""
        corner = self.affine @ np.array([0.0, 0.0, index, 1.0])
        return [float(value) for value in RAS_TO_LPS @ corner[:3]]

    def slice_location(self, index: int) -> float:
        """Position of a slice along the slice normal, mm."""
        orientation = np.asarray(self.image_orientation)
        normal = np.cross(orientation[:3], orientation[3:])
        return float(normal @ np.asarray(self.image_position(index)))

    def to_mm(self, index: ArrayLike) -> NDArray[np.float64]:
        """Return RAS+ mm of voxel indices of shape (..., 3)."""
        return np.asarray(index, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, point_mm: ArrayLike) -> NDArray[np.float64]:
        """Return fractional voxel indices of RAS+ points of shape (..., 3)."""
        shifted = np.asarray(point_mm, dtype=np.float64) - self.affine[:3, 3]
        return shifted @ np.linalg.inv(self.affine[:3, :3]).T


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
