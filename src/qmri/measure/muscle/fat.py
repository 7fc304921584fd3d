"""The fat of a muscle beside a level, from its inner voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings
from qmri.measure.marrow.distribution import median, unrounded
from qmri.measure.marrow.uncertainty import (
    StandardErrors,
    combine,
    noise_error_of_median,
    sampling_error_of_median,
)
from qmri.measure.muscle.compartment import Compartment

LEAST_VOXELS = 30
DEEPEST_SHARE = 0.4
"""In a thin muscle the margin is this share of the depth of its deepest voxel."""
BLOCK_MM = 8.0


@dataclass(frozen=True)
class MuscleFat:
    """Fat fraction of a muscle at a level, percent.

    Attributes
    ----------
    median, mean, sd
        Over the inner voxels.
    errors
        Of the median.
    count
        Inner voxels with a value.
    margin_mm
        Margin that was kept from the surface.
    """

    median: float
    mean: float
    sd: float
    errors: StandardErrors
    count: int
    margin_mm: float


def margin_mm(muscle: Compartment, chosen: NDArray[np.bool_], settings: MeasureSettings) -> float:
    """Return the margin that is kept from the surface, mm; ``chosen`` (n,) are the voxels of the level."""
    return min(settings.muscle_erosion_mm, DEEPEST_SHARE * float(muscle.depth_mm[chosen].max()))


def measure_fat(
    muscle: Compartment, chosen: NDArray[np.bool_], settings: MeasureSettings, independent: float
) -> MuscleFat | None:
    """Return the fat of the chosen voxels (n,) of a muscle; None where too few inner ones have a value.

    Parameters
    ----------
    muscle, chosen
        The muscle, and which of its voxels belong to the level.
    settings
        Margin, resampling, repeatability.
    independent
        Share of voxels whose noise is independent.
    """
    margin = margin_mm(muscle, chosen, settings)
    inner = chosen & muscle.inside(margin)
    values = muscle.pdff[inner]
    if len(values) < LEAST_VOXELS:
        return None
    noise = None if muscle.pdff_sd is None else muscle.pdff_sd[inner]
    pixel = float(np.sort(muscle.voxel_size_mm)[0])
    deeper = muscle.pdff[chosen & muscle.inside(margin + pixel)]
    errors = combine(
        None if noise is None else noise_error_of_median(values, np.nan_to_num(noise), independent),
        sampling_error_of_median(
            unrounded(values),
            muscle.points_mm[inner],
            block_mm=BLOCK_MM,
            samples=settings.bootstrap_samples,
            seed=settings.seed,
        ),
        abs(median(deeper) - median(values)) if len(deeper) >= LEAST_VOXELS else None,
        settings.repeatability_muscle_pdff_pct,
    )
    return MuscleFat(
        median(values), float(values.mean()), float(values.std(ddof=1)), errors, len(values), margin
    )
