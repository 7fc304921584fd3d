"""What a run looks at before it plans: files given to it, by fingerprint and size."""

from __future__ import annotations

import hashlib
import os
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
    lines: list[str] = []
    if path.is_file():
        size = ARCHIVE_SHARE * _look(".", path.stat(), lines)
    else:
        size = _look_below(str(path), None, "", lines) if path.is_dir() else 0.0
    digest = hashlib.sha256("".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()
    return Look(digest[:16], size / 1e6)


def fingerprint(path: Path) -> str:
    """Return the fingerprint of a file or of all files in a folder."""
    return look_at(path).fingerprint


def _look(name: str, stat: os.stat_result, lines: list[str]) -> int:
    lines.append(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n")
    return stat.st_size


def _look_below(folder: str, parent: int | None, name: str, lines: list[str]) -> int:
    """Note each file in a folder and below, by its path from there, and return their size.

    An examination has hundreds of files, a study millions, so they are asked for by the descriptor of their
    folder, whose path need not be gone through for each.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)
    except PermissionError:  # ingest refuses it; until then it counts as it stands
        return _look(name, os.stat(folder, dir_fd=parent), lines)
    size = 0
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    size += _look_below(entry.name, descriptor, f"{name}{entry.name}/", lines)
                elif entry.is_file():
                    size += _look(f"{name}{entry.name}", entry.stat(), lines)
    finally:
        os.close(descriptor)
    return size
