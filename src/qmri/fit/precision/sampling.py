"""A fixed random choice of voxels, where a few tell as much as all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_VOXELS = 20_000


def sample(n_voxels: int, size: int = SAMPLE_VOXELS) -> NDArray[np.intp]:
    """Return a fixed random choice (n,) of voxels, ascending (a strided one would alias with the grid)."""
    if n_voxels <= size:
        return np.arange(n_voxels)
    return np.sort(np.random.default_rng(0).choice(n_voxels, size, replace=False))


def typical(values: NDArray[np.floating]) -> float:
    """Return the median of many values of any shape, of a sample of them, in their unit; NaN of none."""
    values = values.ravel()
    return float(np.median(values[sample(values.size)])) if values.size else float("nan")
