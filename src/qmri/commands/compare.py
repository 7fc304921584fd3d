"""``qmri compare``: how two tables of the same vertebrae agree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qmri.cli import EXIT_OK
from qmri.errors import QmriError
from qmri.outputs import COMPARED

DESCRIPTION = """\
Compare two vertebrae.csv of the same levels: a reader against the pipeline, the scanner's maps against
the fit, a test against its retest. Rows are matched by participant, session and level; every participant
weighs the same. The intervals (*_low, *_high) are of 95 %; n/a where none can cover (docs/markers.md).

    qmri compare A.csv B.csv --out agreement
    qmri compare test.csv retest.csv --ignore-session     where the session tells A and B apart
"""
MISSING = ("", "n/a", "na", "nan")
DEFAULT_COLUMNS = tuple(COMPARED)
WITH_INTERVAL = ("bias", "lower", "upper", "icc_agreement", "icc_consistency")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("a", type=Path, metavar="A.csv", help="first table")
    parser.add_argument("b", type=Path, metavar="B.csv", help="second table")
    parser.add_argument(
        "--columns",
        nargs="+",
        metavar="NAME",
        help="what to compare (default: those of " + ", ".join(DEFAULT_COLUMNS) + " that both tables have)",
    )
    parser.add_argument("--ignore-session", action="store_true", help="match by participant and level alone")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for agreement.csv and bland_altman.png"
    )


def run(options: argparse.Namespace) -> int:
    """Print the agreement and write it with its picture where a folder is given."""
    import numpy as np

    from qmri.measure.comparison.agreement import agree
    from qmri.outputs import VERTEBRA_COLUMNS
    from qmri.outputs.tables import format_cell

    keys = (
        ["participant_id", "level"] if options.ignore_session else ["participant_id", "session_id", "level"]
    )
    tables = [_read(path, keys, options.columns or ()) for path in (options.a, options.b)]
    columns = options.columns or [
        name for name in DEFAULT_COLUMNS if all(name in each.columns for each in tables)
    ]
    first, second = (each.rows for each in tables)
    both = [key for key in first if key in second]
    people = np.array([key[0] for key in both])
    pairs, agreements = {}, {}
    fields = _fields(options.a, first, both) | _fields(options.b, second, both)
    for name in columns:
        if name.startswith("r2star") and len(fields) > 1:
            if options.columns:
                raise _several_fields(name, fields)
            sys.stdout.write(f"{name} is left out: the examinations are of {_told(fields)}\n")
            continue
        a, b = (np.array([each.number(key, name) for key in both]) for each in tables)
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() < 3:
            continue
        owners = np.unique(people[known], return_inverse=True)[1]
        pairs[name] = (a[known], b[known])
        agreements[name] = agree(a[known], b[known], owners)
    if not agreements:
        raise QmriError(
            "the tables have fewer than three levels in common",
            found=f"{len(both)} rows with the same keys",
            expected="the same participants, sessions and levels in both",
            remedy="--ignore-session matches by participant and level alone",
        )
    figures = list(vars(next(iter(agreements.values()))))
    lines = [["column", *figures]]
    lines += [[name, *(format_cell(value) for value in vars(a).values())] for name, a in agreements.items()]
    shown = [place for place, name in enumerate(lines[0]) if not name.endswith(("_low", "_high"))]
    _print([[line[place] for place in shown] for line in lines])
    sys.stdout.write("\n95 % intervals\n")
    _print([["column", *WITH_INTERVAL], *([name, *_intervals(a)] for name, a in agreements.items())])
    if options.out is not None:
        from qmri.report.bland_altman import write_bland_altman

        options.out.mkdir(parents=True, exist_ok=True)
        text = "".join(",".join(line) + "\n" for line in lines)
        (options.out / "agreement.csv").write_text(text, encoding="utf-8")
        units = {column.name: column.unit or "" for column in VERTEBRA_COLUMNS}
        write_bland_altman(options.out / "bland_altman.png", pairs, agreements, units)
    return EXIT_OK


def _fields(
    table: Path, rows: dict[tuple[str, ...], dict[str, str]], keys: list[tuple[str, ...]]
) -> set[str]:
    """Return the fields, T, of examinations, by the patients.csv beside their vertebrae.csv, if any."""
    from qmri.outputs.tables import read_rows

    patients = table.with_name("patients.csv")
    if not patients.is_file():
        return set()
    told = {(row["participant_id"], row["session_id"]): row.get("field_t", "") for row in read_rows(patients)}
    found = {told.get((rows[key]["participant_id"], rows[key].get("session_id", "")), "") for key in keys}
    return {f"{round(float(field), 1):g}" for field in found if field.casefold() not in MISSING}


def _told(fields: set[str]) -> str:
    return " and ".join(f"{field} T" for field in sorted(fields))


def _several_fields(name: str, fields: set[str]) -> QmriError:
    return QmriError(
        f"{name} cannot be compared over fields, on which R2* depends",
        found=_told(fields),
        expected="examinations of one field in both tables",
        remedy="compare the examinations of each field apart",
    )


def _intervals(found: object) -> list[str]:
    """Return the intervals of an agreement as they are printed."""
    from qmri.outputs.tables import MISSING, format_cell

    ends = [
        [format_cell(getattr(found, f"{name}_{end}")) for end in ("low", "high")] for name in WITH_INTERVAL
    ]
    return [low if low == MISSING else f"{low} to {high}" for low, high in ends]


def _print(lines: list[list[str]]) -> None:
    """Print a table with columns of even width."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(text.rstrip() + "\n")


@dataclass(frozen=True)
class _Table:
    """The rows of a table by participant, session and level; cells as text."""

    name: str
    columns: tuple[str, ...]
    rows: dict[tuple[str, ...], dict[str, str]]

    def number(self, key: tuple[str, ...], column: str) -> float:
        """Return a value, NaN where there is none."""
        cell = self.rows[key].get(column, "")
        if cell.casefold() in MISSING:
            return float("nan")
        try:
            return float(cell)
        except ValueError:
            raise QmriError(
                f"{column} of {' '.join(key)} is not a number",
                where=self.name,
                found=cell,
                expected="1.5 or n/a",
            ) from None


def _read(path: Path, keys: list[str], needed: Sequence[str]) -> _Table:
    from qmri.sheet_text import read_sheet_text

    try:
        sheet = read_sheet_text(path)
    except FileNotFoundError:
        raise QmriError("there is no such table", where=path.name) from None
    lacking = [name for name in [*keys, *needed] if name not in sheet.header]
    if lacking:
        raise QmriError("the table lacks a column", where=path.name, expected=", ".join(lacking))
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for _, cells in sheet.rows:
        key = tuple(cells[name] for name in keys)
        if key in rows:
            raise QmriError(
                "a table names a level twice",
                where=path.name,
                found=" ".join(key),
                expected="one row for each " + ", ".join(keys),
            )
        rows[key] = cells
    return _Table(path.name, sheet.header, rows)
