"""The columns of discs.csv."""

from __future__ import annotations

from qmri.outputs.columns import KEYS, STATE, Column

DISC_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    Column("level", None, "Level of the body above the disc: L4 is the disc L4-L5.", source="labels"),
    *STATE,
)
