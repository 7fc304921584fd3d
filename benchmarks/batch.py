"""What the batch costs besides the science: figures of docs/batch.md.

python benchmarks/batch.py dag 560 10000      building the DAG: CPU time and memory
python benchmarks/batch.py overhead 100       Snakemake's own CPU time for each examination, empty stages
python benchmarks/batch.py again 10000        `qmri run` that finds nothing to do, empty stages
python benchmarks/batch.py page 10000         the page of the study: making, loading, sorting it in Chromium
python benchmarks/batch.py startup            CPU time until a stage has imported what it needs
python benchmarks/batch.py fingerprint        time to see whether an examination's DICOM has changed
python benchmarks/batch.py study STUDY.csv    CPU time and memory of a real study by stage
python benchmarks/batch.py compare COMMIT [STUDY.csv]
                                              CPU time of an examination, this tree against a commit, by turns
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from qmri.outputs import CHANGE_COLUMNS, EXAM_TABLES
from qmri.outputs.tables import table_text
from qmri.pipeline.records.decisions import NoDecisions, Settings
from qmri.pipeline.records.ledger import read_ledger, run_times
from qmri.pipeline.records.models import Failure
from qmri.pipeline.records.record_files import write_record
from qmri.pipeline.run.inputs import fingerprint
from qmri.pipeline.stages.study_page import write_study_page
from qmri.pipeline.study.study_sheet import read_study

ROOT = Path(__file__).resolve().parents[1]
SNAKEFILE = ROOT / "workflow" / "Snakefile"
REPEATS, COMPARED = 5, 3
LEVELS = ("T12", "L1", "L2", "L3", "L4", "L5")
COLUMNS = {name: table.columns for name, table in EXAM_TABLES.items()} | {"changes": CHANGE_COLUMNS}
FILES_OF_AN_EXAMINATION = 20 * 6 * 3  # slices, echoes, real and imaginary and magnitude

# A stage that does nothing but write the record of a failure, as fast as a shell can.
EMPTY_QMRI = """#!/bin/sh
case "$2" in
--exam)
  install -D -m 644 "${0%/*}/record.json" "${3%%_*}/${3##*_}/$1/$3_$1.json" ;;
--collect)
  cp -r "${0%/*}/markers" . ;;
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


# Each column is sorted twice; the page tells what that took in its title.
IN_BROWSER = """
  const loaded = performance.now();
  let slowest = 0;
  for (const button of document.querySelectorAll("#table button")) for (let twice = 0; twice < 2; twice++) {
    const start = performance.now();
    button.click();
    document.body.offsetHeight;
    slowest = Math.max(slowest, performance.now() - start);
  }
  document.title = `${Math.round(loaded)} ms and ${Math.round(slowest)} ms`;
"""


@dataclass(frozen=True)
class Cost:
    """CPU seconds, wall-clock seconds and peak memory of a command and its children."""

    cpu_s: float
    wall_s: float
    memory_mb: float


def cost_of(command: list[str], *, allowed: int = 0, **environment: str) -> Cost:
    """Run a command and return what it cost; ``allowed`` is an exit status besides 0 that is no failure."""
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        if os.waitstatus_to_exitcode(status) not in (0, allowed):
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
    (folder / "bin" / "markers").mkdir()
    for name, columns in COLUMNS.items():
        (folder / "bin" / "markers" / f"{name}.csv").write_text(table_text([], columns))
        (folder / "bin" / "markers" / f"{name}.json").write_text("{}\n")
    for number in range(count):
        (folder / "dicom" / f"{number:05d}").mkdir(parents=True)
        (folder / "dicom" / f"{number:05d}" / "image").write_bytes(b"")
    rows = [f"{number:05d},pre,dicom/{number:05d}" for number in range(count)]
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


