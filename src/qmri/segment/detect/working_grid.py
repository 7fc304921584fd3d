"""The working grid: axes permuted and flipped to right, anterior, superior, at a fixed spacing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from qmri.images.grid import Grid
from qmri.segment.detect.channels import SPACING_MM


@dataclass(frozen=True)
class WorkingGrid(Grid):
    """The working grid, and how an acquired one maps to it.

    Attributes
    ----------
    order
        Acquired axis that becomes right, anterior and superior.
    flip
        Whether that axis runs the other way.
    weights
        For each working axis the (n_working, n_acquired) matrix of interpolation.
    """

    order: tuple[int, int, int]
    flip: tuple[bool, bool, bool]
    weights: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def working_grid(
    affine: NDArray[np.float64], shape: tuple[int, ...], spacing_mm: tuple[float, float, float] = SPACING_MM
) -> WorkingGrid:
    """Lay the working grid over an acquired one; both share their centre.

    ``affine`` (4, 4) leads from voxel index to RAS+ mm, ``shape`` is that of the image.
    """
    edges = voxel_sizes(affine)
    order = closest_axes(affine)
    flip = tuple(bool(affine[axis, source] < 0) for axis, source in enumerate(order))
    weights, working = [], np.eye(4)
    centre = affine[:3, :3] @ ((np.array(shape[:3]) - 1) / 2) + affine[:3, 3]
    for axis, source in enumerate(order):
        count, step = shape[source], float(edges[source])
        wanted = max(1, round(count * step / spacing_mm[axis]))
        weights.append(interpolation_matrix(count, step, wanted, spacing_mm[axis]))
        direction = affine[:3, source] / step * (-1 if flip[axis] else 1)
        working[:3, axis] = direction * spacing_mm[axis]
    size = tuple(len(matrix) for matrix in weights)
    working[:3, 3] = centre - working[:3, :3] @ ((np.array(size) - 1) / 2)
    return WorkingGrid(
        order=order,
        flip=(flip[0], flip[1], flip[2]),
        weights=(weights[0], weights[1], weights[2]),
        affine=working,
        shape=(size[0], size[1], size[2]),
    )


def from_working(
    grid: WorkingGrid, values: NDArray[np.floating], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Interpolate values on the working grid (x, y, z), in their unit, to the acquired grid of this shape."""
    x, y, z = (matrix / matrix.sum(axis=0).clip(1e-6) for matrix in grid.weights)
    # In this order and form no array has to be turned before it is multiplied.
    spread = np.tensordot(x.T, y.T @ (np.asarray(values, dtype=np.float32) @ z), axes=1)
    spread = spread[tuple(slice(None, None, -1 if flipped else 1) for flipped in grid.flip)]
    return np.ascontiguousarray(spread.transpose(np.argsort(grid.order)).reshape(shape))


def closest_axes(affine: NDArray[np.float64]) -> tuple[int, int, int]:
    """Return the array axis closest to right, to anterior and to superior, by an affine (4, 4) to RAS+ mm."""
    cosines = np.abs(affine[:3, :3] / voxel_sizes(affine))
    best, order = -1.0, (0, 1, 2)
    for candidate in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        agreement = float(sum(cosines[axis, source] for axis, source in enumerate(candidate)))
        if agreement > best:
            best, order = agreement, candidate
    return order


def interpolation_matrix(count: int, step: float, wanted: int, spacing: float) -> NDArray[np.float32]:
    """Return (wanted, count) weights: a tent as wide as the coarser of both grids, rows summing to one."""
    source = (np.arange(count) - (count - 1) / 2) * step
    target = (np.arange(wanted) - (wanted - 1) / 2) * spacing
    width = max(step, spacing)
    tent = np.maximum(1 - np.abs(target[:, None] - source) / width, 0)
    nearest = np.abs(target[:, None] - source).argmin(axis=1)
    tent[np.arange(wanted), nearest] += tent.sum(axis=1) == 0
    return np.asarray(tent / tent.sum(axis=1, keepdims=True), dtype=np.float32)


def to_working(grid: WorkingGrid, image: NDArray[np.floating]) -> NDArray[np.float32]:
    """Resample an image (x, y, z) onto the working grid, in its unit; what is not finite counts as zero."""
    turned = np.nan_to_num(np.asarray(image, dtype=np.float32).transpose(grid.order), posinf=0.0, neginf=0.0)
    turned = turned[tuple(slice(None, None, -1 if flipped else 1) for flipped in grid.flip)]
    for axis, matrix in enumerate(grid.weights):
        turned = np.moveaxis(np.tensordot(matrix, turned, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(turned, dtype=np.float32)
