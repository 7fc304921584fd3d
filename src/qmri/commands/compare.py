"""``qmri compare``: how two tables of the same vertebrae agree."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK
from qmri.errors import QmriError

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = """\
Compare two vertebrae.csv of the same levels: a reader against the pipeline, the scanner's maps against
the fit, a test against its retest. Rows are matched by participant, session and level.

    qmri compare A.csv B.csv --out agreement
    qmri compare test.csv retest.csv --ignore-session     where the session tells A and B apart
"""
DEFAULT_COLUMNS = (
    "pdff_median_pct",
    "r2star_median_per_s",
    "height_ant_mm",
    "height_mid_mm",
    "height_post_mm",
    "wedge_angle_deg",
)


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
    tables = [_read(path, [*keys, *(options.columns or ())]) for path in (options.a, options.b)]
    columns = options.columns or [name for name in DEFAULT_COLUMNS if all(name in table for table in tables)]
    tables = [_one_row_each(table[[*keys, *columns]], keys) for table in tables]
    both = tables[0].merge(tables[1], on=keys, suffixes=("_a", "_b"), how="inner", validate="one_to_one")
    pairs, agreements = {}, {}
    for name in columns:
        known = both[[f"{name}_a", f"{name}_b"]].notna().all(axis=1).to_numpy()
        if known.sum() < 3:
            continue
        first, second = (both[f"{name}_{side}"].to_numpy(float)[known] for side in "ab")
        owners = np.unique(both["participant_id"].to_numpy(str)[known], return_inverse=True)[1]
        pairs[name] = (first, second)
        agreements[name] = agree(first, second, owners)
    if not agreements:
        raise QmriError(
            "the tables have fewer than three levels in common",
            found=f"{len(both)} rows with the same keys",
            expected="the same participants, sessions and levels in both",
            remedy="--ignore-session matches by participant and level alone",
        )
    fields = list(vars(next(iter(agreements.values()))))
    lines = [["column", *fields]]
    lines += [[name, *(format_cell(value) for value in vars(a).values())] for name, a in agreements.items()]
    widths = [max(len(line[place]) for line in lines) for place in range(len(fields) + 1)]
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(text.rstrip() + "\n")
    if options.out is not None:
        from qmri.report.bland_altman import write_bland_altman

        options.out.mkdir(parents=True, exist_ok=True)
        text = "".join(",".join(line) + "\n" for line in lines)
        (options.out / "agreement.csv").write_text(text, encoding="utf-8")
        units = {column.name: column.unit or "" for column in VERTEBRA_COLUMNS}
        write_bland_altman(options.out / "bland_altman.png", pairs, agreements, units)
    return EXIT_OK


def _read(path: Path, needed: list[str]) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(("participant_id", "session_id", "level"), str))
    except FileNotFoundError:
        raise QmriError("there is no such table", where=path.name) from None
    except (pd.errors.ParserError, UnicodeDecodeError, pd.errors.EmptyDataError) as error:
        raise QmriError("the table cannot be read", where=path.name, found=str(error)) from error
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise QmriError("the table lacks a column", where=path.name, expected=", ".join(lacking))
    return table


def _one_row_each(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    twice = table[table.duplicated(keys)]
    if len(twice):
        raise QmriError(
            "a table names a level twice",
            found=" ".join(twice.iloc[0][keys]),
            expected="one row for each " + ", ".join(keys),
        )
    return table
