"""Files that are seen whole or not at all: written under another name and renamed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give another name to write a file under; it takes the file's place unless something fails."""
    staging = path.with_name(f".{path.name}.part")
    try:
        yield staging
        staging.replace(path)
    finally:
        staging.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file, so that no half-written one is ever seen."""
    with whole_file(path) as staging:
        staging.write_text(text, encoding="utf-8")
