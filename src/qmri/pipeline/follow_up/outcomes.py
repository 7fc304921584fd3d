"""The outcomes of a study as readers confirmed them: ``review/outcomes.csv``, which ``qmri risk`` reads.

Absence is not agreement: a participant has no new fracture only where a reader looked at the later images and
every candidate has a verdict. All else is n/a, with the reason beside it. What a person wrote into the other
columns (dates, how the follow-up ended, scores) is kept when the table is written again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.outputs.risk_columns import READER_OUTCOME_COLUMNS, READER_WRITTEN
from qmri.outputs.tables import MISSING, Cell, dictionary, read_rows, table_text
from qmri.pipeline.follow_up.visits import Cells, FollowUp, follow_ups
from qmri.pipeline.reading.readings import FOLDER, read_readings
from qmri.spine.levels import sort_levels

OUTCOMES_FILE = "outcomes.csv"


def write_outcomes(results: Path) -> Path:
    """Write the outcome table and its dictionary and return its path.

    Raises
    ------
    QmriError
        If the tables of the study have not been made, or the log of readings was edited.
    """
    tables = []
    for name in ("patients.csv", "changes.csv"):
        if not (results / "markers" / name).is_file():
            raise QmriError(f"{name} has not been made", remedy="qmri run goes on where it stopped")
        tables.append(read_rows(results / "markers" / name))
    patients, changes = tables
    sessions: dict[str, list[str]] = {}
    for row in patients:
        sessions.setdefault(row["participant_id"], []).append(row["session_id"])
    path = results / FOLDER / OUTCOMES_FILE
    before = {row["participant_id"]: row for row in read_rows(path)} if path.is_file() else {}
    rows = outcome_rows(sessions, follow_ups(changes, read_readings(results)), before)
    path.parent.mkdir(exist_ok=True)
    staging = path.with_name(f".{path.name}.{os.getpid()}.part")
    staging.write_text(table_text(rows, READER_OUTCOME_COLUMNS), encoding="utf-8")
    staging.replace(path)
    write_json(path.with_suffix(".json"), dictionary(READER_OUTCOME_COLUMNS))
    return path


def outcome_rows(
    sessions: Mapping[str, Sequence[str]],
    visits: Mapping[str, Sequence[FollowUp]],
    before: Mapping[str, Cells] | None = None,
) -> list[dict[str, Cell]]:
    """Return a row for every participant.

    Parameters
    ----------
    sessions
        session_id of each participant.
    visits
        Later sessions of each participant, earliest first.
    before
        Rows of the table as it was, by participant: what a person wrote is kept.
    """
    rows = []
    for participant, own in sessions.items():
        kept: dict[str, Cell] = {
            name: cell
            for name, cell in (before or {}).get(participant, {}).items()
            if name not in READER_WRITTEN and cell != MISSING
        }
        read = _row(own, visits.get(participant, ()))
        if "refracture" in read:
            kept.setdefault("outcome_status", "followed")
        rows.append({"participant_id": participant, **read, **kept})
    return rows


def _row(sessions: Sequence[str], visits: Sequence[FollowUp]) -> dict[str, Cell]:
    """Return what readers found: a new fracture, none, or why it is not known."""
    if not visits:
        why = "no later session" if len(sessions) < 2 else "no level of the sessions could be compared"
        return {"reason": why}
    unordered = next((row["evidence"] for row in visits[0].changes.values() if _no_order(row)), None)
    if unordered:
        return {"reason": unordered}
    levels: list[str] = []
    positive: FollowUp | None = None
    open_visits = []
    for visit in visits:
        if why := _why_open(visit, levels):
            open_visits.append(why)
        if visit.confirmed and positive is None:
            positive = visit
        levels += [level for level in visit.confirmed if level not in levels]
    missing = len(sessions) - 1 - len(visits)
    if missing > 0:
        open_visits.append(f"{missing} later session without measurements" + ("s" if missing > 1 else ""))
    if positive is not None:
        return {
            "refracture": 1,
            "refracture_levels": ";".join(sort_levels(levels)),
            "reader_confirmed": 1,
            "interval_days": positive.days,
            "reason": "; ".join(open_visits),
        }
    if open_visits:
        return {"reason": "; ".join(open_visits)}
    return {"refracture": 0, "reader_confirmed": 1, "interval_days": visits[-1].days}


def _no_order(row: Cells) -> bool:
    return row["evidence"].startswith("the order of the sessions is not known")


def _why_open(visit: FollowUp, earlier: Sequence[str]) -> str:
    """Return why a session is not read to the end; empty where it is."""
    if visit.read(earlier):
        return ""
    if visit.renamed:
        named = ", ".join(visit.renamed)
        return f"session {visit.session}: names were changed after the verdict on {named}"
    if waiting := visit.waiting(earlier):
        return f"session {visit.session}: no verdict on {', '.join(waiting)}"
    if visit.verdicts:
        return f"session {visit.session}: not compared and not judged: {', '.join(visit.not_compared)}"
    return f"session {visit.session}: not read for new fractures"
