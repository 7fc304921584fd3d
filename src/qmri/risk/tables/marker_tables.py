"""The marker tables as the risk model reads them: the preoperative session alone, errors of the markers."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qmri.errors import QmriError
from qmri.risk.tables.sheets import MISSING

LEVEL_COLUMNS = (
    "participant_id",
    "session_id",
    "level",
    "status",
    "fracture_status",
    "in_background",
    "levels_to_nearest_target",
    "pdff_median_pct",
    "pdff_se_total_pct",
    "r2star_median_per_s",
    "r2star_se_total_per_s",
    "level_verified",
)
COLLECT = "collect the markers again: qmri measure --collect"
NEEDED = ("participant_id", "session_id", "level", "fracture_status")

Cells = Mapping[str, str]


@dataclass(frozen=True)
class MarkerTables:
    """patients.csv and vertebrae.csv, one session of each participant.

    Attributes
    ----------
    header
        Columns of patients.csv.
    patients
        Row of the preoperative session by participant; None where no session is known to be it.
    levels
        Rows of vertebrae.csv of that session by participant.
    """

    header: tuple[str, ...]
    patients: Mapping[str, Cells | None]
    levels: Mapping[str, Sequence[Cells]]


def read_markers(folder: Path, session: str) -> MarkerTables:
    """Read the tables of a results folder, or of its folder ``markers``.

    Rows of other sessions than the preoperative one are dropped here, so that nothing later sees them.

    Raises
    ------
    QmriError
        If a table is missing or lacks a column, or holds an examination twice.
    """
    if not (folder / "patients.csv").is_file() and (folder / "markers" / "patients.csv").is_file():
        folder = folder / "markers"
    header, rows = _read(folder / "patients.csv", None, ("participant_id", "session_id"))
    sessions: dict[str, dict[str, Cells]] = {}
    for row in rows:
        participant, own = _key(row)
        if own in sessions.setdefault(participant, {}):
            raise QmriError(
                "an examination has two rows",
                where="patients.csv",
                found=f"participant {participant}, session {own}",
                expected="one row for each participant and session",
                remedy=COLLECT,
            )
        sessions[participant][own] = row
    chosen = preoperative_sessions(sessions, session.removeprefix("ses-"))
    _, level_rows = _read(folder / "vertebrae.csv", LEVEL_COLUMNS, NEEDED)
    levels: dict[str, list[Cells]] = {}
    for row in level_rows:
        participant, own = _key(row)
        if chosen.get(participant) == own:
            levels.setdefault(participant, []).append(row)
    return MarkerTables(
        header,
        {
            participant: sessions[participant][own] if own is not None else None
            for participant, own in chosen.items()
        },
        levels,
    )


def preoperative_sessions(sessions: Mapping[str, Collection[str]], name: str) -> dict[str, str | None]:
    """Return the preoperative session of each participant, None where none is known to be it.

    It is the one of that name; where a participant has one session only, that one, unless it bears a name
    that stands beside the preoperative session elsewhere: then it is a later session whose first is missing.
    """
    later = {other for own in sessions.values() if name in own for other in own if other != name}
    chosen: dict[str, str | None] = {}
    for participant, own in sessions.items():
        if name in own:
            chosen[participant] = name
        else:
            (only,) = own if len(own) == 1 else (None,)
            chosen[participant] = None if only in later else only
    return chosen


def number(cells: Cells, name: str) -> float | None:
    """Return the number in a cell, None where it is missing.

    Raises
    ------
    QmriError
        If it is no number.
    """
    text = cells.get(name, "").strip()
    if text.casefold() in MISSING:
        return None
    try:
        return float(text)
    except ValueError:
        participant, session = _key(cells)
        raise QmriError(
            f"{name} is no number",
            where=f"markers, participant {participant}, session {session}",
            found=text,
            remedy=COLLECT,
        ) from None


def is_no(cells: Cells, name: str) -> bool:
    """Tell whether a 0/1 cell says no."""
    return cells.get(name, "").strip().casefold() in ("0", "0.0", "false")


def is_yes(cells: Cells, name: str) -> bool:
    """Tell whether a 0/1 cell says yes."""
    return cells.get(name, "").strip().casefold() in ("1", "1.0", "true")


def word(cells: Cells, name: str) -> str | None:
    """Return the text in a cell, None where it is missing."""
    text = cells.get(name, "").strip()
    return None if text.casefold() in MISSING else text


def _key(row: Cells) -> tuple[str, str]:
    return row["participant_id"].strip().removeprefix("sub-"), row["session_id"].strip().removeprefix("ses-")


def _read(
    path: Path, wanted: Sequence[str] | None, needed: Sequence[str]
) -> tuple[tuple[str, ...], Iterator[Cells]]:
    """Return header and rows of a table, the wanted columns or all."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = [row for row in csv.reader(file) if row]
    except FileNotFoundError:
        raise QmriError(
            "a marker table is missing",
            where=path.name,
            expected="a folder markers with patients.csv and vertebrae.csv",
            remedy="run qmri measure --collect, or name the folder that holds them",
        ) from None
    except UnicodeDecodeError:
        raise QmriError("a marker table is no UTF-8 text", where=path.name, remedy=COLLECT) from None
    header = tuple(name.strip() for name in table[0]) if table else ()
    lacking = [name for name in needed if name not in header]
    if lacking:
        raise QmriError(
            f"{path.name} lacks the column {lacking[0]}",
            where=path.name,
            found=", ".join(header[:8]) or "an empty file",
            remedy=COLLECT,
        )
    ragged = [line for line, row in enumerate(table, 1) if len(row) != len(header)]
    if ragged:
        raise QmriError(
            "a row of a marker table has more or fewer cells than the header",
            where=f"{path.name}, row {ragged[0]}",
            found=f"{len(table[ragged[0] - 1])} cells",
            expected=f"{len(header)}",
            remedy=COLLECT,
        )
    places = [(name, i) for i, name in enumerate(header) if wanted is None or name in wanted]
    return header, ({name: row[i] for name, i in places} for row in table[1:])
