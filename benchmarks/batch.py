"""What the batch costs besides the science: figures of docs/batch.md.

python benchmarks/batch.py dag 560 10000      building the DAG: CPU time and memory
python benchmarks/batch.py overhead 100       Snakemake's own CPU time for each examination, empty stages
python benchmarks/batch.py startup            CPU time until a stage has imported what it needs
python benchmarks/batch.py fingerprint        time to see whether an examination's DICOM has changed
python benchmarks/batch.py study STUDY.csv    CPU time of a real study by stage, with the share of start-up
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from qmri.pipeline.records.decisions import NoDecisions, Settings
from qmri.pipeline.records.ledger import read_ledger, run_times
from qmri.pipeline.records.models import Failure
from qmri.pipeline.records.record_files import write_record
from qmri.pipeline.run.inputs import fingerprint

ROOT = Path(__file__).resolve().parents[1]
SNAKEFILE = ROOT / "workflow" / "Snakefile"
REPEATS = 5
FILES_OF_AN_EXAMINATION = 20 * 6 * 3  # slices, echoes, real and imaginary and magnitude

# A stage that does nothing but write the record of a failure, as fast as a shell can.
EMPTY_QMRI = """#!/bin/sh
case "$2" in
--exam)
  sub=${3%%_*}; ses=${3##*_}; mkdir -p "$sub/$ses/$1"
  cp "${0%/*}/record.json" "$sub/$ses/$1/$3_$1.json" ;;
--collect)
  mkdir -p markers
  for table in vertebrae patients flags changes; do
    for kind in csv json; do echo status > "markers/$table.$kind"; done
  done ;;
--study-page) mkdir -p report; echo > report/index.html ;;
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
STAGES = {
    "ingest": "qmri.pipeline.stages.ingest",
    "fit": "qmri.pipeline.stages.fit",
    "segment": "qmri.pipeline.stages.segment",
    "measure": "qmri.pipeline.stages.measure",
    "report": "qmri.pipeline.stages.report",
}


@dataclass(frozen=True)
class Cost:
    """CPU seconds, wall-clock seconds and peak memory of a command and its children."""

    cpu_s: float
    wall_s: float
    memory_mb: float


def cost_of(command: list[str], **environment: str) -> Cost:
    """Run a command and return what it cost."""
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        if status:
            output.seek(0)
            sys.exit(f"{' '.join(command)} failed\n{output.read()[-3000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def empty_study(folder: Path, count: int) -> list[str]:
    """Make a study of examinations without DICOM; return the options of Snakemake that run it."""
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    if (Path(sys.prefix) / "pyvenv.cfg").is_file():
        shutil.copy(Path(sys.prefix) / "pyvenv.cfg", folder)
        (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    (folder / "bin" / "qmri").write_text(EMPTY_QMRI)
    (folder / "bin" / "qmri").chmod(0o755)
    write_record(folder / "bin" / "record.json", NOTHING_DONE)
    rows = [f"{number:05d},pre,dicom" for number in range(count)]
    (folder / "study.csv").write_text("\n".join(["participant_id,session_id,dicom_dir", *rows]) + "\n")
    python = str(folder / "bin" / "python")
    config = [f"study={folder / 'study.csv'}", f"out={folder / 'out'}"]
    return [python, "-m", "snakemake", "-s", str(SNAKEFILE), "--cores", "2", "--config", *config]


def dag(counts: list[int]) -> None:
    print("examinations  jobs     CPU s  wall s  memory MB")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            cost = cost_of([*empty_study(Path(folder), count), "--quiet", "--dag"])
        print(f"{count:12d}  {5 * count:6d}  {cost.cpu_s:6.1f}  {cost.wall_s:6.1f}  {cost.memory_mb:9.0f}")


def overhead(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = empty_study(Path(folder), count)
        first = cost_of([*command, "--quiet", "all"])
        again = cost_of([*command, "--quiet", "all"])
    each_ms = 1000 * first.cpu_s / count
    print(f"{count} examinations of empty stages: {first.cpu_s:.1f} s CPU, {each_ms:.0f} ms each")
    print(f"finding that nothing is to be done: {again.cpu_s:.1f} s CPU, {again.memory_mb:.0f} MB")


def startup() -> None:
    print("stage    CPU s until its imports are done")
    for verb, module in STAGES.items():
        importlib.import_module(module)
        code = f"import qmri.cli, qmri.config, {module}"
        times = [cost_of([sys.executable, "-c", code], OMP_NUM_THREADS="1").cpu_s for _ in range(REPEATS)]
        print(f"{verb:8s} {median(times):.2f}")
    times = [cost_of([sys.executable, "-m", "snakemake", "--version"]).cpu_s for _ in range(REPEATS)]
    print(f"snakemake --version {median(times):.2f}")


def fingerprints() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FILES_OF_AN_EXAMINATION):
            (Path(folder) / str(number)).write_bytes(b"x")
        began = time.process_time()
        for _ in range(REPEATS):
            fingerprint(Path(folder))
        each_ms = 1000 * (time.process_time() - began) / REPEATS
    print(f"fingerprint of {FILES_OF_AN_EXAMINATION} files: {each_ms:.1f} ms CPU on a local disk")


def study(sheet: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "qmri", "run", str(sheet), "--out", str(out), "--cores", "2"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times, count = run_times(out), len(read_ledger(out).examinations)
    total = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print("stage    jobs  CPU s each  memory MB (at most)")
    for verb, told in times.items():
        each = told["cpu_total_s"] / told["jobs"]
        print(f"{verb:8s} {told['jobs']:4.0f}  {each:10.2f}  {told['max_rss_mb']:9.0f}")
    print(f"all of it, Snakemake and joining the tables included: {total / count:.1f} s CPU an examination")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["dag", "overhead", "startup", "fingerprint", "study"])
    parser.add_argument("values", nargs="*")
    options = parser.parse_args()
    if options.what == "dag":
        dag([int(value) for value in options.values or ("560", "10000")])
    elif options.what == "overhead":
        overhead(int((options.values or ["100"])[0]))
    elif options.what == "startup":
        startup()
    elif options.what == "fingerprint":
        fingerprints()
    else:
        study(Path((options.values or [str(ROOT / "example_data" / "study.csv")])[0]))


if __name__ == "__main__":
    main()
