"""clinical.csv and outcomes.csv, checked as DICOM is: types, units, allowed values, dates, keys."""

from __future__ import annotations

import datetime
import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qmri.errors import QmriError
from qmri.outputs.columns import Column
from qmri.outputs.risk_columns import DATE
from qmri.risk.tables.column_dictionary import describe
from qmri.sheet_text import read_sheet_text

Value = float | str | datetime.date | None

MISSING = frozenset(("", "n/a", "na", "nan", "none", "null", "."))
TRUTH = {"true": 1.0, "false": 0.0}
"""As programs write 1 and 0."""
TEXTS = ("refracture_levels", "proposal")
KEY = "participant_id"


@dataclass(frozen=True)
class Sheet:
    """A table of participants.

    Attributes
    ----------
    name
        Of the file.
    rows
        Values by participant and column; None where missing.
    columns
        What is known of each column; known_at is None where nothing says it, and then it is no predictor.
    notes
        What a person should know.
    """

    name: str
    rows: Mapping[str, Mapping[str, Value]]
    columns: Mapping[str, Column]
    notes: tuple[str, ...]


def read_sheet(path: Path, registry: Sequence[Column], required: Sequence[str]) -> Sheet:
    """Read a table of participants, and the JSON dictionary of the same name beside it, if there is one.

    Raises
    ------
    QmriError
        If it is missing or is no table, lacks a required column, holds a participant twice or a value
        that its column does not allow, or if the dictionary is no JSON object.
    """
    try:
        text = read_sheet_text(path)
    except FileNotFoundError:
        raise QmriError(
            "a table of the risk model is missing",
            where=path.name,
            remedy="qmri risk template DIR --results RESULTS writes one to fill in",
        ) from None
    except IsADirectoryError:
        raise QmriError(
            "a table of the risk model is a folder", where=path.name, expected="CSV in UTF-8"
        ) from None
    lacking = [name for name in (KEY, *required) if name not in text.header]
    if lacking:
        raise QmriError(
            f"{path.name} lacks the column {lacking[0]}",
            where=path.name,
            found=", ".join(text.header) or "an empty file",
            expected=", ".join((KEY, *required)),
            remedy=_rename(lacking[0], text.header),
        )
    known = {column.name: column for column in registry}
    columns = describe(path, text.header, known)
    rows: dict[str, dict[str, Value]] = {}
    for line, cells in text.rows:
        where = f"{path.name}, line {line}"
        participant = cells[KEY].removeprefix("sub-")
        if participant.casefold() in MISSING:
            raise QmriError(
                "a row has no participant_id", where=where, expected="the id as in the study sheet"
            )
        if participant in rows:
            raise QmriError(
                f"participant {participant} has two rows",
                where=where,
                expected="one row for each participant",
                remedy="take one of them out",
            )
        rows[participant] = {
            name: parse_value(cells[name], column, where, strict=name in known)
            for name, column in columns.items()
            if name != KEY
        }
    notes = list(text.notes)
    unknown = [name for name, column in columns.items() if column.known_at is None and name != KEY]
    if unknown:
        names = ", ".join(unknown)
        notes.append(f"{path.name}: nothing says when {names} became known (known_at): no predictors")
    return Sheet(path.name, rows, columns, tuple(notes))


def parse_value(cell: str, column: Column, where: str, *, strict: bool = True) -> Value:
    """Return the value of a cell: a number, 0 or 1, a date, an allowed word, or None.

    Parameters
    ----------
    cell
        Text.
    column
        What it should be.
    where
        File and line.
    strict
        Whether the package knows the column; in another one, what is no number is text.

    Raises
    ------
    QmriError
        If the column does not allow it.
    """
    text = cell.strip()
    if text.casefold() in MISSING:
        return None
    if column.unit == DATE:
        return _date(text, column.name, where)
    if column.levels and column.unit != "0/1":
        word = next((level for level in column.levels if level.casefold() == text.casefold()), None)
        if word is None:
            raise _not_allowed(column.name, where, text, ", ".join(column.levels))
        return word
    if column.name in TEXTS or (not strict and not _is_number(text)):
        return text
    if text.casefold() in TRUTH and (column.unit == "0/1" or not strict):
        return TRUTH[text.casefold()]
    number = _number(text, column.name, where)
    if column.unit == "0/1" and number not in (0, 1):
        raise _not_allowed(column.name, where, text, "0 or 1")
    if column.allowed and not column.allowed[0] <= number <= column.allowed[1]:
        expected = f"{column.allowed[0]:g} to {column.allowed[1]:g} {column.unit}"
        raise _not_allowed(column.name, where, text, expected)
    return number


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return text.casefold() in TRUTH


def _number(text: str, name: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        comma = re.fullmatch(r"[-+]?\d+,\d+", text)
        expected = "a number" + (", with a decimal point: " + text.replace(",", ".") if comma else "")
        raise _not_allowed(name, where, text, expected) from None
    if not math.isfinite(number):
        raise _not_allowed(name, where, text, "a finite number, or n/a")
    return number


def _date(text: str, name: str, where: str) -> datetime.date:
    day = re.split(r"[T\s]", text)[0]
    matched = re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{4})(\d{2})(\d{2})", day)
    if matched:
        numbers = [int(part) for part in matched.groups() if part]
        try:
            return datetime.date(numbers[0], numbers[1], numbers[2])
        except ValueError:
            pass
    raise _not_allowed(name, where, re.sub(r"\d", "9", text), "a day as YYYY-MM-DD")


def _not_allowed(name: str, where: str, found: str, expected: str) -> QmriError:
    return QmriError(
        f"{name} has a value that is not allowed",
        where=where,
        found=found,
        expected=expected,
        remedy="correct the cell, or write n/a where it is not known",
    )


def _rename(name: str, header: Sequence[str]) -> str | None:
    near = difflib.get_close_matches(name, header, n=1)
    return f"rename the column {near[0]}" if near else None
