"""Symmetric 3 x 3 matrices of many voxels, by their entries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float32]
Symmetric = tuple[Real, Real, Real, Real, Real, Real]
"""Upper triangle, row by row."""
Vector = tuple[Real, Real, Real]
TINY = np.finfo(np.float32).tiny


def inverse(matrix: Symmetric) -> Symmetric:
    """Return the inverse of positive definite matrices, each entry an array (voxels,)."""
    a, b, c, d, e, f = matrix
    i_a, i_b, i_c = d * f - e * e, c * e - b * f, b * e - c * d
    scale = 1 / np.maximum(a * i_a + b * i_b + c * i_c, TINY)
    return (
        i_a * scale,
        i_b * scale,
        i_c * scale,
        (a * f - c * c) * scale,
        (b * c - a * e) * scale,
        (a * d - b * b) * scale,
    )


def times(matrix: Symmetric, vector: Vector) -> Vector:
    """Return the products of matrices and vectors, each entry an array (voxels,) of any unit."""
    a, b, c, d, e, f = matrix
    x, y, z = vector
    return a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z


def dot(left: Vector, right: Vector) -> Real:
    """Return the inner products (voxels,) of vectors, each entry an array (voxels,) of any unit."""
    product: Real = left[0] * right[0] + left[1] * right[1] + left[2] * right[2]
    return product
