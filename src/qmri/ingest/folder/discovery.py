"""The examinations below a folder, as rows to start a study sheet from."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qmri.ingest.folder.listing import StudyContent, describe, list_studies
from qmri.ingest.folder.scan import scan_files
from qmri.ingest.folder.sources import open_sources
from qmri.ingest.selection.overrides import Overrides
from qmri.ingest.selection.selection import NothingUsableError


@dataclass(frozen=True)
class FoundExamination:
    """An examination that could be a row of a study sheet.

    Attributes
    ----------
    participant_id, session_id
        Running numbers; the sessions of a participant in the order of their dates.
    folder
        The folder, or the zip archive, that holds all of its files and no other examination;
        None where examinations lie mixed in one folder.
    refusal
        Why it would be refused as it is, or an empty text.
    """

    participant_id: str
    session_id: str
    folder: Path | None
    refusal: str


@dataclass(frozen=True)
class FoundStudy:
    """What lies below a folder.

    Attributes
    ----------
    examinations
        Those that could be rows of a study sheet.
    left_out
        A sentence for each study of the listing that could not.
    listing
        Everything that is there, for a reader.
    """

    examinations: tuple[FoundExamination, ...]
    left_out: tuple[str, ...]
    listing: str


def find_examinations(
    root: Path, *, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> FoundStudy:
    """Return the examinations below a folder, and the listing of everything that is there.

    Raises
    ------
    QmriError
        If there is no such folder.
    """
    with open_sources(root) as origins:
        scan = scan_files(list(origins), workers=workers, progress=progress)
        studies = list_studies(scan, Overrides())
    folders = _own_folders(root, studies, origins)
    sessions: dict[int, int] = defaultdict(int)
    numbers: dict[int, int] = {}
    found, left_out = [], []
    for number, (study, folder) in enumerate(zip(studies, folders, strict=True), start=1):
        if isinstance(study.refusal, NothingUsableError):
            left_out.append(
                f"study {number} of the listing, {len(study.frames)} images: {study.refusal.problem}"
            )
            continue
        participant = numbers.setdefault(study.patient, len(numbers) + 1)
        sessions[study.patient] += 1
        refusal = study.refusal.problem if study.refusal else ""
        found.append(
            FoundExamination(f"{participant:02d}", f"{sessions[study.patient]:02d}", folder, refusal)
        )
    return FoundStudy(tuple(found), tuple(left_out), describe(scan, studies, as_one=False))


def _own_folders(
    root: Path, studies: Sequence[StudyContent], origins: Mapping[Path, Path]
) -> list[Path | None]:
    """Return for each study the folder that holds it and no other, None where there is none."""
    places = [{origins[frame.path] for frame in study.frames} for study in studies]
    folders: list[Path | None] = []
    for number, own in enumerate(places):
        others = [file for other, files in enumerate(places) if other != number for file in files]
        folder = _common_folder(root, own)
        folders.append(_widest(root, folder, others) if not _any_within(others, folder) else None)
    return folders


def _common_folder(root: Path, files: Iterable[Path]) -> Path:
    """Return the one archive, or the folder common to all files."""
    paths = sorted(files)
    if len(paths) == 1 and (paths[0] == root or paths[0].suffix.lower() == ".zip"):
        return paths[0]
    return Path(os.path.commonpath([path.parent for path in paths]))


def _widest(root: Path, folder: Path, others: Sequence[Path]) -> Path:
    """Return the folder furthest up, but not above the root, that holds none of the others."""
    while folder != root and not _any_within(others, folder.parent):
        folder = folder.parent
    return folder


def _any_within(files: Iterable[Path], folder: Path) -> bool:
    return any(file == folder or folder in file.parents for file in files)
