"""Marrow of the patient away from the fractures, every vertebra counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings
from qmri.measure.marrow.distribution import Row
from qmri.spine.levels import steps_between

LevelRows = Mapping[str, Row]

R2STAR = "r2star_median_per_s"
LITERATURE_LEVELS = ("L1", "L2", "L3", "L4")
REFERENCE_LEVEL = "L2"
ADJUSTED_REACH = 3
"""Levels at most so far from L2 enter the level-adjusted mean: the slope is known for the lumbar spine."""


def steps_to_nearest(level: str, targets: tuple[str, ...]) -> int | None:
    """Return the steps from the nearest target to a level, + caudal; a tie goes to the cranial target."""
    steps = [steps_between(level, target) for target in targets]
    return min(steps, key=lambda step: (abs(step), -step)) if steps else None


def background_columns(
    rows: LevelRows, background: Sequence[str], treated: tuple[str, ...], settings: MeasureSettings
) -> Row:
    """Return the columns of a patient's background marrow.

    Parameters
    ----------
    rows
        Columns of the measured levels, by level.
    background
        The background levels, cranial to caudal.
    treated
        Treated levels, by which a background level is a neighbour or not.
    """
    columns: Row = {"n_bg_levels": len(background)}
    if not background:
        return columns
    pdff = np.array([rows[level]["pdff_median_pct"] for level in background])
    r2star = [rows[level][R2STAR] for level in background if R2STAR in rows[level]]
    within = np.array([rows[level]["pdff_sd_pct"] for level in background])
    columns |= {
        "pdff_bg_mean_pct": float(pdff.mean()),
        "pdff_bg_median_pct": float(np.median(pdff)),
        "pdff_bg_min_pct": float(pdff.min()),
        "pdff_bg_max_pct": float(pdff.max()),
        "pdff_bg_within_sd_pct": float(np.sqrt(np.mean(within**2))),
    }
    if r2star:
        columns["r2star_bg_median_per_s"] = float(np.median(r2star))
    if len(background) > 1:
        spread = float(pdff.std(ddof=1))
        columns |= {"pdff_bg_sd_pct": spread, "pdff_bg_between_sd_pct": _between(pdff, rows, background)}
    return (
        columns
        | _level_adjusted(rows, background, settings)
        | _means_of("pdff_l1l4_nonfx_mean_pct", rows, [x for x in background if x in LITERATURE_LEVELS])
        | _by_distance(rows, background, treated)
    )


def target_columns(rows: LevelRows, treated: Sequence[str], background_pdff: float | None) -> Row:
    """Return the columns of the treated levels that were measured."""
    pdff = [rows[level]["pdff_median_pct"] for level in treated if "pdff_median_pct" in rows.get(level, {})]
    if not pdff:
        return {}
    columns: Row = {"pdff_target_median_pct": float(np.mean(pdff))}
    if background_pdff:
        columns["pdff_target_ratio"] = float(np.mean(pdff)) / background_pdff
    return columns


def _between(pdff: NDArray[np.float64], rows: LevelRows, background: Sequence[str]) -> float:
    """Return the spread between levels without what the sampling of each level adds to it."""
    errors = np.array([rows[level].get("pdff_se_sampling_pct", 0.0) for level in background])
    return float(np.sqrt(max(float(pdff.var(ddof=1)) - float(np.mean(errors**2)), 0.0)))


def _level_adjusted(rows: LevelRows, background: Sequence[str], settings: MeasureSettings) -> Row:
    """Return the means with every level moved to L2 along the usual slope of the lumbar spine."""
    columns: Row = {}
    for source, target, slope in (
        ("pdff_median_pct", "pdff_bg_level_adj_pct", settings.pdff_slope_pct_per_level),
        (R2STAR, "r2star_bg_level_adj_per_s", settings.r2star_slope_per_level),
    ):
        moved = [
            rows[level][source] - slope * steps
            for level in background
            if source in rows[level] and abs(steps := steps_between(level, REFERENCE_LEVEL)) <= ADJUSTED_REACH
        ]
        if moved:
            columns[target] = float(np.mean(moved))
    return columns


def _by_distance(rows: LevelRows, background: Sequence[str], treated: tuple[str, ...]) -> Row:
    if not treated:
        return {}
    near = [level for level in background if abs(steps_to_nearest(level, treated) or 0) == 1]
    far = [level for level in background if level not in near]
    return _means_of("pdff_adjacent_mean_pct", rows, near) | _means_of("pdff_nonadjacent_mean_pct", rows, far)


def _means_of(name: str, rows: LevelRows, levels: Sequence[str]) -> Row:
    return {name: float(np.mean([rows[level]["pdff_median_pct"] for level in levels]))} if levels else {}
