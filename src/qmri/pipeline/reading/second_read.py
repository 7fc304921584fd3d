"""Where two readers' label maps of one examination lie, and whether each stands behind theirs.

The first read is the label map that counts. A blinded second read is ``review/<READER>/<exam>_dseg.nii.gz``
with its note; no table follows it. Before a consensus takes the place of the first read, that is kept in
``review/_first_read``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from qmri.images.sidecar import sidecar_path
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.reading.readings import FIRST, FOLDER, INITIALS, SECOND, Reading
from qmri.pipeline.records.models import SegmentRecord
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.records.record_files import read_records
from qmri.pipeline.records.whole_file import whole_file
from qmri.segment.label_table import table_path

CHANGES = ("shift", "rename", "delete", "add", "move", "paint", "undo")
"""Decisions after which a reader has to confirm anew."""
FIRST_READ_FOLDER, AUTOMATIC_FOLDER = "_first_read", "_automatic"
ENDING = "_dseg.nii.gz"


@dataclass(frozen=True)
class Verdict:
    """What a reader says of an examination as a whole.

    Attributes
    ----------
    reader
        Initials.
    usable
        Whether it can be used: a reader who confirms the labels says so.
    labels
        The label map that was confirmed; None where it is not usable.
    """

    reader: str
    usable: bool
    labels: Path | None = None


def second_read_path(results: Path, reader: str, exam: str) -> Path:
    """Return where the label map of a second read lies."""
    return results / FOLDER / reader / f"{exam}{ENDING}"


def second_reads(results: Path, readings: Sequence[Reading]) -> list[tuple[str, str]]:
    """Return reader and examination of every second read that was begun, in order."""
    files = (results / FOLDER).glob(f"*/*{ENDING}")
    begun = {(path.parent.name, path.name.removesuffix(ENDING)) for path in files}
    begun = {pair for pair in begun if INITIALS.fullmatch(pair[0])}
    return sorted(begun | {(each.reader, each.examination) for each in readings if each.read == SECOND})


def first_verdict(results: Path, readings: Sequence[Reading], exam: str) -> Verdict | str:
    """Return what the first reader says of an examination, or why nobody stands behind its labels."""
    said = [each for each in _independent(readings, exam) if each.read == FIRST]

    def confirmed(digest: str) -> Path | None:
        kept = kept_first_read(results, exam)
        directory = exam_directory(results, exam, "segment")
        counts = file_path(directory, exam, "labels")
        if kept.is_file():
            return kept
        found = _of_checksum([counts, directory / f"{exam}_desc-manual{ENDING}"], digest)
        record = read_records(results, exam).of(SegmentRecord)
        reader = record.decisions.reader if record is not None else None
        return counts if found is None and reader is not None and reader.sha256 == digest else found

    return _verdict(said, confirmed, "the first reader")


def second_verdict(results: Path, readings: Sequence[Reading], exam: str, reader: str) -> Verdict | str:
    """Return what a second reader says of an examination, or why they do not stand behind their labels."""
    before = _independent(readings, exam, reader)
    said = [each for each in before if each.read == SECOND and each.reader == reader]
    path = second_read_path(results, reader, exam)
    return _verdict(said, lambda digest: _of_checksum([path], digest), "the second reader")


def _of_checksum(paths: Sequence[Path], digest: str) -> Path | None:
    return next((path for path in paths if path.is_file() and sha256(path) == digest), None)


def _independent(readings: Sequence[Reading], exam: str, reader: str | None = None) -> Iterator[Reading]:
    """Yield what was decided on an examination before a consensus, or before one that ``reader`` shared."""
    of_exam = (each for each in readings if each.examination == exam)
    return takewhile(lambda each: not shares_consensus(each, reader), of_exam)


def consensus_detail(taken: str, readers: Sequence[str]) -> str:
    """Return what the log says of a consensus: what was taken, and whose it is."""
    return f"{taken}; {', '.join(readers)}"


def shares_consensus(reading: Reading, reader: str | None = None) -> bool:
    """Tell whether a reading is a consensus, and one of ``reader`` if one is named."""
    readers = reading.detail.partition("; ")[2].split(", ")
    return reading.decision == "consensus" and (reader is None or reader in readers)


def _verdict(said: Sequence[Reading], confirmed: Callable[[str], Path | None], who: str) -> Verdict | str:
    """Return the last word: a confirmation after which nothing changed, or that it cannot be used.

    ``confirmed`` gives the label map that a confirmation of a checksum was said of.
    """
    last: Reading | None = None
    for reading in said:
        if reading.decision in ("confirm", "not_usable"):
            last = reading
        elif reading.decision in CHANGES or (reading.decision == "usable" and last and not _confirms(last)):
            last = None
    if last is None:
        return f"{who} has not confirmed it"
    if not _confirms(last):
        return Verdict(last.reader, usable=False)
    labels = confirmed(last.sha256)
    if labels is None:
        return f"the labels are not those that {who} confirmed"
    return Verdict(last.reader, usable=True, labels=labels)


def _confirms(reading: Reading) -> bool:
    return reading.decision == "confirm"


def kept_first_read(results: Path, exam: str) -> Path:
    """Return where the first read of an examination is kept once there is a consensus."""
    return results / FOLDER / FIRST_READ_FOLDER / f"{exam}{ENDING}"


def keep_first_read(results: Path, readings: Sequence[Reading], exam: str) -> Path | None:
    """Keep the first read before a consensus takes its place; nothing where there is none to keep."""
    path = kept_first_read(results, exam)
    verdict = first_verdict(results, readings, exam)
    if path.is_file() or isinstance(verdict, str) or verdict.labels is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as staging:
        shutil.copyfile(verdict.labels, staging)
    return path


def fractures_said(
    readings: Sequence[Reading], exam: str, read: str, reader: str | None = None
) -> dict[str, str]:
    """Return what was said last of a fracture of each level, by a reader or by anybody of that read."""
    return {
        each.level: " ".join(sorted(each.detail.split()))
        for each in _independent(readings, exam, reader)
        if each.decision == "fracture" and each.read == read and reader in (None, each.reader)
    }


def settled(readings: Sequence[Reading], exam: str, reader: str) -> bool:
    """Tell whether an examination is as a consensus left it, and a second reader shared one.

    Confirming it once more changes nothing.
    """
    said = [each for each in readings if each.examination == exam and each.read == FIRST]
    words = [
        each.decision for each in said if each.decision in ("consensus", "not_usable", "usable", *CHANGES)
    ]
    return words[-1:] == ["consensus"] and any(shares_consensus(each, reader) for each in said)


def automatic_labels(results: Path, exam: str) -> Path | None:
    """Return the labels before any reader, where there are some: a blinded read starts from them."""
    here = file_path(exam_directory(results, exam, "segment"), exam, "auto_labels")
    kept = results / FOLDER / AUTOMATIC_FOLDER / here.name
    return next((path for path in (here, kept) if all(each.is_file() for each in _with_table(path))), None)


def keep_automatic(results: Path, exam: str) -> None:
    """Keep the automatic labels of an examination that a reader calls not usable: its stage drops them."""
    path = automatic_labels(results, exam)
    folder = results / FOLDER / AUTOMATIC_FOLDER
    if path is None or path.parent == folder:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for file in _with_table(path):
        with whole_file(folder / file.name) as staging:
            shutil.copyfile(file, staging)


def _with_table(label_map: Path) -> tuple[Path, Path, Path]:
    return table_path(label_map), sidecar_path(label_map), label_map
