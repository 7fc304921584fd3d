"""The ledger of a results folder, ``provenance.json``: what the tables were made from and how."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from qmri.errors import QmriError
from qmri.outputs.files import VERBS, record_path
from qmri.outputs.tables import read_rows
from qmri.pipeline.reading.readings import FIRST, read_readings
from qmri.pipeline.records.models import Ledger
from qmri.pipeline.records.provenance import sha256, software_versions
from qmri.pipeline.records.record_files import Kind, parsed, read_records, read_text, write_record
from qmri.pipeline.study.reader_fractures import reader_fractures_path
from qmri.words import counted

LEDGER_FILE = "provenance.json"
STUDY_OUTPUTS = (
    "markers/*.csv",
    "markers/*.json",
    "report/index.html",
    "report/participants/*.html",
    "config.yaml",
)


@dataclass(frozen=True)
class State:
    """How far an examination is.

    Attributes
    ----------
    exam
        Its name, ``sub-<participant>_ses-<session>``.
    status
        ``done``, ``failed`` or ``unfinished``.
    stage
        The stage that failed or comes next; None when done.
    reason, remedy
        Why it failed and what to do; None when it did not.
    warnings
        Number of warnings in the records.
    """

    exam: str
    status: str
    stage: str | None = None
    reason: str | None = None
    remedy: str | None = None
    warnings: int = 0


def write_ledger(results: Path, exams: Sequence[str], sheet: Path, *, finished: bool) -> None:
    """Write the ledger of a study.

    Parameters
    ----------
    results
        The results folder.
    exams
        Names of all examinations of the study.
    sheet
        The study sheet.
    finished
        Whether the tables have just been made. Before, what is said of former tables is kept.
    """
    path = results / LEDGER_FILE
    made: dict[str, Any]
    if finished:
        outputs = sorted(file for pattern in STUDY_OUTPUTS for file in results.glob(pattern))
        records = [record_path(results, exam, verb) for exam in exams for verb in VERBS]
        made = {
            "outputs": {file.relative_to(results).as_posix(): sha256(file) for file in outputs},
            "records": {file.name: sha256(file) for file in records if file.is_file()},
            "run_time": run_times(results),
        }
    else:
        former = read_ledger(results) if path.is_file() else None
        made = {key: getattr(former, key, {}) for key in ("outputs", "records", "run_time")}
    beside = reader_fractures_path(sheet)
    ledger = Ledger(
        examinations=tuple(exams),
        command=command_line(sys.argv, sheet),
        software=software_versions(),
        study_sheet_sha256=sha256(sheet),
        reader_sheet_sha256=sha256(beside) if beside.is_file() else None,
        readings=_last_readings(results),
        **made,
    )
    staging = results / f".{LEDGER_FILE}"
    write_record(staging, ledger)
    staging.replace(path)


def _last_readings(results: Path) -> dict[str, dict[str, str]]:
    """Return who decided what last on each examination, with the checksum of the file that it left."""
    told = ("reader", "time", "decision", "level", "detail", "file", "sha256")
    last = {
        reading.examination: reading
        for reading in read_readings(results)
        if reading.read == FIRST and reading.decision != "seen"
    }
    return {exam: {name: getattr(last[exam], name) for name in told} for exam in sorted(last)}


def read_ledger(results: Path) -> Ledger:
    """Read the ledger of a results folder.

    Raises
    ------
    QmriError
        If the folder has none, or it was edited or cut short.
    """
    if not (results / LEDGER_FILE).is_file():
        raise _no_results(results)
    return parsed(Ledger, read_text(results / LEDGER_FILE), LEDGER_FILE)


def examinations_of(results: Path) -> list[str]:
    """Return the names of the examinations in a results folder; those of its folders if it has no ledger.

    Raises
    ------
    QmriError
        If there are none.
    """
    if (results / LEDGER_FILE).is_file():
        return list(read_ledger(results).examinations)
    names = [f"{path.parent.name}_{path.name}" for path in sorted(results.glob("sub-*/ses-*"))]
    if not names:
        raise _no_results(results)
    return names


def require_result(results: Path, exam: str, kind: type[Kind]) -> Kind:
    """Return the record of a stage that succeeded.

    Raises
    ------
    QmriError
        If ``results`` is no results folder, has no such examination, or the stage has not
        succeeded; the message has the stage's own reason.
    """
    names = examinations_of(results)
    if exam not in names:
        near = difflib.get_close_matches(exam, names, n=1) or names[:1]
        raise QmriError(
            f"the results have no examination {exam}",
            where=results.resolve().name,
            found=counted(len(names), "examination"),
            expected=f"a name as in {near[0]}",
            remedy="qmri status --all lists the names",
        )
    records = read_records(results, exam)
    if record := records.of(kind):
        return record
    if failure := records.failure:
        raise QmriError(f"{exam} failed at {failure.failed_stage}: {failure.reason}", remedy=failure.remedy)
    raise QmriError(
        f"{exam} has no result of {kind.verb} yet", remedy="run the study again: it goes on where it stopped"
    )


def _no_results(results: Path) -> QmriError:
    return QmriError(
        "this is not a results folder of qmri run",
        where=results.resolve().name,
        found="no such folder" if not results.is_dir() else f"a folder without {LEDGER_FILE}",
        remedy="name the folder that qmri run --out wrote",
    )


def command_line(words: Sequence[str], sheet: Path) -> str:
    """Return a command line without its folders and the name of the sheet, which may name a patient."""
    folders = re.compile(r"^((?:study|out|container|--[a-z-]+)=|--[a-z-]+ |).*/", re.DOTALL)
    bare = [folders.sub(r"\1", word) for word in words]
    return " ".join(word.replace(sheet.name, "STUDY") for word in bare)


def run_times(results: Path) -> dict[str, dict[str, float]]:
    """Return for each stage: jobs, median and sum of their wall-clock seconds, CPU seconds, memory."""
    return {verb: times for verb in VERBS if (times := _times(results / "benchmarks" / verb))}


def _times(folder: Path) -> dict[str, float]:
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob("*.tsv")):
        rows += read_rows(path)
    if not rows:
        return {}

    def column(name: str) -> list[float]:
        cells = [row.get(name) or "" for row in rows]
        return [float(cell) for cell in cells if re.fullmatch(r"[0-9.]+", cell)] or [0.0]

    return {
        "jobs": len(rows),
        "median_s": round(median(column("s")), 2),
        "total_s": round(sum(column("s")), 2),
        "cpu_total_s": round(sum(column("cpu_time")), 2),
        "max_rss_mb": round(max(column("max_rss")), 1),
    }


def exam_state(results: Path, exam: str) -> State:
    """Return how far an examination is."""
    records = read_records(results, exam)
    warnings = sum(len(record.warnings) for record in records.by_verb.values())
    if failure := records.failure:
        return State(exam, "failed", failure.failed_stage, failure.reason, failure.remedy, warnings)
    missing = next((verb for verb in VERBS if verb not in records.by_verb), None)
    if missing:
        return State(exam, "unfinished", missing, warnings=warnings)
    return State(exam, "done", warnings=warnings)
