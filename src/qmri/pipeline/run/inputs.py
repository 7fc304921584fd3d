"""What a run looks at before it plans: files given to it, by fingerprint and size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ARCHIVE_SHARE = 3.0
"""Files in a zip are taken for this many times as large."""


@dataclass(frozen=True)
class Need:
    """Memory that a stage needs, MB: a part of its own and one that grows with the stored pixels.

    Attributes
    ----------
    base
        Programs and libraries.
    per_megabyte
        For each MB of the examination's DICOM.
    """

    base: int
    per_megabyte: float

    def of(self, megabytes: float) -> int:
        """Return the memory in MB for an examination whose DICOM has this size."""
        return round(self.base + self.per_megabyte * megabytes)


# A stage alone holds 150 to 250 MB; on a cluster Snakemake, twice, and the worker are in the same job.
BASE = 800
MEMORY = {
    "ingest": Need(BASE, 6.0),
    "fit": Need(BASE, 8.0),
    "segment": Need(BASE, 5.0),
    "measure": Need(BASE, 3.0),
    "report": Need(BASE, 3.0),
}


@dataclass(frozen=True)
class Look:
    """What a look at a file, or at all files of a folder, tells.

    Attributes
    ----------
    fingerprint
        Short digest of names, sizes and times: it changes when an input is touched, added or taken away, and
        tells nothing about it.
    megabytes
        Size, of an archive as if unpacked.
    """

    fingerprint: str
    megabytes: float


def look_at(path: Path) -> Look:
    """Look at a file or a folder; one that is not there is empty."""
    lines, size = [], 0
    for name, stat in _files(path):
        lines.append(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n")
        size += stat.st_size
    digest = hashlib.sha256("".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()
    return Look(digest[:16], size / 1e6 * (ARCHIVE_SHARE if path.is_file() else 1.0))


def fingerprint(path: Path) -> str:
    """Return the fingerprint of a file or of all files in a folder."""
    return look_at(path).fingerprint


def _files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the file, or each in the folder and below, by its path from there; nothing where there is none.

    Entries of a folder are not made into paths: an examination has hundreds, a study millions.
    """
    if path.is_file():
        yield ".", path.stat()
    elif path.is_dir():
        yield from _below(str(path), "")


def _below(folder: str, name: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        entries = os.scandir(folder)
    except PermissionError:  # ingest refuses it; until then it counts as it stands
        yield name, Path(folder).stat()
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, f"{name}{entry.name}/")
            elif entry.is_file():
                yield f"{name}{entry.name}", entry.stat()
