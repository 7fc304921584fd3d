"""What changed between sessions of a participant, and which levels may have fractured since.

The smallest detectable change of a difference is 1.96 sqrt(s1^2 + s2^2) with the errors s of both
sessions, repeatability between scans included (Weir 2005, 10.1519/15184.1). A candidate of a new
fracture is a level, fractured neither then nor treated, of which a height fell by more than 15 % and
more than is detectable, or whose PDFF fell by a third and more than is detectable (marrow oedema
comes before collapse). The list is meant to be long rather than short: a reader confirms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qmri.config import MeasureSettings
from qmri.measure.quality.flags import FRACTURED
from qmri.outputs.markers.change_columns import CHANGED
from qmri.outputs.tables import MISSING, Cell
from qmri.spine.levels import LEVEL_ID

CONFIDENCE = 1.96
COLLAPSE_SHARE, OEDEMA_SHARE = 0.15, 0.33
HEIGHTS = tuple(name for name in CHANGED if name.startswith("height"))
COMPARABLE_BY = ("field_t", "recon_mode", "fat_model_id")

Cells = Mapping[str, str]


@dataclass(frozen=True)
class SessionOrder:
    """The sessions of a participant in time.

    Attributes
    ----------
    sessions
        session_id, earliest first; in any order where it is not known.
    days
        Days since the first session, in the same order; None where only the order is known.
    unknown
        Why the order is not known; empty where it is.
    """

    sessions: tuple[str, ...]
    days: tuple[int | None, ...]
    unknown: str = ""


def change_rows(
    vertebrae: Sequence[Cells],
    patients: Sequence[Cells],
    settings: MeasureSettings,
    orders: Mapping[str, SessionOrder],
) -> list[dict[str, Cell]]:
    """Return the rows of changes.csv, levels from above; empty without a second session.

    Parameters
    ----------
    vertebrae, patients
        Rows of the tables of the study, cells as text.
    orders
        The sessions of each participant that has several, in time. Where their order is not known
        nothing is compared, and the rows say why.
    """
    visits = {(row["participant_id"], row["session_id"]): row for row in patients}
    levels = {(row["participant_id"], row["session_id"], row["level"]): row for row in vertebrae}
    unverified = {
        (row["participant_id"], row["session_id"]) for row in vertebrae if row.get("level_verified") == "0"
    }
    found = {row["level"] for row in vertebrae}
    names = [name for name in LEVEL_ID if name in found]
    rows = []
    for participant in dict.fromkeys(row["participant_id"] for row in patients):
        if participant not in orders:
            continue
        order = orders[participant]
        first, *later = order.sessions
        for session, days in zip(later, order.days[1:], strict=True):
            for level in names:
                before, after = (levels.get((participant, name, level)) for name in (first, session))
                if before is None or after is None or "ok" not in (before["status"], after["status"]):
                    continue
                keys: dict[str, Cell] = {
                    "participant_id": participant,
                    "level": level,
                    "session_before": first,
                    "session_after": session,
                    "interval_days": days,
                }
                why = [f"the order of the sessions is not known: {order.unknown}"] if order.unknown else []
                why += [
                    f"the names of the levels are not verified at {visit}"
                    for visit in (first, session)
                    if (participant, visit) in unverified
                ]
                why += [
                    f"a check of the outline failed at {cells['session_id']}"
                    for cells in (before, after)
                    if "label_failed" in cells.get("qc_flags", "").split(";")
                ]
                if why:
                    rows.append(keys | _not_compared("; ".join(why)))
                    continue
                difference = _difference(visits[participant, first], visits[participant, session])
                rows.append(keys | _change(before, after, difference, settings))
    return rows


def _not_compared(why: str) -> dict[str, Cell]:
    return {"new_fracture": "unknown", "comparable": False, "evidence": why}


def _change(
    before: Cells, after: Cells, difference: str | None, settings: MeasureSettings
) -> dict[str, Cell]:
    """Return what changed at one level; ``difference`` says why maps cannot be compared."""
    row: dict[str, Cell] = {}
    for name in CHANGED:
        old, new = _number(before, name), _number(after, name)
        if old is None or new is None or (difference and name not in HEIGHTS):
            continue
        row[f"change_{name}"] = new - old
        detectable = _detectable(name, before, after, settings)
        if detectable is not None:
            row |= {f"sdc_{name}": detectable, f"detected_{name}": abs(new - old) > detectable}
    found = _findings(row, before)
    if before["fracture_status"] in FRACTURED:
        verdict = "known"
    elif any(f"change_{name}" not in row for name in HEIGHTS):
        verdict = "unknown"
    else:
        verdict = "candidate" if found else "none"
    words = found + ([difference] if difference else [])
    return row | {
        "genant_before": before["genant_grade"],
        "genant_after": after["genant_grade"],
        "new_fracture": verdict,
        "comparable": difference is None,
        "evidence": "; ".join(words),
    }


def _findings(row: Mapping[str, Cell], before: Cells) -> list[str]:
    """Return what speaks for a new fracture, in words."""
    found = []
    for name, share, words in (
        *((name, COLLAPSE_SHARE, CHANGED[name][1]) for name in HEIGHTS),
        ("pdff_median_pct", OEDEMA_SHARE, "median PDFF"),
    ):
        change, old = row.get(f"change_{name}"), _number(before, name)
        if isinstance(change, float) and old and row.get(f"detected_{name}") and -change > share * old:
            unit = CHANGED[name][0]
            found.append(f"{words} fell from {old:.1f} to {old + change:.1f} {unit}")
    return found


def _detectable(name: str, before: Cells, after: Cells, settings: MeasureSettings) -> float | None:
    if name in HEIGHTS:
        return CONFIDENCE * math.sqrt(2) * settings.repeatability_height_mm
    column = {"pdff_median_pct": "pdff_se_total_pct", "r2star_median_per_s": "r2star_se_total_per_s"}[name]
    errors = [_number(cells, column) for cells in (before, after)]
    if errors[0] is None or errors[1] is None:
        return None
    return CONFIDENCE * math.hypot(errors[0], errors[1])


def _difference(first: Cells, later: Cells) -> str | None:
    """Return in which way the maps of two sessions differ, None where they can be compared."""
    unlike = [name for name in COMPARABLE_BY if first[name] != later[name]]
    differing = [f"{name} {first[name]} and {later[name]}" for name in unlike]
    return f"PDFF and R2* not compared: {', '.join(differing)}" if differing else None


def _number(cells: Cells, name: str) -> float | None:
    text = cells.get(name, MISSING)
    return None if text == MISSING else float(text)
