"""The columns of flags.csv."""

from __future__ import annotations

from qmri.outputs.columns import KEYS, PROGRAM, YES_NO, Column

FLAG_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    Column("level", None, "Vertebral level; n/a for a flag of the examination.", source="labels"),
    Column("flag", None, "Name of the flag.", source=PROGRAM),
    Column(
        "disqualifies",
        "0/1",
        "Takes the level out of the background and fails quality control; the row stays.",
        levels=YES_NO,
        source=PROGRAM,
    ),
    Column("value", None, "The number that raised the flag, in the unit of the row."),
    Column("threshold", None, "What it was held against (configuration).", source=PROGRAM),
    Column("unit", None, "Unit of value and threshold.", source=PROGRAM),
    Column("evidence", None, "What was found, in words.", source=PROGRAM),
)
