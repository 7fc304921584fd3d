"""What the page is told of a participant's sessions: changes, what is detectable, candidates, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qmri.errors import QmriError
from qmri.outputs.markers.change_columns import CHANGED
from qmri.outputs.tables import read_rows
from qmri.pipeline.follow_up.visits import FollowUp, follow_ups
from qmri.pipeline.study.study_sheet import exam_name
from qmri.review.desk import Desk
from qmri.review.examination import measured_rows
from qmri.spine.levels import sort_levels

SHOWN = {
    "height_ant_mm": "anterior height",
    "height_mid_mm": "middle height",
    "height_post_mm": "posterior height",
    "pdff_median_pct": "PDFF",
    "r2star_median_per_s": "R2*",
}


def visits_of(desk: Desk, exam: str) -> list[FollowUp]:
    """Return the later sessions of the participant of an examination, earliest first.

    Raises
    ------
    QmriError
        If there are none in the tables.
    """
    subject = desk.require(exam).split("_", maxsplit=1)[0]
    table = desk.results / "markers" / "changes.csv"
    rows = read_rows(table) if table.is_file() else []
    for participant, visits in follow_ups(rows, desk.readings()).items():
        if exam_name(participant, "x").split("_", maxsplit=1)[0] == subject:
            return visits
    raise QmriError(
        "the sessions of this participant are not compared in the tables",
        found="no rows in changes.csv",
        remedy="run the study again once both sessions are measured",
    )


def visit_of(desk: Desk, exam: str) -> FollowUp:
    """Return the later session that an examination is, or the next one where it is the first.

    Raises
    ------
    QmriError
        If there is none in the tables.
    """
    visits = visits_of(desk, exam)
    return next((visit for visit in visits if later_exam(visit) == exam), visits[0])


def later_exam(visit: FollowUp) -> str:
    """Return the name of the later examination."""
    return exam_name(visit.participant, visit.session)


def first_exam(visit: FollowUp) -> str:
    """Return the name of the first examination."""
    return exam_name(visit.participant, visit.first)


def told_of_visit(desk: Desk, exam: str) -> dict[str, Any]:
    """Return what the page shows of a later session besides images; JSON values."""
    visits = visits_of(desk, exam)
    visit = visit_of(desk, exam)
    place = visits.index(visit)
    earlier = [level for one in visits[:place] for level in one.confirmed]
    before, after = (measured_rows(desk.results, name) for name in (first_exam(visit), later_exam(visit)))
    measured = {row["level"] for rows in (before, after) for row in rows.values() if row["status"] == "ok"}
    levels = sort_levels({*visit.changes, *measured})
    waiting = visit.waiting(earlier)
    return {
        "participant": visit.participant,
        "first": visit.first,
        "session": visit.session,
        "exam": later_exam(visit),
        "days": visit.days,
        "sessions": [{"session": one.session, "exam": later_exam(one)} for one in visits],
        "levels": [_level(level, visit, before.get(level, {}), after.get(level, {})) for level in levels],
        "waiting": list(waiting),
        "earlier": earlier,
        "renamed": list(visit.renamed),
        "no_other": visit.no_other.reader if visit.no_other else "",
        "read": visit.read(earlier),
        "stale": bool(desk.again and desk.again.state()["tables"] == "stale"),
    }


def _level(
    level: str, visit: FollowUp, before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, Any]:
    change = visit.changes.get(level, {})
    verdict = visit.verdicts.get(level)
    return {
        "level": level,
        "word": change.get("new_fracture", "unknown"),
        "evidence": change.get("evidence", "not compared").replace("n/a", ""),
        "verdict": verdict.detail if verdict else "",
        "reader": verdict.reader if verdict else "",
        "values": [_quantity(name, before, after, change) for name in CHANGED],
    }


def _quantity(
    name: str, before: Mapping[str, str], after: Mapping[str, str], change: Mapping[str, str]
) -> dict[str, Any]:
    cells: Sequence[str] = (
        before.get(name, "n/a"),
        after.get(name, "n/a"),
        change.get(f"change_{name}", "n/a"),
        change.get(f"sdc_{name}", "n/a"),
    )
    digits = 0 if name.startswith("r2star") else 1
    old, new, difference, detectable = (
        "" if cell == "n/a" else f"{float(cell) + 0.0:.{digits}f}" for cell in cells
    )
    return {
        "name": SHOWN[name],
        "unit": CHANGED[name][0],
        "before": old,
        "after": new,
        "change": difference,
        "detectable": detectable,
        "detected": change.get(f"detected_{name}") == "1",
    }
