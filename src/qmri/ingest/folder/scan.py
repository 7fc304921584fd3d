"""Read the headers of a whole folder, in parallel where it is large."""

from __future__ import annotations

import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from qmri.errors import QmriError
from qmri.ingest.folder.reading import read_file
from qmri.ingest.headers.deviations import repaired
from qmri.ingest.headers.header import FileHeader, Frame
from qmri.ingest.headers.identity import PatientIdentity
from qmri.ingest.headers.uids import settle

MANY_FILES = 500
"""From here on the start of other processes is worth its time."""
CHUNK = 50
FEWEST_SHARING = 3
"""Different images with one instance UID from which on the UID is at fault and not one of the images."""


@dataclass(frozen=True)
class Scan:
    """What a folder holds.

    Attributes
    ----------
    frames
        Every MR image, the same instance once.
    copies
        Further files of an instance, by (instance UID, frame): the images that are kept out.
    files
        Number of files of each kind: image, other, damaged, foreign.
    patients
        Everyone who is named, images or not.
    damage
        What was wrong with damaged files, each with the number of them and the first.
    others
        What other DICOM there is, each with the number of files.
    warnings
        Sentences about headers that were taken otherwise than they are written.
    """

    frames: tuple[Frame, ...]
    copies: dict[tuple[str, int], tuple[Frame, ...]]
    files: dict[str, int]
    patients: tuple[PatientIdentity, ...]
    damage: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def scan_files(
    paths: Sequence[Path], *, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> Scan:
    """Read the headers of files.

    Parameters
    ----------
    paths
        The files; the result does not depend on their order.
    workers
        Number of processes for large folders.
    progress
        Called with the number of files read since the last call, and that of all.
    """
    total = len(paths)
    tell = (lambda count: progress(count, total)) if progress else _nobody_listens
    if workers < 2 or len(paths) < MANY_FILES:
        headers = [header for path in paths for header in _read_chunk([path], tell)]
    else:
        headers = _read_in_parallel(paths, workers, tell)
    return collect(headers)


def collect(headers: Iterable[FileHeader]) -> Scan:
    """Put the headers of a folder together; the same instance counts once."""
    headers = list(headers)
    frames = [frame for header in headers for frame in header.frames]
    settled, warnings = settle(frames)
    settled, repairs = repaired(settled)
    warnings += repairs
    by_instance, shared = _by_instance(settled)
    if shared:
        warnings += (f"SOPInstanceUID (0008,0018) is shared by {shared} images that differ; it was ignored",)
    copies = {
        (members[0].instance, members[0].index): tuple(members[1:])
        for members in by_instance
        if len(members) > 1
    }
    return Scan(
        frames=tuple(members[0] for members in by_instance),
        copies=copies,
        files=dict(sorted(Counter(header.kind for header in headers).items())),
        patients=tuple(dict.fromkeys(header.patient for header in headers if header.patient)),
        damage=_counted([header for header in headers if header.kind == "damaged"]),
        others=_counted([header for header in headers if header.kind == "other"]),
        warnings=warnings,
    )


def _by_instance(frames: Sequence[Frame]) -> tuple[list[list[Frame]], int]:
    """Return the files of each instance, and the number of images whose instance UID is no such thing.

    Two files of one instance are copies, which must agree. A UID that three images of different place,
    echo or content share was written by an anonymiser and tells nothing.
    """
    known: dict[tuple[str, int], list[Frame]] = defaultdict(list)
    groups: list[list[Frame]] = []
    for frame in frames:
        if frame.instance:
            known[frame.instance, frame.index].append(frame)
        else:
            groups.append([frame])
    shared = 0
    for members in known.values():
        apart: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
        for frame in members:
            place = frame.plane.position if frame.plane else None
            apart[place, frame.echo_time_ms, frame.hints, frame.series, frame.instance_number].append(frame)
        if len(apart) < FEWEST_SHARING:
            groups.append(members)
        else:
            shared += len(members)
            groups += [[replace(frame, instance="")] for frame in members]
    return groups, shared


def _counted(headers: Sequence[FileHeader]) -> tuple[str, ...]:
    """Return each reason with the number of files and the first of them that can be named."""
    by_reason: dict[str, list[FileHeader]] = defaultdict(list)
    for header in headers:
        by_reason[header.reason or "without images"].append(header)
    notes = []
    for reason, members in sorted(by_reason.items()):
        labels = sorted({header.label for header in members} - {""})
        first = f" ({'first ' if len(members) > 1 else ''}{labels[0]})" if labels else ""
        notes.append(f"{reason} in {len(members)} file{'s' * (len(members) > 1)}{first}")
    return tuple(notes)


def check_one_patient(scan: Scan) -> None:
    """Check that a folder is of one person.

    Raises
    ------
    QmriError
        If two headers name different people. They are not named.
    """
    for one, other in combinations(scan.patients, 2):
        contradictions = one.contradictions(other)
        if contradictions:
            raise QmriError(
                "the folder holds images of two patients",
                found="different " + " and ".join(contradictions),
                expected="one examination of one patient",
                remedy="put each examination into a folder of its own; qmri init lists them",
            )


def _read_in_parallel(paths: Sequence[Path], workers: int, tell: Callable[[int], None]) -> list[FileHeader]:
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    headers: list[FileHeader] = []
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            for chunk in pool.map(_read_all, chunks):
                headers.extend(chunk)
                tell(len(chunk))
    except BrokenProcessPool as error:
        raise QmriError(
            "a process that reads headers was ended from outside", remedy="give the machine more memory"
        ) from error
    return headers


def _read_all(paths: Sequence[Path]) -> list[FileHeader]:
    return [read_file(path) for path in paths]


def _read_chunk(paths: Sequence[Path], tell: Callable[[int], None]) -> list[FileHeader]:
    headers = _read_all(paths)
    tell(len(headers))
    return headers


def _nobody_listens(_: int) -> None:
    return None
