"""The muscles of a patient in a few columns: fat over the lumbar levels, lean section at L3 and L4.

The fat of a muscle rises caudally, so that a mean over other levels is another number: at least three of the
four levels L2 to L5 make one. Errors follow from those of the levels, which share the repeatability between
scans.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, sqrt

import numpy as np

from qmri.config import MeasureSettings
from qmri.measure.marrow.distribution import Row
from qmri.measure.muscle.level import BOTH, Measured
from qmri.measure.quality.patient_errors import error_of_mean
from qmri.spine.tissue_labels import LEFT, RIGHT

LEAST_LEVELS = 3
SUMMARISED = ("multifidus", "erector_spinae", "psoas")
AREA_LEVELS = ("L3", "L4")
GROUPS = {
    "multifidus": ("multifidus",),
    "paraspinal": ("multifidus", "erector_spinae"),
    "psoas": ("psoas",),
}
"""Muscles whose lean sections are added."""
OF_ONE_LEVEL = tuple(
    f"{group}_functional_area_{level.lower()}_{kind}"
    for level in AREA_LEVELS
    for group in GROUPS
    for kind in ("ratio", "se_ratio")
)
"""Columns that rest on the name of a level."""

Found = Mapping[tuple[str, str, str], Measured]


def summary_columns(found: Found, settings: MeasureSettings) -> Row:
    """Return the columns of patients.csv from what was measured by level, muscle and side."""
    columns: Row = {}
    for muscle in SUMMARISED:
        columns |= _fat(found, muscle, settings)
    columns |= _asymmetry(found, "multifidus", settings)
    for level in AREA_LEVELS:
        for group, muscles in GROUPS.items():
            columns |= _lean(found, level, group, muscles)
    return columns


def _fat(found: Found, muscle: str, settings: MeasureSettings) -> Row:
    parts = [part.columns for (_, name, side), part in found.items() if (name, side) == (muscle, BOTH)]
    known = [row for row in parts if "pdff_median_pct" in row]
    if len(known) < LEAST_LEVELS:
        return {}
    totals = [row["pdff_se_total_pct"] for row in known]
    return {
        f"{muscle}_pdff_median_pct": float(np.mean([row["pdff_median_pct"] for row in known])),
        f"{muscle}_pdff_median_se_pct": error_of_mean(totals, [settings.repeatability_muscle_pdff_pct]),
    }


def _asymmetry(found: Found, muscle: str, settings: MeasureSettings) -> Row:
    """Return the mean difference of the sides without its sign, and its error."""
    differences, errors = [], []
    for (level, name, side), part in found.items():
        if (name, side) != (muscle, BOTH) or "pdff_median_pct" not in part.columns:
            continue
        right, left = (found[level, muscle, half].columns for half in (RIGHT, LEFT))
        if "pdff_median_pct" in right and "pdff_median_pct" in left:
            differences.append(abs(right["pdff_median_pct"] - left["pdff_median_pct"]))
            errors.append(hypot(_own_error(right, settings), _own_error(left, settings)))
    if len(differences) < LEAST_LEVELS:
        return {}
    return {
        f"{muscle}_pdff_asymmetry_pct": float(np.mean(differences)),
        f"{muscle}_pdff_asymmetry_se_pct": hypot(*errors) / len(errors),
    }


def _own_error(row: Row, settings: MeasureSettings) -> float:
    """Return the error of a side without the repeatability between scans, which moves both sides alike."""
    return sqrt(max(row["pdff_se_total_pct"] ** 2 - settings.repeatability_muscle_pdff_pct**2, 0.0))


def _lean(found: Found, level: str, group: str, muscles: tuple[str, ...]) -> Row:
    parts = [found[level, name, BOTH].columns for name in muscles if (level, name, BOTH) in found]
    if len(parts) < len(muscles) or not all("functional_area_ratio" in row for row in parts):
        return {}
    stem = f"{group}_functional_area_{level.lower()}"
    return {
        f"{stem}_ratio": sum(row["functional_area_ratio"] for row in parts),
        f"{stem}_se_ratio": hypot(*(row["functional_area_se_ratio"] for row in parts)),
    }
