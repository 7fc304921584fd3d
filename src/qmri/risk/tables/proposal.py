"""A first outcomes.csv from changes.csv, for a reader to confirm on the images.

A candidate is a level neither treated nor fractured before whose height or PDFF fell (`measure.changes`). A
session with a candidate up to day 455 proposes a new fracture, a session from day 300 to 455 on which every
level was compared and none is a candidate proposes none; all else is left open. Days count from the
preoperative session. Nothing here is an outcome before a reader has confirmed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qmri.outputs.tables import Cell
from qmri.spine.levels import sort_levels

Cells = Mapping[str, str]

COMPARED = ("none", "known")


@dataclass(frozen=True)
class Visit:
    """What changed at a later session of a participant.

    Attributes
    ----------
    session
        Its name.
    days
        Since the preoperative session; None where no date tells.
    candidates
        Levels that may have fractured, each with its evidence.
    open_levels
        Levels that could not be compared.
    """

    session: str
    days: int | None
    candidates: Mapping[str, str]
    open_levels: tuple[str, ...]


def proposed_rows(
    participants: Sequence[str], changes: Sequence[Cells], session: str, window_days: tuple[int, int]
) -> list[dict[str, Cell]]:
    """Return rows of outcomes.csv; reader_confirmed is 0 in all that propose anything.

    Parameters
    ----------
    participants
        Everybody who gets a row.
    changes
        Rows of changes.csv.
    session
        The preoperative session: changes from another one propose nothing.
    window_days
        First and last day of the MRI that tells the outcome.
    """
    own: dict[str, list[Cells]] = {}
    for row in changes:
        if row["session_before"].removeprefix("ses-") == session:
            own.setdefault(row["participant_id"].removeprefix("sub-"), []).append(row)
    return [_row(name, _visits(own.get(name, ())), window_days) for name in participants]


def _visits(rows: Sequence[Cells]) -> list[Visit]:
    visits = []
    for name in dict.fromkeys(row["session_after"] for row in rows):
        here = [row for row in rows if row["session_after"] == name]
        days = next((row["interval_days"] for row in here if row["interval_days"] not in ("", "n/a")), None)
        visits.append(
            Visit(
                name,
                None if days is None else int(float(days)),
                {row["level"]: row["evidence"] for row in here if row["new_fracture"] == "candidate"},
                tuple(row["level"] for row in here if row["new_fracture"] not in (*COMPARED, "candidate")),
            )
        )
    return sorted(visits, key=lambda visit: (visit.days is None, visit.days or 0, visit.session))


def _row(name: str, visits: Sequence[Visit], window_days: tuple[int, int]) -> dict[str, Cell]:
    row: dict[str, Cell] = {"participant_id": name}
    first, last = window_days
    dated = [(visit, visit.days) for visit in visits if visit.days is not None and visit.days <= last]
    positive = next((visit for visit, _ in dated if visit.candidates), None)
    if positive is not None:
        evidence = [f"{level}: {words}" for level, words in positive.candidates.items()]
        return row | {
            "outcome_status": "followed",
            "refracture": 1,
            "refracture_levels": ";".join(sort_levels(positive.candidates)),
            "reader_confirmed": 0,
            "proposal": f"session {positive.session}, day {positive.days}: {'; '.join(evidence)}",
        }
    at_a_year = next((visit for visit, days in dated if days >= first), None)
    if at_a_year is None:
        visited = [f"session {visit.session}, day {visit.days or 'not known'}" for visit in visits]
        return row | {
            "proposal": f"no session from day {first} to {last}"
            + (f": {', '.join(visited)}" if visited else "")
        }
    place = f"session {at_a_year.session}, day {at_a_year.days}"
    if at_a_year.open_levels:
        levels = ", ".join(at_a_year.open_levels)
        return row | {
            "outcome_status": "followed",
            "reader_confirmed": 0,
            "proposal": f"{place}: look at {levels}",
        }
    return row | {
        "outcome_status": "followed",
        "refracture": 0,
        "reader_confirmed": 0,
        "proposal": f"{place}: no candidate",
    }
