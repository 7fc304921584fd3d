"""The log of what readers decided, ``review/decisions.csv``: one line each, appended and never changed."""

from __future__ import annotations

import csv
import io
import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from qmri.errors import QmriError

FOLDER, LOG_FILE = "review", "decisions.csv"
FIRST, SECOND = "first", "second"
DECISIONS = (
    "seen",
    "confirm",
    "shift",
    "rename",
    "delete",
    "add",
    "move",
    "paint",
    "undo",
    "not_usable",
    "usable",
    "fracture",
    "comment",
    "new_fracture",
    "consensus",
)
INITIALS = re.compile(r"[A-Za-z][A-Za-z0-9.-]{0,11}")
LONGEST_DETAIL = 2000
FORMULA = re.compile(r"'*[=+\-@]")
"""How a cell begins that a spreadsheet takes for a formula; it is written with an apostrophe before it."""
_appending = threading.Lock()


@dataclass(frozen=True)
class Reading:
    """One decision of a reader.

    Attributes
    ----------
    time
        UTC, ISO 8601 to the second.
    reader
        Initials.
    read
        ``first``, or ``second`` of a blinded second read.
    examination
        Its name.
    decision
        One of `DECISIONS`.
    level
        Level that it speaks of, empty where it speaks of the examination.
    detail
        What was decided: a shift, a new name, a reason, a sentence.
    file, sha256
        The file that the decision left or looked at, and its checksum.
    """

    time: str
    reader: str
    read: str
    examination: str
    decision: str
    level: str = ""
    detail: str = ""
    file: str = ""
    sha256: str = ""


COLUMNS = tuple(field.name for field in fields(Reading))


def check_reader(initials: str, option: str = "--reader") -> str:
    """Return a reader's initials.

    Raises
    ------
    QmriError
        If they are none; ``option`` is what gave them.
    """
    if not INITIALS.fullmatch(initials):
        raise QmriError(
            f"{option} is not a reader's initials", found=initials, expected="letters, digits, . and -"
        )
    return initials


def now() -> str:
    """Return the time as a reading has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def log_path(results: Path) -> Path:
    """Return the log of a results folder."""
    return results / FOLDER / LOG_FILE


def append_reading(results: Path, reading: Reading) -> None:
    """Add a decision to the log; when this returns it is on the disk.

    What a kill left of a line that was being written is taken away first. Threads of one process write one
    after the other.
    """
    with _appending:
        _append(log_path(results), reading)


def _append(path: Path, reading: Reading) -> None:
    path.parent.mkdir(exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    with path.open("ab+") as file:
        whole = _whole_lines(path)
        file.truncate(whole)
        if not whole:
            writer.writerow(COLUMNS)
        writer.writerow([_written(str(cell)) for cell in astuple(reading)])
        file.write(text.getvalue().encode())
        file.flush()
        os.fsync(file.fileno())


def read_readings(results: Path) -> list[Reading]:
    """Return all decisions of a results folder, earliest first; none where nobody has read.

    Raises
    ------
    QmriError
        If the log was edited into something else.
    """
    path = log_path(results)
    if not path.is_file():
        return []
    content = path.read_bytes()[: _whole_lines(path)].decode("utf-8-sig", errors="replace")
    return list(_parsed(content, path.name))


def by_examination(readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    """Return the decisions on each examination, earliest first."""
    found: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        found[reading.examination].append(reading)
    return found


def _parsed(content: str, name: str) -> Iterator[Reading]:
    rows = csv.reader(content.splitlines())
    header = tuple(next(rows, COLUMNS))
    if header != COLUMNS:
        raise QmriError(
            "the log of readings has other columns",
            where=name,
            found=", ".join(header),
            expected=", ".join(COLUMNS),
            remedy="put the log back as it was; it is appended to by qmri alone",
        )
    for line, cells in enumerate(rows, start=2):
        if len(cells) != len(COLUMNS) or cells[COLUMNS.index("decision")] not in DECISIONS:
            raise QmriError(
                "a line of the log of readings is no decision",
                where=f"{name}, line {line}",
                found=",".join(cells)[:80],
                expected=", ".join(COLUMNS),
            )
        yield Reading(*(cell[1:] if cell[:1] == "'" and FORMULA.match(cell) else cell for cell in cells))


def _written(cell: str) -> str:
    text = " ".join(cell.split())[:LONGEST_DETAIL]
    return f"'{text}" if FORMULA.match(text) else text


def _whole_lines(path: Path) -> int:
    """Return how many bytes of a file are whole lines."""
    return path.read_bytes().rfind(b"\n") + 1 if path.is_file() else 0
