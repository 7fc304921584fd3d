"""What tells that something has changed: size and time of a file, a digest of words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def size_and_time(path: Path | str) -> str:
    """Return size and time of change of a file, or a dash where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - of 50,000 files, none of which need be a path
    except FileNotFoundError:
        return "-"
    return f"{stat.st_size} {stat.st_mtime_ns}"


def digest(words: Iterable[str]) -> str:
    """Return the SHA-256 of words, one to a line, in hexadecimal."""
    found = hashlib.sha256()
    for word in words:
        found.update(f"{word}\n".encode(errors="surrogateescape"))
    return found.hexdigest()
