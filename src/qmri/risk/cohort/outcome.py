"""What happened within a year, decided by rule: new fracture, none, or unknown.

The outcome is a confirmed fracture of a vertebra neither treated nor fractured before, on MRI 300 to 455
days after the operation, or on an earlier positive one. Who died unfractured counts as 0 (cumulative
incidence); who is lost is unknown, never 0. MRI dates are not dates of fractures, so there is no time to
event. MRI after the window tells nothing either way: to take its negatives alone would thin the events.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from qmri.errors import QmriError
from qmri.risk.tables.sheets import Value
from qmri.spine.levels import parse_level, sort_levels

NAMED = 5


@dataclass(frozen=True)
class Decided:
    """The outcome of a participant.

    Attributes
    ----------
    event
        1, 0, or None where unknown.
    step
        ``analysed``, or why it is unknown (`outputs.risk_columns.FLOW_STEPS`).
    levels
        Levels of the new fractures, as far as they are given.
    not_new
        Levels given that were treated or fractured before, which are no outcome.
    """

    event: int | None
    step: str
    levels: tuple[str, ...] = ()
    not_new: tuple[str, ...] = ()


def decide(
    row: Mapping[str, Value],
    surgery: Value,
    fractured_before: Collection[str],
    window_days: tuple[int, int],
    where: str,
) -> Decided:
    """Return the outcome of a participant.

    Parameters
    ----------
    row
        Of outcomes.csv.
    surgery
        Date of the operation, or None.
    fractured_before
        Levels treated or fractured at the preoperative session.
    window_days
        First and last day of the MRI that tells the outcome.
    where
        The participant, for messages.

    Raises
    ------
    QmriError
        If dates lie before the operation, or a level does not exist.
    """
    status = row.get("outcome_status")
    if status is None and row.get("refracture") is None:
        return Decided(None, "no_outcome_row")
    if status is None:
        raise QmriError(
            "outcome_status is missing",
            where=where,
            expected="followed, died or lost",
            remedy="write how the follow-up ended, or n/a into refracture while it goes on",
        )
    mri = _days(row.get("followup_mri_date"), surgery, "followup_mri_date", where)
    contact = _days(row.get("last_contact_date"), surgery, "last_contact_date", where)
    given = _levels(row.get("refracture_levels"), where)
    new = tuple(level for level in given if level not in fractured_before)
    not_new = tuple(level for level in given if level in fractured_before)
    read = row.get("refracture")
    if read == 1 and given and not new:
        read = 0.0
    if read == 1:
        event, step = _positive(mri if mri is not None else contact, window_days[1])
        return Decided(event, step, new, not_new)
    event, step = _unfractured(str(status), read == 0, mri, contact, window_days)
    return Decided(event, step, (), not_new)


def _positive(seen: int | None, last: int) -> tuple[int | None, str]:
    if seen is None:
        return None, "no_mri"
    return (1, "analysed") if seen <= last else (None, "mri_late")


def _unfractured(
    status: str, read: bool, mri: int | None, contact: int | None, window_days: tuple[int, int]
) -> tuple[int | None, str]:
    first, last = window_days
    if status == "lost":
        return None, "lost"
    in_window = read and mri is not None and first <= mri <= last
    if in_window or (status == "died" and (contact is None or contact <= last)):
        return 0, "analysed"
    if not read:
        return None, "no_reading"
    if mri is None:
        return None, "no_mri"
    return None, "mri_early" if mri < first else "mri_late"


def require_confirmed(rows: Mapping[str, Mapping[str, Value]], name: str) -> None:
    """Refuse fractures, and proposals of any outcome, that no reader has confirmed.

    Raises
    ------
    QmriError
        If there is one; the participants are named.
    """
    unconfirmed = [
        participant
        for participant, row in rows.items()
        if row.get("reader_confirmed") != 1
        and (row.get("refracture") == 1 or (row.get("refracture") == 0 and row.get("proposal")))
    ]
    if unconfirmed:
        raise QmriError(
            "outcomes are not confirmed by a reader",
            where=name,
            found=named(unconfirmed),
            expected="reader_confirmed 1 where refracture is 1 or was proposed by qmri risk outcomes",
            remedy="have a reader look at the images, then write 1; or refracture 0 where there is none",
        )


def named(participants: Sequence[str]) -> str:
    """Return the first participants, and how many more."""
    more = len(participants) - NAMED
    return "participants " + ", ".join(participants[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _days(day: Value, surgery: Value, name: str, where: str) -> int | None:
    """Return the days from the operation to a date."""
    if not isinstance(day, datetime.date) or not isinstance(surgery, datetime.date):
        return None
    days = (day - surgery).days
    if days < 0:
        raise QmriError(
            f"{name} lies before the operation",
            where=where,
            found=f"{-days} days before",
            expected="a day after surgery_date",
            remedy="correct one of the two dates",
        )
    return days


def _levels(cell: Value, where: str) -> tuple[str, ...]:
    if not isinstance(cell, str):
        return ()
    try:
        return tuple(sort_levels({parse_level(word) for word in re.split(r"[;,\s；，、]+", cell) if word}))
    except QmriError as error:
        error.where = f"{where}, refracture_levels"
        raise
