"""A first look at an examination's folder: who and when, from a handful of its files.

Reading every header of a study takes as long as ingesting it; a few images spread over each folder tell
whose they are, when they were acquired, and whether the same images stand elsewhere. What is found is
compared within a run, as hashes with a key that is drawn anew and kept nowhere.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from qmri.ingest.headers.elements import readable_text
from qmri.ingest.headers.identity import PatientIdentity, Relation, patient_identity

IMAGES_READ = 5
FILES_TRIED = 25
DATES = ("AcquisitionDate", "SeriesDate", "StudyDate")
EARLIEST_YEAR = 1985
"""Dates before were written by anonymisers."""
LEAST_SHADES = 32
"""Fewer different bytes are an empty slice, which any two examinations may share."""

Content = bytes | Path


@dataclass(frozen=True)
class QuickScan:
    """What a few images of a folder tell.

    Attributes
    ----------
    files
        Number of files; 0 where there is no such folder.
    images
        Images that were read.
    patient
        Whose they are, hashed with the key of the run.
    two_people
        Whether they are of more than one person.
    day
        Proleptic ordinal of the acquisition date, None where no date is given.
    contents
        Keyed hashes of the images' pixels and of their instance UIDs.
    """

    files: int = 0
    images: int = 0
    patient: PatientIdentity = field(default_factory=PatientIdentity)
    two_people: bool = False
    day: int | None = None
    contents: frozenset[str] = frozenset()


def quick_scan(source: Path, key: bytes) -> QuickScan:
    """Look at a folder or a zip archive; what cannot be read counts as absent.

    Parameters
    ----------
    source
        Folder of an examination.
    key
        Secret of the run, up to 64 bytes.
    """
    files, images = _looked_at(source)
    people = [patient_identity(header).hashed(key) for header in images]
    return QuickScan(
        files=files,
        images=len(images),
        patient=people[0] if people else PatientIdentity(),
        two_people=any(people[0].relation(other) is Relation.DIFFERENT for other in people[1:]),
        day=_first_day(images),
        contents=frozenset(digest for header in images for digest in _digests(header, key)),
    )


def first_day(source: Path) -> int | None:
    """Return the ordinal of the day that `quick_scan` finds, without looking at anything else."""
    return _first_day(_looked_at(source)[1])


def _looked_at(source: Path) -> tuple[int, list[Dataset]]:
    """Return the number of files of a folder or archive, and a few images spread over them."""
    readers = _readers(source)
    images = []
    for place in islice(_spread(len(readers)), FILES_TRIED):
        header = _read(readers[place])
        if header is not None:
            images.append(header)
        if len(images) == IMAGES_READ:
            break
    return len(readers), images


def _first_day(images: Sequence[Dataset]) -> int | None:
    return min((day for header in images if (day := acquisition_day(header)) is not None), default=None)


def acquisition_day(header: Dataset) -> int | None:
    """Return the ordinal of the day of acquisition, None where no date is given."""
    for name in DATES:
        digits = "".join(filter(str.isdigit, readable_text(header, name)))[:8]
        try:
            date = datetime.datetime.strptime(digits, "%Y%m%d").date()
        except ValueError:
            continue
        if date.year >= EARLIEST_YEAR:
            return date.toordinal()
    return None


def _readers(source: Path) -> list[Callable[[], Content]]:
    """Return for each file of a folder or archive how to get at it, in a fixed order."""
    if source.is_dir():
        paths = sorted(f"{folder}/{name}" for folder, _, names in os.walk(source) for name in names)
        return [partial(Path, path) for path in paths]
    try:
        with zipfile.ZipFile(source) as archive:
            names = sorted(item.filename for item in archive.infolist() if not item.is_dir())
    except (OSError, zipfile.BadZipFile):
        return [partial(Path, source)] if source.is_file() else []
    return [partial(_member, source, name) for name in names]


def _member(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as opened:
        return opened.read(name)


def _read(reader: Callable[[], Content]) -> Dataset | None:
    try:
        content = reader()
        with warnings.catch_warnings(), pydicom.config.disable_value_validation():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(io.BytesIO(content) if isinstance(content, bytes) else content)
            return header if "PixelData" in header else None
    except (InvalidDicomError, zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError):
        return None


def _digests(header: Dataset, key: bytes) -> list[str]:
    pixels = bytes(header.PixelData)
    known = [b"uid" + readable_text(header, "SOPInstanceUID").encode()]
    known += [b"pixels" + pixels] if len(set(pixels)) >= LEAST_SHADES else []
    return [
        hashlib.blake2b(content, key=key, digest_size=16).hexdigest()
        for content in known
        if content != b"uid"
    ]


def _spread(count: int) -> Iterator[int]:
    """Go through places from 0 to count: the ends first, then the middle, then the quarters, and so on."""
    ends = dict.fromkeys((0, count - 1) if count else ())
    yield from ends
    seen, step = set(ends), count
    while step > 1:
        step = (step + 1) // 2
        new = [place for place in range(0, count, step) if place not in seen]
        seen.update(new)
        yield from new
