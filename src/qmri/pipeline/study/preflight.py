"""What can be known of a study before anything runs: folders, people, dates, and what contradicts.

The checks are pure functions on `Row`s, one for each line of the study sheet. Contradictions are refused;
what a person should know is reported.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

from qmri.errors import QmriError
from qmri.ingest.folder.quick_scan import QuickScan, first_day, quick_scan
from qmri.ingest.headers.identity import PatientIdentity, Relation
from qmri.measure.comparison.changes import SessionOrder
from qmri.pipeline.study.study_sheet import Examination, Study

MOST_NAMED = 6
"""A finding names no more rows than these."""
PARTICIPANT = "participant_id"
MOST_OF_ONE_MARK = 100
"""What so many different people have in common, as an anonymiser's PatientID, tells nobody from another."""


@dataclass(frozen=True)
class Row:
    """A line of the study sheet and what its folder holds."""

    exam: Examination
    seen: QuickScan

    @property
    def words(self) -> str:
        """The examination, for a reader."""
        return f"participant {self.exam.participant_id}, session {self.exam.session_id}"


@dataclass(frozen=True)
class Finding:
    """One thing found, with the examinations concerned.

    Attributes
    ----------
    refused
        Whether nothing may run before it is mended.
    words
        What was found, naming rows of the sheet and no patient.
    remedy
        What to do.
    """

    refused: bool
    words: str
    remedy: str


def look(study: Study, progress: Callable[[int, int], None] | None = None) -> list[Row]:
    """Look into the folder of every examination, with a key that lives no longer than this call."""
    key = os.urandom(32)
    rows = []
    for number, exam in enumerate(study, start=1):
        rows.append(Row(exam, quick_scan(exam.dicom_dir, key)))
        if progress is not None:
            progress(number, len(study.examinations))
    return rows


def session_order(exams: Sequence[Examination]) -> SessionOrder:
    """Return the order of the sessions of one participant, looking at nothing but dates."""
    return _order([Row(exam, QuickScan(day=first_day(exam.dicom_dir))) for exam in exams])


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Return everything that contradicts or should be known, contradictions first."""
    found = [*_folders(rows), *_same_folder(rows), *_same_images(rows), *_people(rows), *_orders(rows)]
    return sorted(found, key=lambda finding: not finding.refused)


def refuse_contradictions(found: Iterable[Finding], sheet: Path) -> None:
    """Check that nothing contradicts.

    Raises
    ------
    QmriError
        If something does; the message has every contradiction.
    """
    refused = [finding for finding in found if finding.refused]
    if refused:
        raise QmriError(
            "rows of the study sheet contradict each other; nothing was run",
            where=sheet.name,
            found="; ".join(finding.words for finding in refused),
            remedy="; ".join(dict.fromkeys(finding.remedy for finding in refused)),
        )


def session_orders(rows: Iterable[Row]) -> dict[str, SessionOrder]:
    """Return the order of the sessions of each participant that has several.

    It follows the dates of acquisition, or session_order of the sheet where dates are missing.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.exam.participant_id].append(row)
    return {participant: _order(group) for participant, group in groups.items() if len(group) > 1}


def _order(rows: Sequence[Row]) -> SessionOrder:
    known = [row.seen.day for row in rows if row.seen.day is not None]
    given = [row.exam.session_order for row in rows]
    if len(set(known)) == len(rows):
        dated = sorted(rows, key=lambda row: row.seen.day or 0)
        days = tuple((row.seen.day or 0) - min(known) for row in dated)
        return SessionOrder(tuple(row.exam.session_id for row in dated), days)
    if None not in given and len(set(given)) == len(rows):
        ordered = sorted(rows, key=lambda row: row.exam.session_order or 0)
        return SessionOrder(tuple(row.exam.session_id for row in ordered), (None,) * len(rows))
    same = len(known) == len(rows)
    why = "two sessions have one date" if same else "a session has no date of acquisition"
    return SessionOrder(tuple(row.exam.session_id for row in rows), (None,) * len(rows), why)


def _folders(rows: Sequence[Row]) -> Iterator[Finding]:
    absent = [row for row in rows if not row.seen.files]
    if absent:
        yield Finding(
            False, f"there are no files at dicom_dir of {_all(absent)}", "check dicom_dir in the sheet"
        )
    strange = [row for row in rows if row.seen.files and not row.seen.images]
    if strange:
        yield Finding(
            False,
            f"none of the files looked at is a DICOM image at dicom_dir of {_all(strange)}",
            "qmri ingest --list DICOM_DIR shows what is there",
        )
    mixed = [row for row in rows if row.seen.two_people]
    if mixed:
        yield Finding(
            True,
            f"one folder holds images of two people for {_all(mixed)}",
            "give each examination its own folder",
        )


