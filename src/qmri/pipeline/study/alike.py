"""Ids of a study sheet that are the same in file names, or that a hand may have written in two ways."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.errors import QmriError

if TYPE_CHECKING:
    from qmri.pipeline.study.study_sheet import Examination


def alike(exams: Sequence[Examination]) -> Iterator[str]:
    """Yield a sentence on ids that differ in leading zeros or in capitals alone."""
    for name in ("participant_id", "session_id"):
        ways: dict[str, set[str]] = defaultdict(set)
        for exam in exams:
            written = getattr(exam, name)
            ways[re.sub(r"(?<!\d)0+(?=\d)", "", written.casefold())].add(written)
        for same in ways.values():
            if len(same) > 1:
                yield f"{name} {' and '.join(sorted(same))} count as different: are they the same?"


def check_names(exams: Sequence[Examination], path: Path) -> None:
    """Check that no two examinations, and no two participants, have one name in file names.

    Raises
    ------
    QmriError
        If they do.
    """
    written: dict[str, list[str]] = defaultdict(list)
    for exam in exams:
        written[exam.name].append(f"{exam.participant_id} {exam.session_id}")
    twice = [f"{' and '.join(ids)}, both {name}" for name, ids in written.items() if len(ids) > 1]
    if twice:
        raise QmriError(
            "the study sheet names an examination twice",
            where=path.name,
            found="; ".join(twice),
            expected="one row for each participant_id and session_id (letters and digits must differ)",
        )
    people: dict[str, str] = {}
    for exam in exams:
        other = people.setdefault(exam.subject, exam.participant_id)
        if other != exam.participant_id:
            raise QmriError(
                "two participants have one name in file names, which hold letters and digits alone",
                where=path.name,
                found=f"participant_id {other} and {exam.participant_id}, both {exam.subject}",
                remedy="write it the same way if they are one person, else with other letters or digits",
            )
