"""The study sheet: one row per examination, given by the user, never guessed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from qmri.errors import QmriError
from qmri.pipeline.study.alike import alike, check_names
from qmri.pipeline.study.reader_fractures import as_the_reader_says, reader_fractures_path
from qmri.sheet_text import read_sheet_text
from qmri.spine.levels import parse_level, sort_levels
from qmri.words import natural

REQUIRED = ("participant_id", "session_id", "dicom_dir")
OPTIONAL = (
    "lowest_level",
    "seeds",
    "labels",
    "treated_levels",
    "acute_levels",
    "old_levels",
    "session_order",
)
MISSING = ("", "n/a", "na", "nan")
LONGEST_NAME = 180
"""Characters of an examination's name; file systems take 255, and every file name begins with it."""


@dataclass(frozen=True)
class Examination:
    """One row of the study sheet, paths absolute, levels in canonical names.

    Attributes
    ----------
    participant_id, session_id
        As written in the sheet, without a leading ``sub-`` or ``ses-``.
    dicom_dir
        Folder (or zip) of the examination's DICOM files.
    lowest_level
        The lowest vertebral body that is fully in view, or None.
    seeds
        CSV of level, x_mm, y_mm, z_mm in RAS+, or None.
    labels
        A reader's label map that replaces automatic segmentation, or None.
    treated_levels, acute_levels, old_levels
        Levels given cement; fractured recently; fractured long ago.
    session_order
        Place of the session in time among those of the participant; needed only where the DICOM
        has no dates.
    """

    participant_id: str
    session_id: str
    dicom_dir: Path
    lowest_level: str | None = None
    seeds: Path | None = None
    labels: Path | None = None
    treated_levels: tuple[str, ...] = ()
    acute_levels: tuple[str, ...] = ()
    old_levels: tuple[str, ...] = ()
    session_order: int | None = None

    @cached_property
    def name(self) -> str:
        """The examination in file names, e.g. ``sub-01_ses-pre``."""
        return exam_name(self.participant_id, self.session_id)

    @property
    def subject(self) -> str:
        """The participant in file names, e.g. ``sub-01``."""
        return self.name.split("_", maxsplit=1)[0]


@dataclass(frozen=True)
class Study:
    """The examinations of a study by participant and session, whatever the order of its sheet.

    Attributes
    ----------
    examinations
        One for each row.
    notes
        What a person should know of how the sheet was read.
    """

    examinations: tuple[Examination, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Examination]:
        """Iterate over the examinations."""
        return iter(self.examinations)

    @cached_property
    def _by_name(self) -> dict[str, Examination]:
        return {exam.name: exam for exam in self.examinations}

    @property
    def names(self) -> list[str]:
        """The examinations' names, by participant and session."""
        return [exam.name for exam in self.examinations]

    @cached_property
    def repeated(self) -> dict[str, tuple[Examination, ...]]:
        """The examinations of each participant that has several, by participant_id."""
        own: dict[str, tuple[Examination, ...]] = {}
        for exam in self.examinations:
            own[exam.participant_id] = (*own.get(exam.participant_id, ()), exam)
        return {participant: exams for participant, exams in own.items() if len(exams) > 1}

    def find(self, name: str) -> Examination:
        """Return the examination of that name.

        Raises
        ------
        QmriError
            If the study has none.
        """
        if name in self._by_name:
            return self._by_name[name]
        near = difflib.get_close_matches(name, self.names, n=1)
        raise QmriError(
            f"the study sheet has no examination {name}", expected=f"{near[0]}, perhaps" if near else None
        )


EXAM_NAME = "sub-[0-9A-Za-z]+_ses-[0-9A-Za-z]+"


def check_exam_name(name: str) -> str:
    """Return the name of an examination.

    Raises
    ------
    QmriError
        If it is not ``sub-<participant>_ses-<session>``.
    """
    if not re.fullmatch(EXAM_NAME, name):
        raise QmriError(
            "the name of the examination cannot stand in file names",
            found=name,
            expected="sub-<participant>_ses-<session> with letters and digits, e.g. sub-07_ses-pre",
        )
    return name


def exam_name(participant_id: str, session_id: str) -> str:
    """Return ``sub-<participant>_ses-<session>``; BIDS labels hold letters and digits alone."""

    def label(text: str) -> str:
        return re.sub(r"[^0-9A-Za-z]", "", text)

    return f"sub-{label(participant_id)}_ses-{label(session_id)}"


