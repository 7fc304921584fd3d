"""Read the headers of a whole folder, in parallel where it is large."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from qmri.errors import QmriError
from qmri.ingest.header import FileHeader, Frame
from qmri.ingest.identity import PatientIdentity
from qmri.ingest.reading import read_file

MANY_FILES = 500
"""From here on the start of other processes is worth its time."""
CHUNK = 50


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
        What was wrong with damaged files.
    """

    frames: tuple[Frame, ...]
    copies: dict[tuple[str, int], tuple[Frame, ...]]
    files: dict[str, int]
    patients: tuple[PatientIdentity, ...]
    damage: tuple[str, ...] = ()


def scan_files(
    paths: Sequence[Path], *, workers: int = 1, progress: Callable[[int], None] | None = None
) -> Scan:
    """Read the headers of files.

    Parameters
    ----------
    paths
        The files; the result does not depend on their order.
    workers
        Number of processes for large folders.
    progress
        Called with the number of files read since the last call.
    """
    tell = progress or _nobody_listens
    if workers < 2 or len(paths) < MANY_FILES:
        headers = [header for path in paths for header in _read_chunk([path], tell)]
    else:
        headers = _read_in_parallel(paths, workers, tell)
    return collect(headers)


def collect(headers: Iterable[FileHeader]) -> Scan:
    """Put the headers of a folder together; the same instance counts once."""
    headers = list(headers)
    by_instance: dict[tuple[str, int], list[Frame]] = {}
    for header in headers:
        for frame in header.frames:
            by_instance.setdefault((frame.instance, frame.index), []).append(frame)
    copies = {key: tuple(frames[1:]) for key, frames in by_instance.items() if len(frames) > 1}
    return Scan(
        frames=tuple(frames[0] for frames in by_instance.values()),
        copies=copies,
        files=dict(sorted(Counter(header.kind for header in headers).items())),
        patients=tuple(dict.fromkeys(header.patient for header in headers if header.patient)),
        damage=tuple(sorted({header.reason for header in headers if header.kind == "damaged"})),
    )


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
