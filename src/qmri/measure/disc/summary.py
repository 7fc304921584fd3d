"""Discs, endplates and marrow signal of a patient."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from qmri.measure.marrow.background import LITERATURE_LEVELS
from qmri.measure.marrow.distribution import Row
from qmri.measure.quality.flags import Flag

LUMBAR_DISCS = ("L1", "L2", "L3", "L4")
"""Discs between two lumbar bodies, by the upper one; that above the sacrum has no lower outline."""

MEANS = (
    *(f"disc_{stem}_mean" for stem in ("height_to_depth", "height_index", "water_to_canal")),
    *(f"{name}_to_canal_l1l4_mean" for name in ("water", "inphase")),
)
OF_LUMBAR_LEVELS = tuple(f"{stem}{error}_ratio" for stem in MEANS for error in ("", "_se"))
"""Columns that rest on the names of the levels."""


def summary_columns(
    bodies: Mapping[str, Row],
    discs: Mapping[str, Row],
    flags: Sequence[Flag],
    background: Collection[str],
) -> Row:
    """Return the columns of patients.csv.

    Parameters
    ----------
    bodies, discs
        Columns by level.
    flags
        What was raised at them.
    background
        Levels of unfractured marrow; of the bodies only they count for the signal.
    """
    if not bodies:
        return {}
    columns: Row = {
        "n_endplate_defects": sum(flag.name == "endplate_defect" for flag in flags),
        "n_fused_levels": len({flag.level for flag in flags if flag.name == "fused_bodies"}),
    }
    lumbar = [discs[level] for level in LUMBAR_DISCS if level in discs]
    for stem in ("height_to_depth", "height_index"):
        found = [row for row in lumbar if f"{stem}_ratio" in row]
        if found:
            columns[f"disc_{stem}_mean_ratio"] = _mean(found, f"{stem}_ratio")
            # A repeat of the scan moves all endplates alike, so that the errors do not cancel.
            columns[f"disc_{stem}_mean_se_ratio"] = _mean(found, f"{stem}_se_ratio")
    columns |= _signal("disc_water_to_canal_mean", "water_to_canal", lumbar)
    marrow = [bodies[level] for level in LITERATURE_LEVELS if level in bodies and level in background]
    for name in ("water", "inphase"):
        columns |= _signal(f"{name}_to_canal_l1l4_mean", f"{name}_to_canal", marrow)
    return columns


def _signal(name: str, stem: str, rows: Sequence[Row]) -> Row:
    """Return the mean of a ratio over rows and its error, those of the rows being independent."""
    found = [row for row in rows if f"{stem}_ratio" in row]
    if not found:
        return {}
    error = math.sqrt(sum(row[f"{stem}_se_ratio"] ** 2 for row in found)) / len(found)
    return {f"{name}_ratio": _mean(found, f"{stem}_ratio"), f"{name}_se_ratio": error}


def _mean(rows: Sequence[Row], column: str) -> float:
    return float(np.mean([row[column] for row in rows]))
