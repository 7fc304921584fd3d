"""Marrow of the patient away from the fractures, every vertebra counted once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qmri.levels import steps_between
from qmri.measure.distribution import Row

LevelRows = Mapping[str, Row]


def steps_to_nearest(level: str, targets: tuple[str, ...]) -> int | None:
    """Return the steps from the nearest target to a level, + caudal; a tie goes to the cranial target."""
    steps = [steps_between(level, target) for target in targets]
    return min(steps, key=lambda step: (abs(step), -step)) if steps else None


def background_columns(rows: LevelRows, background: list[str]) -> Row:
    """Return the columns of a patient's background marrow.

    Parameters
    ----------
    rows
        Columns of the measured levels, by level.
    background
        The background levels.
    """
    columns: Row = {"n_bg_levels": len(background)}
    if not background:
        return columns
    pdff = np.array([rows[level]["pdff_median_pct"] for level in background])
    r2star = np.array([rows[level]["r2star_median_per_s"] for level in background])
    return columns | {
        "pdff_bg_mean_pct": float(pdff.mean()),
        "pdff_bg_median_pct": float(np.median(pdff)),
        "r2star_bg_median_per_s": float(np.median(r2star)),
    }


def target_columns(rows: LevelRows, treated: list[str]) -> Row:
    """Return the columns of the treated levels that were measured."""
    pdff = [rows[level]["pdff_median_pct"] for level in treated if "pdff_median_pct" in rows[level]]
    return {"pdff_target_median_pct": float(np.mean(pdff))} if pdff else {}
