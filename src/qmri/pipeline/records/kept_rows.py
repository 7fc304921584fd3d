"""Rows of tables that were made before, kept with a digest of what they were made from.

The file has a line for each part of the tables: its name, the digest, and its rows by table as JSON. The
tables themselves would not do: Snakemake takes them away before it has them made anew.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

Texts = Mapping[str, str]
"""Rows as CSV without a header, by table."""


class KeptRows:
    """The rows of a former join, and those of the one at work.

    Parameters
    ----------
    former, new
        The files of both; there may be no former one.
    """

    def __init__(self, former: BinaryIO | None, new: BinaryIO) -> None:
        self._former, self._new = former, new
        self._places: dict[tuple[bytes, ...], int] = {}
        place = 0
        for line in former or ():
            self._places[tuple(line.split(b"\t", 2)[:2])] = place
            place += len(line)

    def rows(self, name: str, made_from: str, make: Callable[[], Texts]) -> Texts:
        """Return the rows of a part; they are made where none are kept that were made from the same."""
        texts = self._kept(name, made_from)
        if texts is None:
            texts = make()
        self._new.write(f"{name}\t{made_from}\t{json.dumps(texts)}\n".encode())
        return texts

    def _kept(self, name: str, made_from: str) -> Texts | None:
        place = self._places.get((name.encode(), made_from.encode()))
        if place is None or self._former is None:
            return None
        self._former.seek(place)
        try:
            texts: Texts = json.loads(self._former.readline().split(b"\t", 2)[2])
        except ValueError:  # a line that a power failure has cut short
            return None
        return texts


@contextmanager
def kept_rows(path: Path) -> Iterator[KeptRows]:
    """Give the rows that a file keeps; in the end it keeps those that were asked for."""
    staging = path.with_name(f"{path.name}.part")
    try:
        with ExitStack() as opened:
            former = opened.enter_context(path.open("rb")) if path.is_file() else None
            yield KeptRows(former, opened.enter_context(staging.open("wb")))
        try:
            staging.replace(path)
        except OSError as error:  # no reason to lose the tables
            log.warning(
                "%s is not kept (%s): the next time all rows are made again", path.name, error.strerror
            )
    finally:
        staging.unlink(missing_ok=True)
