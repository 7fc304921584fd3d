"""Where the voxels of an image lie in the patient: the one grid of every package."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import ArrayLike, NDArray

GRID_TOLERANCE_MM = 1e-3


@dataclass(frozen=True)
class Grid:
    """The voxels of an image.

    Attributes
    ----------
    shape
        Number of voxels along the array axes (x, y, z).
    affine
        (4, 4) float64 matrix from voxel index to RAS+ millimetres.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def voxel_size_mm(self) -> tuple[float, float, float]:
        """Edge lengths of a voxel along the three array axes."""
        x, y, z = voxel_sizes(self.affine)
        return float(x), float(y), float(z)

    def __str__(self) -> str:
        size = " x ".join(str(n) for n in self.shape)
        edges = " x ".join(f"{edge:.3g}" for edge in self.voxel_size_mm)
        corner = ", ".join(f"{value:.1f}" for value in self.affine[:3, 3])
        return f"{size} voxels of {edges} mm, first voxel at ({corner}) mm"

    def to_mm(self, index: ArrayLike) -> NDArray[np.float64]:
        """Return RAS+ millimetres of voxel indices of shape (..., 3)."""
        return np.asarray(apply_affine(self.affine, np.asarray(index, np.float64)))

    def to_index(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Return fractional voxel indices of RAS+ points of shape (..., 3)."""
        return np.asarray(apply_affine(np.linalg.inv(self.affine), np.asarray(points_mm, np.float64)))

    def matches(self, other: Grid, tolerance_mm: float = GRID_TOLERANCE_MM) -> bool:
        """Tell whether two grids have the same voxels."""
        return self.shape == other.shape and np.allclose(self.affine, other.affine, atol=tolerance_mm)


def right_axis(affine: NDArray[np.float64]) -> int:
    """Return the array axis of a (4, 4) affine that runs closest to the patient's right or left."""
    return int(np.argmax(np.abs(affine[0, :3]) / voxel_sizes(affine)))
