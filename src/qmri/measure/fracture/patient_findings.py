"""What is found of fractures in a patient, for the table that the risk model reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from qmri.measure.marrow.distribution import Row
from qmri.outputs.tables import Cell


def patient_findings(
    columns: Mapping[str, Mapping[str, Cell]], treated: Sequence[str], failed: Collection[str] = ()
) -> Row:
    """Return the columns of patients.csv; one that no level has a value for is left out.

    Parameters
    ----------
    columns
        Cells of vertebrae.csv by measured level.
    treated
        Treated levels by the sheet.
    failed
        Levels whose outline failed a check; nothing rests on them.
    """
    columns = {level: cells for level, cells in columns.items() if level not in failed}
    row: Row = {}
    ages = _known(columns, "fracture_age_suggestion", list(columns))
    if ages:
        row |= {"n_acute_suggested": ages.count("acute"), "n_old_suggested": ages.count("old")}
    if clefts := _known(columns, "cleft_kind", list(columns)):
        row["any_cleft"] = int(any(kind != "none" for kind in clefts))
    if shares := _known(columns, "oedema_frac", treated):
        row["oedema_target_frac"] = float(np.mean(np.array(shares, dtype=np.float64)))
    if voids := _known(columns, "void_cm3", treated):
        row["void_target_cm3"] = float(np.sum(np.array(voids, dtype=np.float64)))
        leaks = [
            leaked
            for side in ("above", "below")
            for leaked in _known(columns, f"leak_{side}_mm3", treated)
            if isinstance(leaked, float)
        ]
        row["any_cement_leak"] = int(any(leaked > 0 for leaked in leaks))
    return row


def _known(columns: Mapping[str, Mapping[str, Cell]], name: str, levels: Sequence[str]) -> list[Cell]:
    """Return the values that levels have of a column."""
    cells = [columns.get(level, {}).get(name) for level in levels]
    return [cell for cell in cells if cell is not None]