def again(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty_study(folder, count)
        command = [str(folder / "bin" / "python"), "-m", "qmri", "run", str(folder / "study.csv")]
        command += ["--out", str(folder / "out"), "--cores", "2"]
        first, second = cost_of(command, allowed=3), cost_of(command, allowed=3)
        files = sum(1 for path in (folder / "out").rglob("*") if path.is_file())
    print(f"{count} examinations of empty stages by qmri run: {first.cpu_s:.0f} s CPU, {first.wall_s:.0f} s,")
    print(f"{first.memory_mb:.0f} MB, {files} files")
    print(f"run again: {second.cpu_s:.1f} s CPU, {second.memory_mb:.0f} MB")


def page(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = [{"participant_id": f"{number:05d}", "session_id": "pre"} for number in range(count)]
        values = np.random.default_rng(0).normal(45.0, 9.0, (count, len(LEVELS)))
        patients = [one | {"status": "ok", "field_t": 3.0, "n_levels": len(LEVELS)} for one in keys]
        for row, own in zip(patients, values, strict=True):
            row |= {"pdff_bg_median_pct": float(own.mean()), "qc_flags": "snr"}
        vertebrae = [
            one | {"level": level, "status": "ok", "level_verified": True, "pdff_median_pct": float(value)}
            for one, own in zip(keys, values, strict=True)
            for level, value in zip(LEVELS, own, strict=True)
        ]
        (folder / "out" / "markers").mkdir(parents=True)
        for table, rows in (("patients", patients), ("vertebrae", vertebrae), ("flags", [])):
            text = table_text(rows, COLUMNS[table])
            (folder / "out" / "markers" / f"{table}.csv").write_text(text)
        lines = [f"{one['participant_id']},pre,dicom" for one in keys]
        (folder / "study.csv").write_text("\n".join(["participant_id,session_id,dicom_dir", *lines]) + "\n")
        began = time.process_time()
        path = write_study_page(read_study(folder / "study.csv"), folder / "out")
        print(f"the page of {count} examinations: {time.process_time() - began:.1f} s CPU to make,", end=" ")
        print(f"{path.stat().st_size / 1e6:.1f} MB")
        path.write_text(path.read_text().replace("</body>", f"<script>{IN_BROWSER}</script></body>"))
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", path.as_uri()]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    print("in Chromium: loaded and sorted at the worst after", re.findall(r"<title>(.*?)</title>", shown)[0])


def compare(commit: str, sheet: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        other = Path(name) / "other"
        subprocess.run(["git", "worktree", "add", "--detach", str(other), commit], cwd=ROOT, check=True)
        try:
            trees = {"this tree": ROOT, commit: other}
            spent: dict[str, list[float]] = {tree: [] for tree in trees}
            for turn in range(COMPARED):
                for tree, root in trees.items():
                    out = Path(name) / f"out{turn}{root.name}"
                    command = [sys.executable, "-m", "qmri", "run", str(sheet), "--out", str(out)]
                    spent[tree].append(cost_of(command, allowed=3, PYTHONPATH=str(root / "src")).cpu_s)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(other)], cwd=ROOT, check=True)
    count = len(read_study(sheet).examinations)
    for tree, times in spent.items():
        told = ", ".join(f"{one / count:.1f}" for one in times)
        print(f"{tree:12s} {median(times) / count:5.1f} s CPU an examination ({told})")
    ratios = [one / two for one, two in zip(*spent.values(), strict=True)]
    print(f"ratio {median(ratios):.2f}")


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


def stage_costs(out: Path) -> float:
    """Print what the stages of a run took; return the CPU seconds of all."""
    times = run_times(out)
    print("stage    jobs  CPU s each  memory MB (at most)")
    for verb, told in times.items():
        each = told["cpu_total_s"] / told["jobs"]
        print(f"{verb:8s} {told['jobs']:4.0f}  {each:10.2f}  {told['max_rss_mb']:9.0f}")
    return sum(told["cpu_total_s"] for told in times.values())


def study(sheet: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "qmri", "run", str(sheet), "--out", str(out), "--cores", "2"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        stage_costs(out)
        count = len(read_ledger(out).examinations)
    total = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"all of it, Snakemake and joining the tables included: {total / count:.1f} s CPU an examination")


CHOICES = ("dag", "overhead", "again", "page", "startup", "fingerprint", "study", "compare")
EXAMPLE = ROOT / "example_data" / "study.csv"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=CHOICES)
    parser.add_argument("values", nargs="*")
    options = parser.parse_args()
    values = options.values
    if options.what == "dag":
        dag([int(value) for value in values or ("560", "10000")])
    elif options.what in ("overhead", "again", "page"):
        {"overhead": overhead, "again": again, "page": page}[options.what](int((values or ["200"])[0]))
    elif options.what == "startup":
        startup()
    elif options.what == "fingerprint":
        fingerprints()
    elif options.what == "compare":
        compare(values[0], Path(values[1]) if values[1:] else EXAMPLE)
    else:
        study(Path(values[0]) if values else EXAMPLE)


if __name__ == "__main__":
    main()
