"""The columns of muscles.csv."""

from __future__ import annotations

from qmri.outputs.columns import KEYS, STATE, Column

SIDES = {"right": "the patient's right", "left": "the patient's left", "both": "both sides together"}

MUSCLE_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    Column("level", None, "Vertebral level beside which the muscle was measured.", source="labels"),
    Column("muscle", None, "multifidus, erector_spinae, psoas or quadratus_lumborum.", source="labels"),
    Column("side", None, "Side of the body.", levels=SIDES, source="labels"),
    *STATE,
)
