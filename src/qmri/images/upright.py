"""A grid with its axes put into the order right, anterior, superior: exact, by exchange and flip alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

RAS = axcodes2ornt(("R", "A", "S"))


def upright(data: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[Any]:
    """Return an array (x, y, z), of any unit, with its axes along R, A, S; affine (4, 4)."""
    result: NDArray[Any] = apply_orientation(data, io_orientation(affine))
    return result


def from_upright(data: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[Any]:
    """Return an upright array (x, y, z), of any unit, on the grid of ``affine`` (4, 4)."""
    result: NDArray[Any] = apply_orientation(data, ornt_transform(RAS, io_orientation(affine)))
    return result


def upright_affine(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the affine (4, 4), mm, of the upright array of an array of ``shape`` (x, y, z)."""
    result: NDArray[np.float64] = affine @ inv_ornt_aff(io_orientation(affine), shape)
    return result
