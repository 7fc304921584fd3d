"""What changed at a later session, and what a reader said of it: changes.csv beside the log of readings.

A verdict is a line ``new_fracture`` of the first read with a level and ``confirmed`` or ``rejected``;
``none`` without a level says that the images were looked at and no other level is new. The last line of a
level counts; ``open`` takes a verdict back. Verdicts given before the names of the levels were changed at one
of the two sessions no longer count: they may speak of another body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qmri.pipeline.reading.readings import FIRST, Reading
from qmri.pipeline.study.study_sheet import exam_name
from qmri.spine.levels import sort_levels

CONFIRMED, REJECTED, NONE, OPEN = "confirmed", "rejected", "none", "open"
RENAMING = ("shift", "rename", "delete", "add", "undo", "consensus")
"""Decisions after which a name may stand for another body."""

COMPARED = ("none", "known")

Cells = Mapping[str, str]


@dataclass(frozen=True)
class FollowUp:
    """A later session of a participant against the first.

    Attributes
    ----------
    participant, first, session
        participant_id and the two session_id.
    days
        Days between the two; None where no date tells.
    changes
        Rows of changes.csv by level.
    verdicts
        The reading that counts, by level.
    no_other
        The reading that says that no other level is new; None where nobody said so.
    renamed
        Levels whose verdict was given before names were changed.
    """

    participant: str
    first: str
    session: str
    days: int | None
    changes: Mapping[str, Cells]
    verdicts: Mapping[str, Reading] = field(default_factory=dict)
    no_other: Reading | None = None
    renamed: tuple[str, ...] = ()

    @property
    def candidates(self) -> dict[str, str]:
        """Levels that may have fractured, each with what it rests on."""
        return {level: row["evidence"] for level, row in self.changes.items() if self._is(row, "candidate")}

    @property
    def known(self) -> tuple[str, ...]:
        """Levels treated or fractured at the first session."""
        return tuple(level for level, row in self.changes.items() if self._is(row, "known"))

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Levels of which the measurements tell nothing."""
        return tuple(
            level
            for level, row in self.changes.items()
            if row["new_fracture"] not in (*COMPARED, "candidate")
        )

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Levels that a reader confirmed and that were sound at the first session."""
        given = [level for level, verdict in self.verdicts.items() if verdict.detail == CONFIRMED]
        return tuple(sort_levels(level for level in given if level not in self.known))

    def waiting(self, earlier: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the candidates without a verdict; those confirmed at an ``earlier`` session need none."""
        return tuple(
            level for level in self.candidates if level not in self.verdicts and level not in earlier
        )

    def read(self, earlier: Sequence[str] = ()) -> bool:
        """Tell whether a reader has said of every level whether it is new."""
        if self.waiting(earlier):
            return False
        return self.no_other is not None or bool(self.verdicts and not self.not_compared)

    @staticmethod
    def _is(row: Cells, word: str) -> bool:
        return row["new_fracture"] == word


def follow_ups(changes: Sequence[Cells], readings: Sequence[Reading]) -> dict[str, list[FollowUp]]:
    """Return the later sessions of each participant, earliest first.

    Parameters
    ----------
    changes
        Rows of changes.csv.
    readings
        The log, earliest first.
    """
    groups: dict[tuple[str, str, str], list[Cells]] = {}
    for row in changes:
        key = row["participant_id"], row["session_before"], row["session_after"]
        groups.setdefault(key, []).append(row)
    found: dict[str, list[FollowUp]] = {}
    for (participant, first, session), rows in groups.items():
        names = [exam_name(participant, each) for each in (first, session)]
        verdicts, no_other, renamed = _verdicts(readings, names[1], names)
        found.setdefault(participant, []).append(
            FollowUp(
                participant,
                first,
                session,
                next((int(float(cell)) for row in rows if (cell := row["interval_days"]) != "n/a"), None),
                {row["level"]: row for row in rows},
                verdicts,
                no_other,
                renamed,
            )
        )
    for visits in found.values():  # a dated session keeps its place; the table has them in order
        if all(visit.days is not None for visit in visits):
            visits.sort(key=lambda visit: visit.days or 0)
    return found


def _verdicts(
    readings: Sequence[Reading], later: str, both: Sequence[str]
) -> tuple[dict[str, Reading], Reading | None, tuple[str, ...]]:
    """Return the verdicts that count, the word that no other is new, and verdicts that names outdated."""
    verdicts: dict[str, Reading] = {}
    no_other: Reading | None = None
    renamed: set[str] = set()
    for reading in readings:
        if reading.read != FIRST:
            continue
        if reading.decision in RENAMING and reading.examination in both:
            renamed |= set(verdicts)
            verdicts, no_other = {}, None
        if reading.decision != "new_fracture" or reading.examination != later:
            continue
        if not reading.level:
            no_other = reading if reading.detail == NONE else None
        else:
            verdicts.pop(reading.level, None)
            renamed.discard(reading.level)
            if reading.detail in (CONFIRMED, REJECTED):
                verdicts[reading.level] = reading
    return verdicts, no_other, tuple(sort_levels(renamed))


def verdicts_fingerprint(readings: Sequence[Reading]) -> str:
    """Return what the log says of new fractures, for a rule of the workflow to depend on."""
    if not any(reading.decision == "new_fracture" for reading in readings):
        return ""
    told = [
        f"{reading.examination} {reading.decision} {reading.level} {reading.detail} {reading.reader}"
        for reading in readings
        if reading.read == FIRST and reading.decision in ("new_fracture", *RENAMING)
    ]
    return "; ".join(told)
