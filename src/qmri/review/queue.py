"""The reader's queue: the worklist with what was read, and how long the rest will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from qmri.pipeline.reading.readings import FIRST, Reading
from qmri.pipeline.reading.worklist import Entry, make_worklist

LONGEST_LOOK_S = 600.0
"""A longer pause between two decisions is a pause."""


class Queue:
    """The worklist of a results folder, read once and kept up to date examination by examination.

    Parameters
    ----------
    results, exams
        The results folder and the names of its examinations.
    """

    def __init__(self, results: Path, exams: Sequence[str]) -> None:
        self._results = results
        self._sessions = Counter(exam.split("_")[0] for exam in exams)
        self._entries = {entry.examination: entry for entry in make_worklist(results, exams)}

    @property
    def left(self) -> int:
        """How many examinations nobody has read."""
        return sum(entry.state != "done" for entry in self._entries.values())

    def refresh(self, exam: str) -> None:
        """Read anew how an examination is."""
        self._entries[exam] = make_worklist(self._results, [exam])[0]

    def rows(
        self, readings: Sequence[Reading], reader: str, exams: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Return examinations, all of them by default, worst first, with what the page filters by.

        Parameters
        ----------
        readings
            What was decided in the results folder.
        reader
            Initials of the one for whom the queue is.
        exams
            The examinations that are wanted.
        """
        seen = {reading.examination for reading in readings}
        mine = {reading.examination for reading in readings if reading.reader == reader}
        wanted = [self._entries[exam] for exam in exams or self._entries]
        return [self._row(entry, seen, mine) for entry in sorted(wanted, key=lambda entry: entry.place)]

    def _row(self, entry: Entry, seen: set[str], mine: set[str]) -> dict[str, Any]:
        exam = entry.examination
        filters = {
            "unverified": not entry.levels_verified and entry.state not in ("no_images", "done"),
            "flagged": entry.flagged > 0,
            "failed": bool(entry.failed_at),
            "follow-up": self._sessions[exam.split("_")[0]] > 1,
            "unseen": exam not in seen,
            "mine": exam in mine,
        }
        return {
            "exam": exam,
            "state": entry.state,
            "need": entry.need_levels,
            "why": entry.why,
            "done_by": entry.done_by,
            "filters": [name for name, holds in filters.items() if holds],
        }


def time_left(readings: Sequence[Reading], reader: str, left: int, read: str = FIRST) -> float | None:
    """Return the seconds that a reader will need for the examinations that are left.

    The median time between the ends of two examinations that the reader confirmed or refused in one sitting,
    times their number; None before the second.
    """
    ends = {
        reading.examination: reading.time
        for reading in readings
        if reading.reader == reader and reading.read == read and reading.decision in ("confirm", "not_usable")
    }
    times = sorted(datetime.fromisoformat(text) for text in ends.values())
    looks = [(later - former).total_seconds() for former, later in pairwise(times)]
    looks = [seconds for seconds in looks if seconds <= LONGEST_LOOK_S]
    return median(looks) * left if looks else None
