"""A grid on which soft shapes are painted over one another as fractions that sum to one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.simulate.anatomy.shapes import Field
from qmri.simulate.anatomy.tissues import Tissue

Box = tuple[slice, slice, slice]


class Canvas:
    """Fractions of tissue on a grid.

    Parameters
    ----------
    affine
        (4, 4) voxel index to RAS+ mm.
    shape
        Voxels along the three axes.
    edge_mm
        Width over which a surface is soft.
    """

    def __init__(self, affine: NDArray[np.float64], shape: tuple[int, int, int], edge_mm: float) -> None:
        self.affine = np.asarray(affine, dtype=np.float64)
        self.inverse = np.linalg.inv(self.affine)
        self.shape = shape
        self.edge_mm = edge_mm
        self.fractions: dict[Tissue, Field] = {Tissue.AIR: np.ones(shape, dtype=np.float32)}

    def box(
        self, centre_mm: NDArray[np.float64], half_sizes_mm: NDArray[np.float64], axes: NDArray[np.float64]
    ) -> Box | None:
        """Return the voxels around a rotated cuboid and one more, or None if off the grid.

        Centre (3,) and half sizes (3,) mm, axes (3, 3).
        """
        middle = apply_affine(self.inverse, centre_mm)
        reach = np.abs(self.inverse[:3, :3] @ axes.T) @ half_sizes_mm + 1.0
        first = np.maximum(np.floor(middle - reach).astype(int), 0)
        last = np.minimum(np.ceil(middle + reach).astype(int) + 1, self.shape)
        if np.any(first >= last):
            return None
        return slice(first[0], last[0]), slice(first[1], last[1]), slice(first[2], last[2])

    def local(
        self, box: Box, origin_mm: NDArray[np.float64], axes: NDArray[np.float64]
    ) -> tuple[Field, Field, Field]:
        """Coordinates of the voxels of a box along ``axes`` (rows) from an origin, in mm.

        Origin (3,), axes (3, 3).
        """
        turn = (axes @ self.affine[:3, :3]).astype(np.float32)
        start = (axes @ (self.affine[:3, 3] - origin_mm)).astype(np.float32)
        i, j, k = (np.arange(part.start, part.stop, dtype=np.float32) for part in box)
        first, second, third = (
            (row[0] * i + base)[:, None, None] + (row[1] * j)[:, None] + row[2] * k
            for row, base in zip(turn, start, strict=True)
        )
        return first, second, third

    def paint(self, box: Box, layers: Mapping[Tissue, Field]) -> None:
        """Put tissues with these fractions (their sum at most one) over whatever is there.

        Fractions are (x, y, z) in the box, 0-1.
        """
        left = np.maximum(1 - sum(layers.values()), 0)
        for fraction in self.fractions.values():
            fraction[box] *= left
        for tissue, share in layers.items():
            if tissue not in self.fractions:
                self.fractions[tissue] = np.zeros(self.shape, dtype=np.float32)
            self.fractions[tissue][box] += share

    @property
    def everything(self) -> Box:
        """The whole grid as a box."""
        return slice(0, self.shape[0]), slice(0, self.shape[1]), slice(0, self.shape[2])
