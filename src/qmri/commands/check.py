"""``qmri check``: what is known of a study before it runs."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK, EXIT_REFUSED
from qmri.words import counted

if TYPE_CHECKING:
    from qmri.config import Config
    from qmri.pipeline.study.preflight import Finding, Row

DESCRIPTION = """\
Look at a study before it runs, and write nothing: are the folders there, whose images are they, in
which order were the sessions acquired, does anything stand twice, which settings are in force, what is
done already.

    qmri check study.csv                    the rows of the sheet
    qmri check study.csv --out results      and what a run into that folder would find there

Exit status: 0 qmri run would start, 1 something must be mended first.
"""
SHARE_OF_SOURCE = 3.0
"""A results folder takes up to so many times the room of its DICOM."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("study", type=Path, metavar="STUDY", help="study sheet (CSV or TSV)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="results folder of the run")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, if not config.yaml beside it")


def run(options: argparse.Namespace) -> int:
    """Print the rows of the sheet and what was found."""
    from qmri.config import read_config
    from qmri.pipeline.study.preflight import findings, look
    from qmri.pipeline.study.study_sheet import read_study

    study = read_study(options.study)
    beside = options.study.parent / "config.yaml"
    config = options.config or (beside if beside.is_file() else None)
    settings = read_config(config)
    rows = look(study)
    found = findings(rows)
    out = sys.stdout.write
    out("\n".join(table(rows)) + "\n\n")
    out("".join(f"note: {note}\n" for note in study.notes))
    out("".join(f"{line}\n" for line in lines(found)))
    out(f"settings: {config.name if config else 'the defaults of the package'}\n")
    if options.out is not None:
        out("".join(f"note: {line}\n" for line in _redone(options.out, settings, study.names)))
        out(_room(rows, options.out))
    refused = sum(finding.refused for finding in found)
    out(f"{counted(len(rows), 'examination')}, {counted(refused, 'contradiction')}\n")
    return EXIT_REFUSED if refused else EXIT_OK


def _redone(out: Path, settings: Config, names: Sequence[str]) -> list[str]:
    """Return what a run would do again in a results folder, and why."""
    from qmri.pipeline.run.batch import incomplete_stages
    from qmri.pipeline.study.config_changes import changes_from

    lost = [f"{exam}: {name} of {verb} was taken away" for exam, verb, name in incomplete_stages(out, names)]
    return [*changes_from(out, settings), *lost]


def table(rows: Sequence[Row]) -> list[str]:
    """Return one line for each row of the sheet, in columns."""
    cells = [("participant", "session", "files", "dated", "patient", "lowest level", "treated")]
    for row in rows:
        exam, seen = row.exam, row.seen
        cells.append(
            (
                exam.participant_id,
                exam.session_id,
                str(seen.files) if seen.images else f"{seen.files}, no image seen",
                "yes" if seen.day else "no",
                "identified" if seen.patient.identifier or any(seen.patient.names) else "not given",
                exam.lowest_level or "-",
                ";".join(exam.treated_levels) or "-",
            )
        )
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def lines(found: Sequence[Finding]) -> list[str]:
    """Return the findings for a reader; those that share a remedy stand above it, the first of many alone."""
    from qmri.pipeline.study.preflight import MOST_NAMED

    lines = []
    for refused, remedy in dict.fromkeys((finding.refused, finding.remedy) for finding in found):
        words = [finding.words for finding in found if (finding.refused, finding.remedy) == (refused, remedy)]
        kind = "must be mended" if refused else "note"
        lines += [f"{kind}: {sentence}" for sentence in words[:MOST_NAMED]]
        if len(words) > MOST_NAMED:
            lines.append(f"{kind}: and {len(words) - MOST_NAMED} more such")
        lines.append(f"    {remedy}")
    return lines


def _room(rows: Sequence[Row], out: Path) -> str:
    """Return what a results folder holds already, and whether there is room for the rest."""
    from qmri.outputs.files import record_path

    done = sum(record_path(out, row.exam.name, "report").is_file() for row in rows)
    place = next(folder for folder in (out.resolve(), *out.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    sources = [row.exam.dicom_dir for row in rows if not record_path(out, row.exam.name, "report").is_file()]
    needed = SHARE_OF_SOURCE * sum(_bytes(source) for source in sources)
    room = f"{needed / 1e9:.1f} GB needed at most, {free / 1e9:.1f} GB free"
    return f"results: {done} of {counted(len(rows), 'examination')} done; {room}\n"


def _bytes(source: Path) -> int:
    if source.is_file():
        return source.stat().st_size
    return sum(file.stat().st_size for file in source.rglob("*") if file.is_file())
