"""What the batch costs besides the science: figures of docs/batch.md.

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
from qmri.pipeline.records.ledger import read_ledger, run_times
from qmri.pipeline.run.inputs import fingerprint
from qmri.pipeline.stages.study_page import write_study_page
from qmri.pipeline.study.study_sheet import read_study

ROOT = Path(__file__).resolve().parents[1]
REPEATS, COMPARED = 5, 3
LEVELS = ("T12", "L1", "L2", "L3", "L4", "L5")
COLUMNS = {name: table.columns for name, table in EXAM_TABLES.items()} | {"changes": CHANGE_COLUMNS}
FILES_OF_AN_EXAMINATION = 20 * 6 * 3  # slices, echoes, real and imaginary and magnitude

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
            rest: list[float] = []
            for turn in range(COMPARED):
                for tree, root in trees.items():
                    out = Path(name) / f"out{turn}{root.name}"
                    command = [sys.executable, "-m", "qmri", "run", str(sheet), "--out", str(out)]
                    given = {"PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": ""}
                    cost = cost_of(command, allowed=3, **given)
                    spent[tree].append(cost.cpu_s)
                    if root == ROOT:
                        staged = sum(stage["cpu_total_s"] for stage in run_times(out).values())
                        rest.append(1 - staged / cost.cpu_s)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(other)], cwd=ROOT, check=True)
    count = len(read_study(sheet).examinations)
    for tree, times in spent.items():
        each = ", ".join(f"{one / count:.1f}" for one in times)
        print(f"{tree:12s} {median(times) / count:5.1f} s CPU an examination ({each})")
    ratios = [one / two for one, two in zip(*spent.values(), strict=True)]
    print(f"ratio {median(ratios):.2f}")
    print(
        f"this tree: {100 * median(rest):.0f} % start-up, Snakemake and joining the tables, {count} in a run"
    )


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


CHOICES = ("page", "startup", "fingerprint", "study", "compare")
EXAMPLE = ROOT / "example_data" / "study.csv"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=CHOICES)
    parser.add_argument("values", nargs="*")
    options = parser.parse_args()
    values = options.values
    if options.what == "page":
        page(int((values or ["200"])[0]))
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
