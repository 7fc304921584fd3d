"""How fast marrow decays in a map: the evidence by which R2* in 1/s and T2* in ms are told apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

LEAST_RATE = 30.0
"""Marrow has an R2* of 40-180 1/s at 1.5-3 T and a T2* of 5-25 ms. Muscle and fat are near 30 in both."""
MIXED_PDFF = (20.0, 80.0)
"""Percent; of healthy, fatty and oedematous marrow, and of few other tissues."""
FEWEST_VOXELS = 200


def marrow_rate(
    rates: NDArray[np.floating[Any]], pdff: NDArray[np.floating[Any]], tissue: NDArray[np.bool_]
) -> float | None:
    """Return the median of a map of rates in tissue of mixed fat and water, None where there is little.

    Edges, where a voxel holds some fat and some muscle, are left out: a voxel counts if its
    neighbours in the slice are mixed as well.

    Parameters
    ----------
    rates
        (x, y, z) what is taken for R2*, 1/s; NaN where there is no value.
    pdff
        (x, y, z) fat fraction, percent.
    tissue
        (x, y, z) voxels with signal.
    """
    low, high = MIXED_PDFF
    mixed = tissue & (pdff > low) & (pdff < high) & np.isfinite(rates)
    inner = binary_erosion(mixed, np.ones((3, 3, 1)))
    return float(np.median(rates[inner])) if np.count_nonzero(inner) >= FEWEST_VOXELS else None
