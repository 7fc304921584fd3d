"""``qmri init``: list the examinations in a folder of DICOM and start a study sheet."""

from __future__ import annotations

import argparse
import csv
import io
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK
from qmri.commands.ingest import available_cores, quieten_pydicom
from qmri.errors import QmriError
from qmri.pipeline.study.study_sheet import MISSING
from qmri.words import counted

if TYPE_CHECKING:
    from qmri.ingest.folder.discovery import FoundExamination, FoundStudy

DESCRIPTION = """\
List the examinations below a folder of DICOM and write study.csv and config.yaml to start from.

Participants get running numbers, and their sessions running numbers in the order of their dates:
rename them as your study does, and fill in what you know (lowest_level, seeds, treated_levels ...).
Names and identifiers of patients are not written; the paths of the DICOM folders are, since the
study sheet must say where they are.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("source", type=Path, metavar="DIR", help="folder of DICOM, one or many examinations")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where study.csv and config.yaml go (default: here)",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that read headers (default: one per core)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the study sheet and the configuration."""
    from qmri.config import default_yaml
    from qmri.ingest.folder.discovery import find_examinations
    from qmri.ingest.folder.scan_progress import header_progress

    quieten_pydicom()
    sheet, config = options.out / "study.csv", options.out / "config.yaml"
    for path in (sheet, config):
        if path.exists() and not options.force:
            raise QmriError(
                f"{path.name} is there already",
                expected="a folder without one",
                remedy="give another folder with --out, or --force to replace it",
            )
    with header_progress() as progress:
        found = find_examinations(
            options.source, workers=options.workers or available_cores(), progress=progress
        )
    sys.stdout.write(found.listing)
    rows = _rows(found)
    if not rows:
        mixed = all(exam.folder is None for exam in found.examinations)
        nothing = (
            "examinations mixed in one folder" if mixed else "folders whose names cannot stand in a sheet"
        )
        raise QmriError(
            "no examination was found that could be a row of a study sheet",
            found=nothing if found.examinations else "no water-fat acquisition",
            remedy="put each examination into a folder of its own, named in UTF-8; the listing above tells "
            "what there is",
        )
    options.out.mkdir(parents=True, exist_ok=True)
    sheet.write_text(_sheet(rows, options.out), encoding="utf-8")
    config.write_text(default_yaml(), encoding="utf-8")
    sys.stdout.write(_summary(found, sheet, config))
    return EXIT_OK


def _rows(found: FoundStudy) -> list[FoundExamination]:
    return [exam for exam in found.examinations if exam.folder is not None and _is_text(exam.folder)]


def _sheet(rows: list[FoundExamination], beside: Path) -> str:
    from qmri.pipeline.study.study_sheet import OPTIONAL, REQUIRED

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*REQUIRED, *OPTIONAL])
    for exam in rows:
        cells = [exam.participant_id, exam.session_id, _path_in_sheet(exam.folder, beside)]
        writer.writerow(cells + [""] * len(OPTIONAL))
    return text.getvalue()


def _path_in_sheet(folder: Path | None, beside: Path) -> str:
    """Return a path relative to the sheet where the folder lies beside or below it, else absolute."""
    absolute, base = (folder or Path()).resolve(), beside.resolve()
    path = absolute.as_posix()
    if base == absolute or base in absolute.parents:
        path = Path(os.path.relpath(absolute, base)).as_posix()
        if path[0].isspace() or path.lower() in MISSING:
            path = f"./{path}"
    return f"{path}/" if path[-1].isspace() else path  # spaces at the ends of a cell do not count


def _is_text(folder: Path) -> bool:
    """Tell whether a path can stand in a sheet: what is not UTF-8, or has a line end, cannot."""
    return str(folder).encode(errors="replace").decode() == str(folder) and not set("\r\n") & set(str(folder))


def _summary(found: FoundStudy, sheet: Path, config: Path) -> str:
    rows = _rows(found)
    people = len({exam.participant_id for exam in rows})
    lines = [
        "",
        f"wrote {sheet} with {counted(len(rows), 'examination')} of {counted(people, 'participant')}",
        f"wrote {config}, which qmri run takes from beside the sheet",
    ]
    for exam in found.examinations:
        words = f"participant {exam.participant_id}, session {exam.session_id}"
        if exam.folder is None:
            lines.append(f"left out: {words}: its files lie mixed with those of another examination")
        elif exam not in rows:
            lines.append(
                f"left out: {words}: the name of its folder is not UTF-8 or has a line end; rename it"
            )
        elif exam.refusal:
            lines.append(f"needs you: {words}: {exam.refusal}")
    lines += [f"left out: {sentence}" for sentence in found.left_out]
    results = sheet.parent / "results"
    lines += [
        "next: look through the sheet, then",
        f"  qmri check {shlex.quote(str(sheet))}",
        f"  qmri run {shlex.quote(str(sheet))} --out {shlex.quote(str(results))}",
    ]
    return "\n".join(lines) + "\n"
