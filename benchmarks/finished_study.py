"""A large study that is done, made of copies: what joining, showing and looking through it costs.

python benchmarks/finished_study.py 10000                  copies of an examination of the example study
python benchmarks/finished_study.py 10000 --results DIR    copies of one that an earlier run has measured
python benchmarks/finished_study.py 10000 --files 1        the DICOM of each in one file instead of 360
python benchmarks/finished_study.py 10000 --sessions 1     nobody comes again, where otherwise everybody does

Records, tables and costs of the stages are copied under other names; pages are empty and there are no images:
none of these commands reads one. The DICOM are links to one image.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from batch import FILES_OF_AN_EXAMINATION, ROOT, cost_of

from qmri.outputs.files import VERBS, record_path
from qmri.outputs.tables import read_rows

EXAMPLE = ROOT / "example_data"
TABLES = ("*/*.csv", "*/*.tsv")
SESSIONS = ("pre", "post")
LINKED_TO_ONE = 100
"""Examinations whose files are one on the disk: file systems take tens of thousands of links."""
PLAN = """
import sys
from qmri.pipeline.run.unchanged import given, note_finished
from qmri.pipeline.run.workflow import make_plan
plan = make_plan({"study": sys.argv[1], "out": sys.argv[2]}, main_process=True)
"""
MEASURED_ANEW = """
import os, sys
from pathlib import Path
from qmri.cli import main
sheet, out = sys.argv[1:]
os.utime(sorted(Path(out).glob("sub-00000/*/measure/*_measure.json"))[0])
main(["measure", "--collect", "--results", out, "--study", sheet])
"""
STEPS = {
    "markers/*.csv": ("-m", "qmri", "measure", "--collect", "--results", "{out}", "--study", "{sheet}"),
    "the same, one examination measured anew": ("-c", MEASURED_ANEW, "{sheet}", "{out}"),
    "report/index.html": ("-m", "qmri", "report", "--study-page", "--results", "{out}", "--study", "{sheet}"),
    "provenance.json, worklist": ("-c", f"{PLAN}plan.finish()", "{sheet}", "{out}"),
    "note that all is done": ("-c", f"{PLAN}note_finished(plan, given(plan))", "{sheet}", "{out}"),
    "nothing to do": ("-m", "qmri", "run", "{sheet}", "--out", "{out}"),
}


def copies(original: Path, folder: Path, count: int, files: int, sessions: int) -> tuple[Path, Path]:
    """Make a study of so many copies of the first examination of ``original`` that was measured.

    Each has so many files of DICOM, each participant so many sessions.

    Returns
    -------
    tuple
        The sheet and the results folder.
    """
    first = next(row for row in read_rows(original / "markers" / "patients.csv") if row["status"] == "ok")
    old = first["participant_id"], first["session_id"]
    own = original / f"sub-{old[0]}" / f"ses-{old[1]}"
    texts = {path: path.read_text() for pattern in TABLES for path in own.glob(pattern)}
    for verb in VERBS:
        costs = original / "benchmarks" / verb / f"sub-{old[0]}_ses-{old[1]}.tsv"
        record = record_path(original, f"sub-{old[0]}_ses-{old[1]}", verb)
        texts |= {path: path.read_text() for path in (record, costs)}
    texts |= dict.fromkeys([*own.glob("report/*.html"), *own.glob("report/*.png")], "")
    dicom = next(path for path in sorted((EXAMPLE / "dicom").rglob("*")) if path.is_file())
    rows = ["participant_id,session_id,session_order,dicom_dir"]
    for number in range(count):
        order = number % sessions
        new = f"{number // sessions:05d}", SESSIONS[order]
        for path, text in texts.items():
            target = folder / "out" / _renamed(str(path.relative_to(original)), old, new)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_renamed(text, old, new))
        for verb in VERBS:  # a record is the last that a stage writes
            os.utime(record_path(folder / "out", f"sub-{new[0]}_ses-{new[1]}", verb))
        images = folder / "dicom" / f"{number:05d}"
        images.mkdir(parents=True)
        if number % LINKED_TO_ONE == 0:
            image = Path(shutil.copy(dicom, folder / f"image{number}"))
        for place in range(files):
            os.link(image, images / f"{place:04d}")
        rows.append(f"{new[0]},{new[1]},{order + 1},dicom/{number:05d}")
    (folder / "study.csv").write_text("\n".join(rows) + "\n")
    return folder / "study.csv", folder / "out"


def _renamed(text: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    """Return a path, a record or rows of a table as they would be of another examination."""
    for words in ("sub-{}_ses-{}", "sub-{}/ses-{}", "\n{},{},"):
        text = text.replace(words.format(*old), words.format(*new))
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--files", type=int, default=FILES_OF_AN_EXAMINATION)
    parser.add_argument("--sessions", type=int, choices=(1, 2), default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        original = options.results or Path(name) / "original"
        if not options.results:
            cost_of([sys.executable, "-m", "qmri", "run", str(EXAMPLE / "study.csv"), "--out", str(original)])
        sheet, out = copies(original, Path(name), options.count, options.files, options.sessions)
        participants = options.count // options.sessions
        print(f"{options.count} examinations of {options.files} files, {participants} participants")
        print("CPU s  memory MB")
        for words, step in STEPS.items():
            command = [part.format(out=out, sheet=sheet) if "{" in part[:1] else part for part in step]
            cost = cost_of([sys.executable, *command], QMRI_STUDY=str(sheet))
            print(f"{cost.cpu_s:5.1f}  {cost.memory_mb:9.0f}  {words}", flush=True)
        files = [*out.glob("markers/*"), out / "report" / "index.html"]
        print(f"{sum(file.stat().st_size for file in files) / 1e6:.0f} MB of tables and page of the study")


if __name__ == "__main__":
    main()
