"""The marker tables as text: what a value looks like, which columns there are, what they mean."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import compress
from pathlib import Path

import numpy as np

from qmri.outputs import Column

MISSING = "n/a"
SIGNIFICANT_DIGITS = 6

Cell = str | float | int | bool | None
TableRow = Mapping[str, Cell]


def format_cell(value: Cell) -> str:
    """Return a value as it stands in a table: six significant digits, 1 and 0 for yes and no, n/a."""
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, float):
        return f"{value + 0.0:.{SIGNIFICANT_DIGITS}g}"
    return " ".join(str(value).splitlines()) or MISSING


def table_text(rows: Iterable[TableRow], columns: Sequence[Column]) -> str:
    """Return rows as CSV with exactly the given columns; what a row lacks is n/a.

    Raises
    ------
    KeyError
        If a row has a column that the registry does not know.
    """
    names = [column.name for column in columns]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        unknown = sorted(set(row) - set(names))
        if unknown:
            raise KeyError(f"not in the registry of columns: {', '.join(unknown)}")
        writer.writerow([format_cell(row.get(name)) for name in names])
    return out.getvalue()


def dictionary(columns: Sequence[Column]) -> dict[str, dict[str, object]]:
    """Return the JSON dictionary of a table, in the words of BIDS."""
    described: dict[str, dict[str, object]] = {}
    for column in columns:
        entry: dict[str, object] = {"Description": column.description}
        if column.unit:
            entry["Units"] = column.unit
        if column.levels:
            entry["Levels"] = column.levels
        if column.plausible:
            entry["PlausibleRange"] = list(column.plausible)
        if column.known_at:
            entry["known_at"] = column.known_at
        entry["Source"] = column.source
        described[column.name] = entry
    return described


def read_rows(
    path: Path, columns: Collection[str] | None = None, *, participant: str | None = None
) -> list[dict[str, str]]:
    """Read a table that qmri wrote, each row as text by column; tabs separate the cells of a ``.tsv``.

    Parameters
    ----------
    path
        The table.
    columns
        Those to keep, None for all: all rows of 10,000 examinations take a gigabyte.
    participant
        The participant_id whose rows to keep, None for all.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with path.open(newline="", encoding="utf-8-sig") as file:
        if columns is None and participant is None:
            return list(csv.DictReader(file, delimiter=delimiter))
        lines = csv.reader(file, delimiter=delimiter)
        header = next(lines, [])
        kept = [columns is None or name in columns for name in header]
        names = list(compress(header, kept))
        owner = header.index("participant_id") if participant is not None else None
        return [
            dict(zip(names, compress(cells, kept), strict=True))
            for cells in lines
            if cells and (owner is None or cells[owner] == participant)
        ]
