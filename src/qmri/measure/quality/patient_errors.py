"""How sure the markers of a patient are.

A mean over k levels averages what is the levels' own error, but not what differs between scans, for a scan
shifts all levels together:

    se^2 = repeatability^2 + sum_l (total_l^2 - repeatability_l^2) / k^2.

A median of levels is given the error of their mean. An angle between endplates has the error of the heights
over the distance at which they are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from qmri.config import MeasureSettings
from qmri.measure.marrow.background import (
    ADJUSTED_REACH,
    LITERATURE_LEVELS,
    R2STAR,
    REFERENCE_LEVEL,
    LevelRows,
    steps_to_nearest,
)
from qmri.measure.marrow.distribution import Row
from qmri.measure.shape.morphometry import ANTERIOR_AT, POSTERIOR_AT, Morphometry
from qmri.spine.levels import steps_between

USUAL_DEPTH_MM = 32.0


def error_of_mean(totals: Sequence[float], repeatabilities: Sequence[float]) -> float:
    """Return the standard error of a mean over levels.

    Parameters
    ----------
    totals
        (k,) total error of each level's median; empty where they are not known.
    repeatabilities
        (k,) what of it differs between scans, at least one.
    """
    shared = float(np.mean(repeatabilities))
    own = sum(max(t**2 - r**2, 0.0) for t, r in zip(totals, repeatabilities, strict=False))
    return math.sqrt(shared**2 + own / max(len(totals), 1) ** 2)


def angle_error_deg(repeatability_height_mm: float, depth_mm: float = USUAL_DEPTH_MM) -> float:
    """Return the error of an angle between two endplates of vertebrae of that depth, degrees."""
    return math.degrees(math.sqrt(2) * repeatability_height_mm / ((POSTERIOR_AT - ANTERIOR_AT) * depth_mm))


def error_columns(
    columns: Row,
    rows: LevelRows,
    *,
    background: Sequence[str],
    treated: tuple[str, ...],
    shapes: Mapping[str, Morphometry],
    settings: MeasureSettings,
) -> Row:
    """Return the error of each marker in the columns of a patient.

    Parameters
    ----------
    columns
        The patient's markers.
    rows
        Columns of the measured levels.
    background, treated
        The background levels; the treated ones.
    shapes
        Shapes of the bodies.
    settings
        Repeatability between scans.
    """
    near = [level for level in background if abs(steps_to_nearest(level, treated) or 0) == 1]
    reach = [x for x in background if abs(steps_between(x, REFERENCE_LEVEL)) <= ADJUSTED_REACH]
    levels_of: dict[str, Sequence[str]] = {
        "pdff_bg_mean": background,
        "pdff_bg_median": background,
        "pdff_bg_level_adj": reach,
        "pdff_l1l4_nonfx_mean": [level for level in background if level in LITERATURE_LEVELS],
        "pdff_adjacent_mean": near,
        "pdff_nonadjacent_mean": [level for level in background if level not in near],
        "pdff_target_median": treated,
    }
    errors: Row = {}
    for stem, levels in levels_of.items():
        totals = [rows[x]["pdff_se_total_pct"] for x in levels if "pdff_se_total_pct" in rows.get(x, {})]
        if f"{stem}_pct" in columns:
            repeats = [settings.repeatability_pdff_pct] * max(len(totals), 1)
            errors[f"{stem}_se_pct"] = error_of_mean(totals, repeats)
    for stem, levels in (("r2star_bg_median", background), ("r2star_bg_level_adj", reach)):
        known = [rows[x] for x in levels if "r2star_se_total_per_s" in rows[x] and R2STAR in rows[x]]
        if f"{stem}_per_s" in columns:
            share = settings.repeatability_r2star_share
            repeats = [share * row[R2STAR] for row in known] or [share * columns[f"{stem}_per_s"]]
            errors[f"{stem}_se_per_s"] = error_of_mean(
                [row["r2star_se_total_per_s"] for row in known], repeats
            )
    if "pdff_target_ratio" in columns:
        relative = math.hypot(
            errors["pdff_target_median_se_pct"] / max(columns["pdff_target_median_pct"], 1.0),
            errors["pdff_bg_median_se_pct"] / columns["pdff_bg_median_pct"],
        )
        errors["pdff_target_se_ratio"] = abs(columns["pdff_target_ratio"]) * relative
    if "kyphosis_tl_deg" in columns:
        depth = float(np.mean([shape.depth_mm for shape in shapes.values()]))
        errors["kyphosis_tl_se_deg"] = angle_error_deg(settings.repeatability_height_mm, depth)
    if "cobb_coronal_deg" in columns:
        width = float(np.mean([shape.half_width_mm for shape in shapes.values()]))
        errors["cobb_coronal_se_deg"] = math.degrees(settings.repeatability_height_mm / width)
    return errors
