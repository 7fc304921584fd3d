"""Tables joined from parts: a part that has not changed is taken from the former tables as it stands.

A note beside the tables has the key of each part and how many bytes of each table are its own. It counts only
for the tables that were written with it: once one of them is another, everything is joined anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

Texts = Mapping[str, str]


@dataclass(frozen=True)
class _Part:
    key: str
    places: Mapping[str, tuple[int, int]]


@dataclass
class JoinedTables:
    """The tables of a study while they are written, part by part.

    Attributes
    ----------
    files, former
        The new tables and those of the note, by name.
    known
        Where the parts of the former tables lie.
    """

    files: Mapping[str, BinaryIO]
    former: Mapping[str, BinaryIO]
    known: Mapping[str, _Part]
    written: dict[str, tuple[str, dict[str, int]]] = field(default_factory=dict)

    def is_known(self, name: str, key: str) -> bool:
        """Tell whether a part stands in the former tables as it is to be."""
        return name in self.known and self.known[name].key == key

    def add(self, name: str, key: str, make: Callable[[], Texts]) -> Texts:
        """Write the rows of a part, by table without a header, and return them.

        Parameters
        ----------
        name, key
            The part, and a digest of what its rows depend on.
        make
            Makes the rows where the former tables do not have them.
        """
        if self.is_known(name, key):
            texts: Texts = {table: self._former(table, *at) for table, at in self.known[name].places.items()}
        else:
            texts = make()
        lengths = {}
        for table, text in texts.items():
            lengths[table] = self.files[table].write(text.encode())
        self.written[name] = (key, lengths)
        return texts

    def _former(self, table: str, place: int, length: int) -> str:
        self.former[table].seek(place)
        return self.former[table].read(length).decode()


@contextmanager
def joined_tables(
    paths: Mapping[str, Path], headers: Texts, note: Path, basis: str
) -> Iterator[JoinedTables]:
    """Give tables to write part by part; in the end all replace the former ones, or none if something fails.

    Parameters
    ----------
    paths, headers
        Of the tables, by name.
    note
        Where the parts of these tables are noted.
    basis
        What all rows depend on: version, settings.
    """
    basis = digest(basis, *headers.values())
    staging = {name: path.with_name(f".{path.name}.part") for name, path in paths.items()}
    with ExitStack() as opened:
        known = _known(note, paths, headers, basis)
        former = {name: opened.enter_context(path.open("rb")) for name, path in paths.items() if known}
        try:
            with ExitStack() as written:
                files = {
                    name: written.enter_context(path.open("wb", buffering=1 << 20))
                    for name, path in staging.items()
                }
                for name, header in headers.items():
                    files[name].write(header.encode())
                tables = JoinedTables(files, former, known)
                yield tables
            for name, path in paths.items():
                staging[name].replace(path)
        finally:
            for path in staging.values():
                path.unlink(missing_ok=True)
    told = {
        "basis": basis,
        "tables": [size_and_time(path) for path in paths.values()],
        "parts": tables.written,
    }
    note.write_text(json.dumps(told, separators=(",", ":")), encoding="utf-8")


def digest(*words: object) -> str:
    """Return a digest of what something depends on."""
    return hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()[:32]


def size_and_time(path: Path | str) -> str:
    """Return size and time of a file, by which a changed one is known; a dash where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - of tens of thousands of files, none of which need be a path
    except FileNotFoundError:
        return "-"
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _known(note: Path, paths: Mapping[str, Path], headers: Texts, basis: str) -> dict[str, _Part]:
    """Return where parts lie in the tables that are there; none where the note is not of these."""
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(told, dict) or told.get("basis") != basis:
        return {}
    if told["tables"] != [size_and_time(path) for path in paths.values()]:
        return {}
    at = {name: len(header.encode()) for name, header in headers.items()}
    parts = {}
    for name, (key, lengths) in told["parts"].items():
        parts[name] = _Part(key, {table: (at[table], length) for table, length in lengths.items()})
        for table, length in lengths.items():
            at[table] += length
    return parts
