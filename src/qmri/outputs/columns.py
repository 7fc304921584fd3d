"""What a column of a marker table is, and what several tables have in common."""

from __future__ import annotations

from dataclasses import dataclass

SHEET = "study sheet"
IMAGES = "maps and labels"
HEADER = "DICOM header"
PROGRAM = "qmri"

PREOPERATIVE, OPERATION, FOLLOW_UP = "preoperative", "operation", "follow-up"
MOMENTS = (PREOPERATIVE, OPERATION, FOLLOW_UP)
"""When something is known, in time."""

YES_NO = {"1": "yes", "0": "no"}
STATUS = {
    "ok": "measured",
    "not_in_view": "outside the images or cut by their edge",
    "failed": "in view or expected, but could not be measured; see status_reason",
}
GENANT_GRADES = {
    "0": "loss below 20 %",
    "1": "20 to 25 %",
    "2": "25 to 40 %",
    "3": "more than 40 %",
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        snake_case, the unit as its suffix.
    unit
        Unit, or None for names and categories.
    description
        Definition in a sentence or two.
    plausible
        Range outside which a value is flagged, or None.
    levels
        The allowed words of a categorical column, each with its meaning.
    source
        Where the value comes from.
    known_at
        When the value of a participant is known; given for what people write down.
    allowed
        Range outside which a value that people write down is refused, or None.
    """

    name: str
    unit: str | None
    description: str
    plausible: tuple[float, float] | None = None
    levels: dict[str, str] | None = None
    source: str = IMAGES
    known_at: str | None = None
    allowed: tuple[float, float] | None = None


KEYS = (
    Column("participant_id", None, "Participant, without the prefix sub-.", source=SHEET),
    Column("session_id", None, "Session, without the prefix ses-.", source=SHEET),
)

STATE = (
    Column("status", None, "Whether the row has numbers.", levels=STATUS, source=PROGRAM),
    Column("status_reason", None, "Why the status is not ok; n/a where it is.", source=PROGRAM),
)
