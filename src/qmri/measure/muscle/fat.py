"""The fat of a muscle beside a level, from voxels that hold nothing but the muscle.

A voxel at the border is partly the fat or fascia beside it; it counts with the fat of the nearest inner
voxel. So the border tells nothing, and what lies near it, at the ends of the muscle, counts for as much as it
is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

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

Chosen = NDArray[np.bool_]


@dataclass(frozen=True)
class MuscleFat:
    """Fat fraction of a muscle at a level, percent.

    Attributes
    ----------
    median, mean, sd
        Over the level's voxels, those of the border with the value of the nearest inner one.
    errors, view_error
        Of the median, where all of the muscle is in view; by the part that is not.
    count
        Inner voxels.
    margin_mm
        Margin that they keep from the surface.
    """

    median: float
    mean: float
    sd: float
    errors: StandardErrors
    view_error: float
    count: int
    margin_mm: float

    @property
    def total_error(self) -> float:
        """Root of the sum of the squares of all errors, percent."""
        return hypot(self.errors.total, self.view_error)


@dataclass(frozen=True)
class Inner:
    """The m inner voxels of k voxels of a muscle.

    Attributes
    ----------
    at
        (m,) their places in the compartment.
    nearest
        (k,) which of the m is nearest to each of the k.
    margin_mm
        Margin from the surface.
    """

    at: NDArray[np.intp]
    nearest: NDArray[np.intp]
    margin_mm: float

    @property
    def spread(self) -> float:
        """Share of the m that would count alike for as much as they do: (sum n)^2 / (m sum n^2)."""
        count = np.bincount(self.nearest, minlength=len(self.at)).astype(np.float64)
        return float(count.sum() ** 2 / (len(count) * (count**2).sum()))


def inner_voxels(muscle: Compartment, chosen: Chosen, settings: MeasureSettings) -> Inner:
    """Return the inner ones of the chosen voxels (n,), and which is nearest to each of them; margin in mm."""
    margin = min(settings.muscle_erosion_mm, DEEPEST_SHARE * float(muscle.depth_mm[chosen].max()))
    at = np.flatnonzero(chosen & muscle.inside(margin))
    if not at.size:
        return Inner(at, at, margin)
    _, nearest = cKDTree(muscle.points_mm[at]).query(muscle.points_mm[chosen])
    return Inner(at, nearest, margin)


def measure_fat(
    muscle: Compartment, chosen: Chosen, settings: MeasureSettings, *, independent: float, unseen: float
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
    unseen
        Share of the muscle that is not in view.
    """
    inner = inner_voxels(muscle, chosen, settings)
    own = muscle.pdff[inner.at]
    if len(own) < LEAST_VOXELS:
        return None
    values = own[inner.nearest]
    pixel = float(muscle.voxel_size_mm.min())
    deeper = muscle.pdff[chosen & muscle.inside(inner.margin_mm + pixel)]
    noise = None if muscle.pdff_sd is None else np.nan_to_num(muscle.pdff_sd[inner.at])
    errors = combine(
        None if noise is None else noise_error_of_median(own, noise, independent) / inner.spread**0.5,
        _sampling_error(own, muscle.points_mm[inner.at], settings),
        abs(median(deeper) - median(own)) if len(deeper) >= LEAST_VOXELS else None,
        settings.repeatability_muscle_pdff_pct,
    )
    return MuscleFat(
        median=median(values),
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)),
        errors=errors,
        view_error=unseen * _between_slices(values, muscle.index[chosen, muscle.across]),
        count=len(own),
        margin_mm=inner.margin_mm,
    )


def _sampling_error(
    values: NDArray[np.float64], points_mm: NDArray[np.float64], settings: MeasureSettings
) -> float:
    """Return the sampling error of the median of values (m,) in percent at points (m, 3).

    Of fewer blocks than can be resampled it is their standard deviation over the root of their number.
    """
    error = sampling_error_of_median(
        unrounded(values),
        points_mm,
        block_mm=BLOCK_MM,
        samples=settings.bootstrap_samples,
        seed=settings.seed,
    )
    if error is not None:
        return error
    blocks = len(np.unique(np.floor((points_mm - points_mm.min(axis=0)) / BLOCK_MM), axis=0))
    return float(values.std(ddof=1)) / sqrt(blocks)


def _between_slices(values: NDArray[np.float64], number: NDArray[np.intp]) -> float:
    """Return the standard deviation of the means of slices; values (k,) in percent, slice numbers (k,)."""
    _, place, count = np.unique(number, return_inverse=True, return_counts=True)
    means = np.bincount(place, values) / count
    return float(means.std(ddof=1)) if len(means) > 1 else 0.0
