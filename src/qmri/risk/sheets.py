"""clinical.csv and outcomes.csv, checked as DICOM is: types, units, allowed values, dates, keys."""

from __future__ import annotations

import datetime
import difflib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qmri.errors import QmriError
from qmri.outputs.columns import MOMENTS, Column
from qmri.outputs.risk_columns import DATE
from qmri.sheet_text import read_sheet_text

Value = float | str | datetime.date | None

MISSING = frozenset(("", "n/a", "na", "nan", "none", "null", "."))
TRUTH = {"true": 1.0, "false": 0.0}
"""As programs write 1 and 0."""
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
        What is known of each column: those of the registry, and those that a dictionary describes.
    undescribed
        Columns of the file that neither knows. They are not read.
    notes
        What a person should know.
    """

    name: str
    rows: Mapping[str, Mapping[str, Value]]
    columns: Mapping[str, Column]
    undescribed: tuple[str, ...]
    notes: tuple[str, ...]


def read_sheet(path: Path, registry: Sequence[Column], required: Sequence[str]) -> Sheet:
    """Read a table of participants, and the JSON dictionary of the same name beside it, if there is one.

    Raises
    ------
    QmriError
        If it is missing or is no table, lacks a required column, holds a participant twice or a value
        that its column does not allow, or if the dictionary leaves out when a column is known.
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
    columns, undescribed = _described(path, text.header, {column.name: column for column in registry})
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
            name: parse_value(cells[name], column, where) for name, column in columns.items() if name != KEY
        }
    notes = list(text.notes)
    if undescribed:
        notes.append(
            f"{path.name}: nothing says when {', '.join(undescribed)} became known (known_at): not used"
        )
    return Sheet(path.name, rows, columns, undescribed, tuple(notes))


def parse_value(cell: str, column: Column, where: str) -> Value:
    """Return the value of a cell: a number, 0 or 1, a date, an allowed word, or None.

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
    if (
        column.unit is None
        and column.levels is None
        and column.allowed is None
        and column.known_at is not None
    ):
        return text
    if column.unit == "0/1" and text.casefold() in TRUTH:
        return TRUTH[text.casefold()]
    number = _number(text, column.name, where)
    if column.unit == "0/1" and number not in (0, 1):
        raise _not_allowed(column.name, where, text, "0 or 1")
    if column.allowed and not column.allowed[0] <= number <= column.allowed[1]:
        expected = f"{column.allowed[0]:g} to {column.allowed[1]:g} {column.unit}"
        raise _not_allowed(column.name, where, text, expected)
    return number


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


def _described(
    path: Path, header: Sequence[str], registry: Mapping[str, Column]
) -> tuple[dict[str, Column], tuple[str, ...]]:
    """Return what is known of the columns of a file, and the columns of which nothing is."""
    dictionary_path = path.with_suffix(".json")
    dictionary = _read_dictionary(dictionary_path)
    columns: dict[str, Column] = {}
    undescribed = []
    for name in header:
        entry, registered = (dictionary or {}).get(name), registry.get(name)
        if name == KEY and registered:
            columns[name] = registered
        elif entry is not None:
            columns[name] = _from_entry(name, entry, registered, dictionary_path.name)
        elif registered is not None:
            columns[name] = registered
        elif dictionary is not None:
            raise _unknown_origin(name, path.name, f"no entry {name} in {dictionary_path.name}")
        elif name:
            undescribed.append(name)
    return columns, tuple(undescribed)


def _read_dictionary(path: Path) -> dict[str, dict[str, Any]] | None:
    """Return the entries by column in lower case, None without a file."""
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise QmriError(
            "a dictionary is not valid JSON",
            where=path.name,
            found=str(error),
            remedy="qmri risk template DIR writes one of the right form",
        ) from None
    if not isinstance(content, dict):
        raise QmriError("a dictionary is not a JSON object", where=path.name, expected="an entry by column")
    return {
        re.sub(r"[\s\-]+", "_", str(name).strip()).casefold(): entry if isinstance(entry, dict) else {}
        for name, entry in content.items()
    }


def _from_entry(name: str, entry: Mapping[str, Any], registered: Column | None, where: str) -> Column:
    """Return a column as a dictionary describes it; what is told later of the two holds."""
    told = {re.sub("[^a-z]", "", key.casefold()): value for key, value in entry.items()}
    moment = re.sub(r"[\s_-]+", "", str(told.get("knownat", "")).casefold())
    known_at = next((word for word in MOMENTS if word.replace("-", "") == moment), None)
    if known_at is None:
        raise _unknown_origin(name, where, str(told.get("knownat") or "nothing"))
    if registered is not None:
        later = max(known_at, registered.known_at or known_at, key=MOMENTS.index)
        return replace(registered, known_at=later)
    levels = told.get("levels")
    return Column(
        name,
        None if told.get("units") is None else str(told["units"]),
        str(told.get("description", name)),
        levels={str(word): str(meaning) for word, meaning in levels.items()}
        if isinstance(levels, dict)
        else None,
        source="clinical record",
        known_at=known_at,
    )


def _unknown_origin(name: str, where: str, found: str) -> QmriError:
    return QmriError(
        f"nothing says when {name} became known",
        where=where,
        found=f"known_at: {found}",
        expected=f"known_at of {name}: {', '.join(MOMENTS)}",
        remedy=f"write it into the dictionary beside the table, or take the column {name} out; "
        "a value that is known after the moment of use makes a model that cannot be used",
    )
