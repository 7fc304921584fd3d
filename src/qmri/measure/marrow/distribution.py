"""How values are distributed over a region, in the names of the table's columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_VALUES = 10
"""Fewer values than this make no distribution."""

FATTY_PCT, LEAN_PCT = 90.0, 20.0
"""PDFF above which a voxel is not marrow but fat, and below which it is cellular or oedematous."""

REPEATED_SHARE, LATTICE_TOLERANCE = 0.5, 0.01

Values = NDArray[np.float64]
Row = dict[str, float]


def pdff_columns(values: Values) -> Row:
    """Return mean, spread, percentiles and moments of PDFF values (n,) in percent."""
    if len(values) < MIN_VALUES:
        return {}
    row = {f"pdff_{name}_pct": value for name, value in _summary(values, (5, 10, 25, 75, 90, 95)).items()}
    row["pdff_below20_frac"] = float(np.mean(values < LEAN_PCT))
    if np.ptp(values) > 0:
        score = (values - values.mean()) / values.std()
        row["pdff_skew"] = float(np.mean(score**3))
        row["pdff_kurt"] = float(np.mean(score**4))
    return row


def r2star_columns(values: Values, shift: Values | None = None) -> Row:
    """Return mean, spread and percentiles of R2* values (n,) in 1/s, and T2* in ms.

    ``shift`` (n,) is what the values hold so that noise does not move their median. It moves their mean, from
    which it is taken out.
    """
    if len(values) < MIN_VALUES:
        return {}
    row = {f"r2star_{name}_per_s": value for name, value in _summary(values, (10, 90)).items()}
    if shift is not None and len(shift):
        row["r2star_mean_per_s"] -= float(np.mean(shift))
    median = row["r2star_median_per_s"]
    return row | ({"t2star_median_ms": 1000.0 / median} if median > 0 else {})


def rank_correlation(first: Values, second: Values) -> Row:
    """Return Spearman's correlation of PDFF and R2* (voxels,) where both are known."""
    known = np.isfinite(first) & np.isfinite(second)
    x, y = first[known], second[known]
    if len(x) < MIN_VALUES or np.ptp(x) == 0 or np.ptp(y) == 0:
        return {}
    return {"r2star_pdff_corr": float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])}


def unrounded(values: Values) -> Values:
    """Return values (n,) that were rounded to a step, each spread evenly over its step; others unchanged.

    Scanners write PDFF and R2* as integers. The k copies of a rounded value v stand for k values between
    v - step / 2 and v + step / 2; put there in even distances, they give grouped quantiles, which do not
    jump by a whole step. Values count as rounded if most are repeated and all lie on a lattice.
    """
    levels, place, count = np.unique(values, return_inverse=True, return_counts=True)
    if not 1 < len(levels) <= REPEATED_SHARE * len(values):
        return values
    step = float(np.diff(levels).min())
    offsets = (levels - levels[0]) / step
    if np.abs(offsets - np.rint(offsets)).max() > LATTICE_TOLERANCE:
        return values
    order = np.argsort(place, kind="stable")
    rank = np.empty(len(values))
    rank[order] = np.arange(len(values)) - np.repeat(np.cumsum(count) - count, count)
    return np.asarray(values + step * ((rank + 0.5) / count[place] - 0.5))


def median(values: Values) -> float:
    """Return the median of values (n,), grouped where they were rounded, in their unit."""
    return float(np.median(unrounded(values)))


def finite(values: Values) -> Values:
    """Return the values that are numbers, (n,), of an array of any shape, in their unit."""
    return values[np.isfinite(values)]


def _ranks(values: Values) -> Values:
    """Return ranks from 0; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count + 1) / 2)[place])


def _summary(values: Values, percentiles: tuple[int, ...]) -> Row:
    """Return mean, sd (n - 1), and median, interquartile range and percentiles of the unrounded values."""
    spread = unrounded(values)
    lower, upper = np.percentile(spread, [25, 75])
    return {
        "mean": float(values.mean()),
        "median": float(np.median(spread)),
        "sd": float(values.std(ddof=1)),
        "iqr": float(upper - lower),
        **{f"p{p:02d}": float(np.percentile(spread, p)) for p in percentiles},
    }
