"""The page of a participant: what changed over the sessions, level by level, and what a reader said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qmri.outputs.markers.change_columns import CHANGED
from qmri.report.charts import Cells, number
from qmri.report.environment import environment
from qmri.report.flagged import spoken_levels
from qmri.report.session_charts import LevelCourse, sessions_svg
from qmri.spine.levels import sort_levels

TITLES = {
    "height_ant_mm": "Anterior height",
    "height_mid_mm": "Middle height",
    "height_post_mm": "Posterior height",
    "pdff_median_pct": "PDFF",
    "r2star_median_per_s": "R2*",
}


@dataclass(frozen=True)
class SessionShown:
    """One session of the participant.

    Attributes
    ----------
    session
        session_id.
    page
        Address of the examination's page, from the participant's.
    failure
        Why it has no numbers; empty where it has.
    vertebrae
        Its rows of vertebrae.csv.
    pictures
        SVG elements by title.
    days
        Days since the first session; None where no date tells, or it is the first.
    """

    session: str
    page: str
    failure: str
    vertebrae: Sequence[Cells]
    pictures: Mapping[str, str]
    days: int | None = None


@dataclass(frozen=True)
class LevelPictures:
    """A level at the first and at a later session on one grid, as two SVG elements.

    ``doubts`` tell why the second one may not lie where the first one does.
    """

    level: str
    first: str
    later: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A later session against the first.

    Attributes
    ----------
    session
        The later one.
    changes
        Its rows of changes.csv.
    verdicts
        What a reader said, in words, by level.
    waiting
        Candidates without a verdict.
    no_other
        Who said that no other level is new; empty where nobody did.
    pairs
        Pictures of the candidates and of confirmed levels.
    """

    session: str
    changes: Sequence[Cells]
    verdicts: Mapping[str, str]
    waiting: tuple[str, ...]
    no_other: str
    pairs: Sequence[LevelPictures] = ()


def participant_page(
    participant: str, sessions: Sequence[SessionShown], comparisons: Sequence[Comparison], software: str
) -> str:
    """Return the page as one HTML document without references to other files.

    Parameters
    ----------
    participant
        participant_id.
    sessions
        Earliest first.
    comparisons
        Later sessions against the first.
    software
        Versions, in a line.
    """
    pictures = list(dict.fromkeys(title for one in sessions for title in one.pictures))
    return (
        environment()
        .get_template("participant.html")
        .render(
            participant=participant,
            sessions=sessions,
            failed=[one for one in sessions if one.failure],
            pictures=pictures,
            charts=[chart for name in CHANGED if (chart := _chart(name, sessions, comparisons))],
            comparisons=[_comparison(one, sessions) for one in comparisons],
            columns=[(TITLES[name], CHANGED[name][0]) for name in CHANGED],
            software=software,
        )
    )


def _chart(name: str, sessions: Sequence[SessionShown], comparisons: Sequence[Comparison]) -> str:
    rows = [{row["level"]: row for row in one.vertebrae} for one in sessions]
    changed = {
        row["level"] for one in comparisons for row in one.changes if row.get(f"detected_{name}") == "1"
    }
    courses = []
    for level in sort_levels({level for own in rows for level in own}):
        values = tuple(number(own.get(level, {}), name) for own in rows)
        if sum(value is not None for value in values) > 1:
            courses.append(LevelCourse(level, values, level in changed))
    return sessions_svg(TITLES[name], CHANGED[name][0], [one.session for one in sessions], courses)


def _comparison(one: Comparison, sessions: Sequence[SessionShown]) -> dict[str, object]:
    first, later = sessions[0], next(each for each in sessions if each.session == one.session)
    before, after = ({row["level"]: row for row in each.vertebrae} for each in (first, later))
    rows = []
    for change in one.changes:
        level = change["level"]
        rows.append(
            {
                "level": level,
                "candidate": change["new_fracture"] == "candidate",
                "cells": [
                    _cell(name, before.get(level, {}), after.get(level, {}), change) for name in CHANGED
                ],
                "grade": _grades(change),
                "word": _word(change, one.verdicts.get(level, "")),
                "evidence": "" if change["evidence"] == "n/a" else change["evidence"],
            }
        )
    candidates = [row["level"] for row in one.changes if row["new_fracture"] == "candidate"]
    unknown = [row["level"] for row in one.changes if row["new_fracture"] == "unknown"]
    return {
        "session": one.session,
        "days": later.days,
        "rows": rows,
        "candidates": spoken_levels(candidates),
        "not_compared": spoken_levels(unknown),
        "compared": len(one.changes) > len(unknown),
        "verdicts": [(level, one.verdicts[level]) for level in sort_levels(one.verdicts)],
        "waiting": spoken_levels(one.waiting),
        "no_other": one.no_other,
        "pairs": one.pairs,
    }


def _cell(name: str, before: Cells, after: Cells, change: Cells) -> dict[str, object]:
    """Return both values, their change and what is detectable, as words."""
    digits = 0 if name.startswith("r2star") else 1
    old, new = number(before, name), number(after, name)
    shown = ["" if value is None else f"{value:.{digits}f}" for value in (old, new)]
    difference, detectable = number(change, f"change_{name}"), number(change, f"sdc_{name}")
    return {
        "before": shown[0],
        "after": shown[1],
        "change": "" if difference is None else f"{difference + 0.0:+.{digits}f}",
        "detectable": "" if detectable is None else f"{detectable:.{digits}f}",
        "detected": change.get(f"detected_{name}") == "1",
    }


def _grades(change: Cells) -> str:
    grades = [change[name] for name in ("genant_before", "genant_after")]
    return "" if "n/a" in grades else grades[0] if grades[0] == grades[1] else " to ".join(grades)


def _word(change: Cells, verdict: str) -> str:
    own = {"candidate": "candidate", "known": "known before", "unknown": "not compared"}
    return verdict or own.get(change["new_fracture"], "")
