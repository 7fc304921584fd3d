"""What a study costs whose stages do nothing: the plan, the scheduler, the records and the pages.

python benchmarks/batch_empty.py dag 560 10000        building the DAG: CPU time and memory
python benchmarks/batch_empty.py overhead 100         Snakemake's own CPU time for each examination
python benchmarks/batch_empty.py again 10000          `qmri run`, and another that finds nothing to do

With ``--sessions 2`` every participant has two examinations and a page of its own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from batch import COLUMNS, ROOT, cost_of

from qmri.outputs.tables import table_text
from qmri.pipeline.records.decisions import NoDecisions, Settings
from qmri.pipeline.records.models import Failure
from qmri.pipeline.records.record_files import write_record

SNAKEFILE = ROOT / "workflow" / "Snakefile"

# A stage that does nothing but write the record of a failure, as fast as a shell can.
EMPTY_QMRI = """#!/bin/sh
case "$2" in
--exam)
  install -D -m 644 "${0%/*}/record.json" "${3%%_*}/${3##*_}/$1/$3_$1.json" ;;
--collect)
  cp -r "${0%/*}/markers" . ;;
--study-page) mkdir -p report; echo > report/index.html ;;
--participant) mkdir -p report/participants; echo > "report/participants/sub-$3.html" ;;
esac
"""
NOTHING_DONE = Failure(
    stage="ingest",
    examination="sub-00000_ses-pre",
    status="failed",
    warnings=(),
    settings=Settings(),
    decisions=NoDecisions(),
    inputs={},
    outputs={},
    software={},
    failed_stage="ingest",
    reason="nothing was done",
)


def empty_study(folder: Path, count: int, sessions: int) -> list[str]:
    """Make a study of examinations without DICOM; return the command that runs it."""
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    if (Path(sys.prefix) / "pyvenv.cfg").is_file():
        shutil.copy(Path(sys.prefix) / "pyvenv.cfg", folder)
        (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    (folder / "bin" / "qmri").write_text(EMPTY_QMRI)
    (folder / "bin" / "qmri").chmod(0o755)
    write_record(folder / "bin" / "record.json", NOTHING_DONE)
    (folder / "bin" / "markers").mkdir()
    for name, columns in COLUMNS.items():
        (folder / "bin" / "markers" / f"{name}.csv").write_text(table_text([], columns))
        (folder / "bin" / "markers" / f"{name}.json").write_text("{}\n")
    for number in range(count):
        (folder / "dicom" / f"{number:05d}").mkdir(parents=True)
        (folder / "dicom" / f"{number:05d}" / "image").write_bytes(b"")
    rows = [f"{number // sessions:05d},{number % sessions},dicom/{number:05d}" for number in range(count)]
    (folder / "study.csv").write_text("\n".join(["participant_id,session_id,dicom_dir", *rows]) + "\n")
    python = str(folder / "bin" / "python")
    config = [f"study={folder / 'study.csv'}", f"out={folder / 'out'}"]
    return [python, "-m", "snakemake", "-s", str(SNAKEFILE), "--cores", "2", "--config", *config]


def dag(count: int, sessions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cost = cost_of([*empty_study(Path(folder), count, sessions), "--quiet", "--dag"])
    print(f"{count} examinations: {cost.cpu_s:.1f} s CPU, {cost.wall_s:.1f} s, {cost.memory_mb:.0f} MB")


def overhead(count: int, sessions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = empty_study(Path(folder), count, sessions)
        first = cost_of([*command, "--quiet", "all"])
        again = cost_of([*command, "--quiet", "all"])
    each_ms = 1000 * first.cpu_s / count
    print(f"{count} examinations of empty stages: {first.cpu_s:.1f} s CPU, {each_ms:.0f} ms each")
    print(f"finding that nothing is to be done: {again.cpu_s:.1f} s CPU, {again.memory_mb:.0f} MB")


def again(count: int, sessions: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty_study(folder, count, sessions)
        command = [str(folder / "bin" / "python"), "-m", "qmri", "run", str(folder / "study.csv")]
        command += ["--out", str(folder / "out"), "--cores", "2"]
        first, second = cost_of(command, allowed=3), cost_of(command, allowed=3)
        files = sum(1 for path in (folder / "out").rglob("*") if path.is_file())
    print(f"{count} examinations of empty stages by qmri run: {first.cpu_s:.0f} s CPU, {first.wall_s:.0f} s,")
    print(f"{first.memory_mb:.0f} MB, {files} files")
    print(f"run again: {second.cpu_s:.1f} s CPU, {second.memory_mb:.0f} MB")


MEASURES = {"dag": dag, "overhead": overhead, "again": again}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=MEASURES)
    parser.add_argument("counts", type=int, nargs="*", default=[200])
    parser.add_argument("--sessions", type=int, default=1, help="examinations of a participant")
    options = parser.parse_args()
    for count in options.counts:
        MEASURES[options.what](count, options.sessions)


if __name__ == "__main__":
    main()