def read_study(path: Path) -> Study:
    """Read and check a study sheet (CSV or TSV).

    Relative paths in the sheet are relative to the sheet. Whether the DICOM is there is
    not checked here: an examination without data is a row with a reason, not a stop.
    A process checks it anew only when it or the reader's sheet has changed: each of 50,000 stages asks.

    Raises
    ------
    QmriError
        If the sheet is missing, lacks a column, has an unknown one, names a level that
        does not exist, or has two rows for one examination or two participants of one name. The message
        names the line.
    """
    texts = (path, reader_fractures_path(path))
    return _read_study(path.absolute(), *(text.read_bytes() if text.is_file() else b"" for text in texts))


@lru_cache(maxsize=2)
def _read_study(path: Path, _text: bytes, _readers_text: bytes) -> Study:
    try:
        sheet = read_sheet_text(path)
    except FileNotFoundError:
        raise QmriError(
            "there is no study sheet",
            where=path.name,
            remedy="qmri init DICOM_FOLDER writes one to start from",
        ) from None
    except IsADirectoryError as error:
        raise QmriError("the study sheet is a folder", where=path.name, expected="CSV in UTF-8") from error
    _check_header(list(sheet.header), path)
    base = path.resolve().parent
    exams = [_examination(cells, f"{path.name}, line {line}", base) for line, cells in sheet.rows]
    if not exams:
        raise QmriError("the study sheet has no examinations", where=path.name)
    check_names(exams, path)
    exams, told = as_the_reader_says(exams, path)
    exams.sort(key=lambda exam: (natural(exam.participant_id), natural(exam.session_id), exam.name))
    return Study(tuple(exams), (*sheet.notes, *alike(exams), *told))


def _check_header(names: list[str], path: Path) -> None:
    lacking = [name for name in REQUIRED if name not in names]
    if lacking:
        raise QmriError(
            "the study sheet lacks a column",
            where=path.name,
            found=", ".join(names) or "an empty file",
            expected=", ".join(lacking),
        )
    known = REQUIRED + OPTIONAL
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise QmriError(
                f"the study sheet has an unknown column {name!r}",
                where=path.name,
                expected=f"{near[0]}, perhaps" if near else ", ".join(known),
                remedy="rename the column or take it out; clinical data belong in a file of their own",
            )


def _examination(row: dict[str, str], where: str, base: Path) -> Examination:
    cells = {key: "" if text.lower() in MISSING else text for key, text in row.items()}
    for key in REQUIRED:
        if not cells[key]:
            raise QmriError(f"a row of the study sheet has no {key}", where=where)
    for key, prefix in (("participant_id", "sub-"), ("session_id", "ses-")):
        cells[key] = cells[key].removeprefix(prefix)
        if re.fullmatch(r"\d+\.0*|\d+(\.\d+)?[eE]\+?\d+", cells[key]):
            raise QmriError(
                f"a spreadsheet has turned {key} into a number",
                where=where,
                found=cells[key],
                expected="the id as the study writes it",
                remedy="format the column as text and write the id again",
            )
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._-]*", cells[key]):
            raise QmriError(
                f"{key} cannot stand in a file name",
                where=where,
                found=cells[key],
                expected="letters A-Z and a-z, digits, - _ and ., the first a letter or a digit",
                remedy="give it another id, and keep the list of which is which outside the study",
            )

    name = exam_name(cells["participant_id"], cells["session_id"])
    if len(name) > LONGEST_NAME:
        raise QmriError(
            "participant_id and session_id are too long for file names",
            where=where,
            found=f"{len(name)} characters in {name[:20]}...",
            expected=f"at most {LONGEST_NAME} in sub-<participant_id>_ses-<session_id>",
            remedy="give the participant a shorter id",
        )

    def path(key: str) -> Path | None:
        return (base / cells[key]).resolve() if cells.get(key) else None

    def levels(key: str) -> tuple[str, ...]:
        names = [text for text in re.split(r"[;,\s；，、]+", cells.get(key, "")) if text]
        return tuple(sort_levels({parse_level(text) for text in names}))

    try:
        return Examination(
            participant_id=cells["participant_id"],
            session_id=cells["session_id"],
            dicom_dir=(base / cells["dicom_dir"]).resolve(),
            lowest_level=parse_level(cells["lowest_level"]) if cells.get("lowest_level") else None,
            seeds=path("seeds"),
            labels=path("labels"),
            treated_levels=levels("treated_levels"),
            acute_levels=levels("acute_levels"),
            old_levels=levels("old_levels"),
            session_order=_whole_number(cells.get("session_order", "")),
        )
    except QmriError as error:
        error.where = where
        raise


def _whole_number(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise QmriError(
            "session_order is no whole number", found=text, expected="1 for the first session, 2 for the next"
        ) from None
