"""How values are distributed over a region, in the names of the table's columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_VALUES = 10
"""Fewer values than this make no distribution."""

Values = NDArray[np.float64]
Row = dict[str, float]


def pdff_columns(values: Values) -> Row:
    """Return mean, spread and percentiles of PDFF values (n,) in percent."""
    summary = _summary(values, (5, 10, 25, 75, 90, 95))
    return {f"pdff_{name}_pct": value for name, value in summary.items()}


def r2star_columns(values: Values) -> Row:
    """Return mean, spread and percentiles of R2* values (n,) in 1/s."""
    summary = _summary(values, (10, 90))
    return {f"r2star_{name}_per_s": value for name, value in summary.items()}


def _summary(values: Values, percentiles: tuple[int, ...]) -> Row:
    """Return mean, median, sd (n - 1), interquartile range and percentiles (linear interpolation)."""
    if len(values) < MIN_VALUES:
        return {}
    lower, upper = np.percentile(values, [25, 75])
    return {
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "sd": float(values.std(ddof=1)),
        "iqr": float(upper - lower),
        **{f"p{p:02d}": float(np.percentile(values, p)) for p in percentiles},
    }


def finite(values: Values) -> Values:
    """Return the values that are numbers."""
    return values[np.isfinite(values)]
