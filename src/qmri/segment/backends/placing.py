"""A program's label map on the grid of the images: resampled where it must be, refused where it is misplaced.

Users of these programs report a wrong affine as the main cause of failure, so nothing is taken on trust.
"""

from __future__ import annotations

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.nifti import Volume

OUTSIDE_SHARE = 0.05
SAME_PLACE_MM = 0.05
CORNER_VOXELS = 0.05
REMEDY = "the program must keep the affine of its input; look at its output over the image"


def place(result: Volume, images: Volume) -> NDArray[np.int32]:
    """Return a program's label map on the grid of the images, by nearest neighbour.

    Parameters
    ----------
    result
        What the program wrote, on any grid.
    images
        The images (x, y, z) that it was given.

    Returns
    -------
    ndarray
        int32 (x, y, z).

    Raises
    ------
    QmriError
        If it is no label map, or lies elsewhere: as many voxels at other places, or labels outside the image.
    """
    data = _whole_numbers(result)
    shape = images.data.shape[:3]
    to_result = np.linalg.inv(result.affine) @ images.affine
    if data.shape == shape and np.abs(_shift(to_result, shape, images)).max() <= SAME_PLACE_MM:
        return data
    if sorted(data.shape) == sorted(shape) and not _is_reoriented(to_result, data.shape, shape):
        raise QmriError(
            "the back end's label map has the voxels of the image, but another affine",
            found=str(result.grid),
            expected=str(images.grid),
            remedy=REMEDY,
        )
    labelled = np.argwhere(data > 0)
    if labelled.size:
        inside = apply_affine(np.linalg.inv(to_result), labelled)
        outside = np.any((inside < -0.5) | (inside > np.array(shape) - 0.5), axis=1).mean()
        if outside > OUTSIDE_SHARE:
            raise QmriError(
                "the back end's labels lie outside the image",
                found=f"{100 * outside:.0f} % of them; its map: {result.grid}",
                expected=str(images.grid),
                remedy=REMEDY,
            )
    return _nearest(data, to_result, shape)


def _whole_numbers(result: Volume) -> NDArray[np.int32]:
    data = result.data[..., 0] if result.data.ndim == 4 and result.data.shape[3] == 1 else result.data
    rounded = np.rint(np.nan_to_num(np.asarray(data, np.float64)))
    if data.ndim != 3 or not np.array_equal(rounded, data) or np.any(rounded < 0):
        raise QmriError(
            "the back end's result is no label map",
            found=f"shape {data.shape}, type {data.dtype}",
            expected="a volume of whole numbers",
        )
    return rounded.astype(np.int32)


def _shift(step: NDArray[np.float64], shape: tuple[int, ...], images: Volume) -> NDArray[np.float64]:
    """Return in mm how far the corners of the images lie from the same voxels of the result."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape) - 1)
    away = apply_affine(step, corners) - corners
    return np.asarray(away @ images.affine[:3, :3].T)


def _is_reoriented(step: NDArray[np.float64], result: tuple[int, ...], images: tuple[int, ...]) -> bool:
    """Tell whether two grids have the same points, their axes exchanged or flipped."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(images) - 1)
    found = apply_affine(step, corners)
    at_ends = np.minimum(np.abs(found), np.abs(found - (np.array(result) - 1)))
    return bool(at_ends.max() < CORNER_VOXELS)


def _nearest(
    data: NDArray[np.int32], to_result: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.int32]:
    placed = np.zeros(shape, np.int32)
    rows = np.stack(np.meshgrid(*(np.arange(n) for n in shape[1:]), indexing="ij"), -1).reshape(-1, 2)
    for plane in range(shape[0]):
        points = np.column_stack([np.full(len(rows), plane), rows])
        index = np.rint(apply_affine(to_result, points)).astype(np.intp)
        inside = np.all((index >= 0) & (index < data.shape), axis=1)
        values = np.zeros(len(rows), np.int32)
        values[inside] = data[tuple(index[inside].T)]
        placed[plane] = values.reshape(shape[1:])
    return placed
