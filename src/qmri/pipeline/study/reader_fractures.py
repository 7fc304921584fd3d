"""What a reader says of fractured levels: ``<study sheet>_reader.csv`` beside the study sheet."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.errors import QmriError
from qmri.pipeline.records.whole_file import whole_file
from qmri.sheet_text import read_sheet_text
from qmri.spine.levels import parse_level, sort_levels
from qmri.words import counted

if TYPE_CHECKING:
    from qmri.pipeline.study.study_sheet import Examination

KINDS = ("treated_levels", "acute_levels", "old_levels")
COLUMNS = ("participant_id", "session_id", *KINDS, "reader", "time")
NONE = "none"


@dataclass(frozen=True)
class ReaderFractures:
    """One row: what a reader says of the levels of an examination, in place of the study sheet.

    Attributes
    ----------
    participant_id, session_id
        As in the study sheet.
    treated_levels, acute_levels, old_levels
        Levels, cranial to caudal.
    reader, time
        Initials; UTC, ISO 8601.
    """

    participant_id: str
    session_id: str
    treated_levels: tuple[str, ...]
    acute_levels: tuple[str, ...]
    old_levels: tuple[str, ...]
    reader: str
    time: str


def reader_fractures_path(sheet: Path) -> Path:
    """Return the reader's sheet that belongs to a study sheet."""
    return sheet.with_name(f"{sheet.stem}_reader.csv")


def read_reader_fractures(sheet: Path) -> list[ReaderFractures]:
    """Return what a reader says beside a study sheet; nothing where there is no reader's sheet.

    Raises
    ------
    QmriError
        If it lacks a column, names an unknown level or an examination twice; the message has the line.
    """
    path = reader_fractures_path(sheet)
    if not path.is_file():
        return []
    text = read_sheet_text(path)
    if lacking := [name for name in COLUMNS if name not in text.header]:
        raise QmriError(
            "the reader's sheet lacks a column",
            where=path.name,
            found=", ".join(text.header),
            expected=", ".join(lacking),
        )
    rows: dict[tuple[str, str], ReaderFractures] = {}
    for line, cells in text.rows:
        where = f"{path.name}, line {line}"
        key = (cells["participant_id"], cells["session_id"])
        if key in rows:
            raise QmriError("the reader's sheet names an examination twice", where=where, found=" ".join(key))
        treated, acute, old = (_levels(cells[kind], where) for kind in KINDS)
        rows[key] = ReaderFractures(*key, treated, acute, old, cells["reader"], cells["time"])
    return list(rows.values())


def write_reader_fractures(sheet: Path, row: ReaderFractures) -> Path:
    """Put a row into the reader's sheet beside a study sheet, in place of that examination's former one.

    Returns
    -------
    Path
        The reader's sheet.
    """
    path = reader_fractures_path(sheet)
    key = (row.participant_id, row.session_id)
    others = [each for each in read_reader_fractures(sheet) if (each.participant_id, each.session_id) != key]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for each in sorted([*others, row], key=lambda each: (each.participant_id, each.session_id)):
        levels = [";".join(getattr(each, kind)) or NONE for kind in KINDS]
        table.writerow([each.participant_id, each.session_id, *levels, each.reader, each.time])
    with whole_file(path) as staging, staging.open("w", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())
        file.flush()
        os.fsync(file.fileno())
    return path


def as_the_reader_says(exams: list[Examination], sheet: Path) -> tuple[list[Examination], list[str]]:
    """Put a reader's levels in the place of the study sheet's; return the examinations and what to tell.

    Raises
    ------
    QmriError
        If the reader's sheet names an examination that the study sheet lacks, or is refused itself.
    """
    said = {(row.participant_id, row.session_id): row for row in read_reader_fractures(sheet)}
    where = reader_fractures_path(sheet).name
    if unknown := sorted(said.keys() - {(exam.participant_id, exam.session_id) for exam in exams}):
        raise QmriError(
            "the reader's sheet names an examination that the study sheet lacks",
            where=where,
            found=", ".join(" ".join(key) for key in unknown[:5]),
            remedy=f"take the row out of {where}, or put the examination into {sheet.name}",
        )
    merged = []
    for exam in exams:
        row = said.get((exam.participant_id, exam.session_id))
        changes = {kind: getattr(row, kind) for kind in KINDS} if row else {}
        merged.append(replace(exam, **changes))
    count = counted(len(said), "examination")
    return merged, [f"treated, acute and old levels of {count} are the reader's ({where})"] if said else []


def _levels(cell: str, where: str) -> tuple[str, ...]:
    words = [word for word in cell.replace(",", ";").split(";") if word.strip()]
    if not words:
        raise QmriError(
            "a cell of the reader's sheet is empty",
            where=where,
            expected=f"levels as in T12;L1, or {NONE}: what nobody said is not a no",
        )
    if [word.strip().lower() for word in words] == [NONE]:
        return ()
    try:
        return tuple(sort_levels({parse_level(word.strip()) for word in words}))
    except QmriError as error:
        error.where = where
        raise
