"""How fast tissues decay in a map: the evidence by which name and scale of an R2* map are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

LEAST_RATE = 30.0
"""Marrow has an R2* of 40-180 1/s at 1.5-3 T and a T2* of 5-25 ms. Muscle and fat are near 30 in both."""
MIXED_PDFF, LEAN_PDFF, FAT_PDFF = (20.0, 80.0), (-20.0, 10.0), (85.0, 120.0)
"""Percent: marrow of any age and few other tissues; muscle, discs and fluid; fat under the skin."""
FEWEST_VOXELS = 200
USUAL_FIELD_T = 3.0


@dataclass(frozen=True)
class TissueRates:
    """Median R2* of what a fat fraction tells apart, 1/s; None where there is little of it."""

    marrow: float | None
    lean: float | None
    fat: float | None

    def factor(self, field_t: float | None) -> float | None:
        """Return how many times faster than usual both lean tissue and fat decay.

        The usual rates are those of muscle, 25 + 3.3 B 1/s, and of fat, 25 + 5 B 1/s with the field B in T,
        which vary little between people, unlike those of marrow. Of the two the ratio nearer to 1 counts,
        so that what happens to one tissue alone, as iron in the liver, is no evidence. None where one is
        lacking.
        """
        if self.lean is None or self.fat is None:
            return None
        field = field_t or USUAL_FIELD_T
        ratios = np.array([self.lean / (25.0 + 3.3 * field), self.fat / (25.0 + 5.0 * field)])
        return float(ratios[np.argmin(np.abs(np.log(np.maximum(ratios, 1e-6))))])


def tissue_rates(
    rates: NDArray[np.floating[Any]], pdff: NDArray[np.floating[Any]], tissue: NDArray[np.bool_]
) -> TissueRates:
    """Return the median rates of marrow, lean tissue and fat.

    Edges, where a voxel holds some fat and some muscle, are left out: a voxel counts if its
    neighbours in the slice are of the same tissue.

    Parameters
    ----------
    rates
        (x, y, z) what is taken for R2*, 1/s; NaN where there is no value.
    pdff
        (x, y, z) fat fraction, percent.
    tissue
        (x, y, z) voxels with signal.
    """

    def median(low: float, high: float) -> float | None:
        chosen = tissue & (pdff > low) & (pdff < high) & np.isfinite(rates)
        inner = binary_erosion(chosen, np.ones((3, 3, 1)))
        return float(np.median(rates[inner])) if np.count_nonzero(inner) >= FEWEST_VOXELS else None

    return TissueRates(*(median(*bounds) for bounds in (MIXED_PDFF, LEAN_PDFF, FAT_PDFF)))