def _same_folder(rows: Sequence[Row]) -> Iterator[Finding]:
    places: dict[Path, list[Row]] = defaultdict(list)
    for row in rows:
        places[row.exam.dicom_dir].append(row)
    for sharing in places.values():
        if len(sharing) > 1:
            yield Finding(
                True,
                f"{_all(sharing)} have the same dicom_dir",
                "give each row the folder of its own examination",
            )
    folders = sorted(places, key=lambda place: place.parts)
    for outer, inner in pairwise(folders):
        if outer in inner.parents:
            yield Finding(
                True,
                f"the dicom_dir of {_all(places[inner])} lies within that of {_all(places[outer])}",
                "give each row the folder of its own examination",
            )


def _same_images(rows: Sequence[Row]) -> Iterator[Finding]:
    holders: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for digest in row.seen.contents:
            holders[digest].append(row)
    groups = {tuple(sharing) for sharing in holders.values() if len(sharing) > 1}
    for sharing in sorted(groups, key=lambda group: [row.exam.name for row in group]):
        if len({row.exam.dicom_dir for row in sharing}) > 1:
            yield Finding(
                True,
                f"{_all(sharing)} hold the same images",
                "give each row the folder of its own examination",
            )


def _comparable(
    people: Mapping[PatientIdentity, Sequence[Row]],
) -> list[tuple[PatientIdentity, PatientIdentity]]:
    """Return the pairs, each with itself too, of one participant or which might be one person."""
    identities = list(people)
    sharing: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, (identity, rows) in enumerate(people.items()):
        for mark in {*identity.marks, *((PARTICIPANT, row.exam.participant_id) for row in rows)}:
            sharing[mark].append(number)
    pairs = {(number, number) for number in range(len(identities))}
    for (kind, _), numbers in sharing.items():
        if kind == PARTICIPANT or len(numbers) <= MOST_OF_ONE_MARK:
            pairs.update(combinations(numbers, 2))
    return [(identities[first], identities[second]) for first, second in sorted(pairs)]


def _people(rows: Sequence[Row]) -> Iterator[Finding]:
    people: dict[PatientIdentity, list[Row]] = defaultdict(list)
    for row in rows:
        if row.seen.images:
            people[row.seen.patient].append(row)
    for one, other in _comparable(people):
        relation = one.relation(other)
        both = people[one] if one is other else [*people[one], *people[other]]
        if relation is Relation.DIFFERENT:
            elements = " and ".join(one.contradictions(other))
            of_one = {row.exam.participant_id: row for row in people[one]}
            for row in people[other]:
                if row.exam.participant_id in of_one:
                    two = _all((of_one[row.exam.participant_id], row))
                    yield Finding(
                        True,
                        f"{two} are of two people: different {elements}",
                        "give two people two participant_id, or correct dicom_dir",
                    )
        elif relation is Relation.SAME and len({row.exam.participant_id for row in both}) > 1:
            yield Finding(
                False,
                f"{_all(_each_participant_first(both))} seem to be of one person",
                "if so, give one participant_id and two session_id",
            )


def _orders(rows: Sequence[Row]) -> Iterator[Finding]:
    days = {(row.exam.participant_id, row.exam.session_id): row for row in rows}
    for participant, order in session_orders(rows).items():
        if order.unknown:
            yield Finding(
                False,
                f"participant {participant}: the order of the sessions is not known ({order.unknown}); "
                "they will not be compared",
                "write 1, 2, ... into the column session_order",
            )
            continue
        given = [days[participant, session].exam.session_order for session in order.sessions]
        numbers = [number for number in given if number is not None]
        if numbers != sorted(numbers):
            yield Finding(
                True,
                f"participant {participant}: session_order says otherwise than the dates of acquisition, "
                f"which give {', '.join(order.sessions)}",
                "correct session_order or dicom_dir",
            )


def _each_participant_first(rows: Sequence[Row]) -> list[Row]:
    """Return rows with the first of every participant before the others, since few are named."""
    first = {row.exam.participant_id: row for row in reversed(rows)}
    return sorted(rows, key=lambda row: first[row.exam.participant_id] is not row)


def _all(rows: Sequence[Row]) -> str:
    named = [row.words for row in rows[:MOST_NAMED]]
    more = len(rows) - len(named)
    return " and ".join([*named, f"{more} more"] if more else named)
