"""The tables that one examination has rows in; those of a study join them."""

from __future__ import annotations

from dataclasses import dataclass

from qmri.outputs.columns import Column
from qmri.outputs.markers.disc_columns import DISC_COLUMNS
from qmri.outputs.markers.flag_columns import FLAG_COLUMNS
from qmri.outputs.markers.muscle_columns import MUSCLE_COLUMNS
from qmri.outputs.markers.patient_columns import PATIENT_COLUMNS
from qmri.outputs.markers.vertebra_columns import VERTEBRA_COLUMNS


@dataclass(frozen=True)
class ExamTable:
    """A table of markers.

    Attributes
    ----------
    file
        Key in FILES of the rows of one examination; ``<file>_dictionary`` is that of their dictionary.
    columns
        Its columns.
    about
        What a row is, for docs/outputs.md.
    """

    file: str
    columns: tuple[Column, ...]
    about: str


EXAM_TABLES: dict[str, ExamTable] = {
    "vertebrae": ExamTable(
        "exam_vertebrae", VERTEBRA_COLUMNS, "One row for every level of every examination."
    ),
    "patients": ExamTable("exam_patient", PATIENT_COLUMNS, "One row for every examination."),
    "discs": ExamTable(
        "exam_discs",
        DISC_COLUMNS,
        "One row for the disc below every level of every examination.",
    ),
    "muscles": ExamTable(
        "exam_muscles",
        MUSCLE_COLUMNS,
        "One row for every trunk muscle, side and lumbar level of every examination.",
    ),
    "flags": ExamTable("exam_flags", FLAG_COLUMNS, "One row for every flag raised, with its evidence."),
}
"""By the name of the study's table in markers/."""
