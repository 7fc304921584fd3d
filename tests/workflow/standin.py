"""A stand-in for the stages: the program `qmri` of tests that are about the workflow, not about images.

It publishes records as the real stages do. What a stage of an examination does besides is
told by behaviour.json in the examination's DICOM folder, for example
{"fit": {"seconds": 2}}, {"fit": {"megabytes": 1500}}, {"ingest": {"refuse": "another sequence"}},
{"fit": {"kill_below_attempt": 2}}, {"segment": {"full_disk": true}}.

With STANDIN_PAGE_S the page of the study stays at work for so long when it has been written.

Where STANDIN_WORKER names a socket, the stages are forks of the process that listens there, as those of qmri
are of its worker: to import what they need takes longer than they do.
"""

from __future__ import annotations

import argparse
import csv
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__" and "STANDIN_WORKER" in os.environ:
    from qmri.pipeline.run.forward import forward
    from qmri.pipeline.run.variables import WORKER_IDENTITY_VARIABLE, WORKER_VARIABLE, worker_identity

    os.environ[WORKER_VARIABLE] = os.environ["STANDIN_WORKER"]
    os.environ[WORKER_IDENTITY_VARIABLE] = worker_identity()
    sys.exit(forward(sys.argv[1:]))

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

from small_records import outcome

from qmri.commands import study_config, worker
from qmri.errors import QmriError
from qmri.json_files import read_json
from qmri.outputs import PATIENT_COLUMNS, VERTEBRA_COLUMNS, exam_directory, file_path
from qmri.outputs.files import VERBS
from qmri.pipeline.records.stage import Outcome, run_stage_or_record
from qmri.pipeline.study.study_sheet import Study, read_study

UPSTREAM = {
    "ingest": (),
    "fit": ("ingest",),
    "segment": ("fit",),
    "measure": ("ingest", "fit", "segment"),
    "report": ("ingest", "fit", "segment", "measure"),
}
PRODUCT = {
    "ingest": "echoes_real",
    "fit": "pdff",
    "segment": "itksnap_labels",
    "measure": "exam_vertebrae",
    "report": "page",
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="qmri")
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--exam")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--collect", action="store_true")
    parser.add_argument("--study-page", action="store_true")
    parser.add_argument("--participant")
    options = parser.parse_args(arguments)
    study = read_study(Path(os.environ["QMRI_STUDY"]))
    if options.collect:
        return collect(study, options.results)
    if options.study_page:
        return study_page(study, options.results)
    if options.participant:
        return participant_page(study, options)
    return stage(study, options)


def stage(study: Study, options: argparse.Namespace) -> int:
    verb, exam = options.verb, study.find(options.exam)
    note = exam.dicom_dir / "behaviour.json"
    behaviour = json.loads(note.read_text()).get(verb, {}) if note.is_file() else {}
    inputs = [
        file_path(exam_directory(options.results, exam.name, name), exam.name, f"{name}_record")
        for name in UPSTREAM[verb]
    ]

    def work(aside: Path) -> Outcome:
        act(behaviour, exam.dicom_dir.parent / f"attempts-{verb}-{exam.name}")
        if verb == "ingest" and not exam.dicom_dir.is_dir():
            raise QmriError("the folder of DICOM is missing", remedy="correct dicom_dir in the study sheet")
        product = file_path(aside, exam.name, PRODUCT[verb])
        product.write_text("".join(path.read_text() for path in inputs) or exam.name)
        return outcome(verb)

    settings = {
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "erosion_mm": study_config(options.results).measure.erosion_mm,
    }
    directory = exam_directory(options.results, exam.name, verb)
    run_stage_or_record(verb, exam.name, directory, work, upstream=inputs, settings=settings)
    return 0


def act(behaviour: dict[str, object], attempts: Path) -> None:
    attempt = 1 + (len(attempts.read_text()) if attempts.is_file() else 0)
    if "kill_below_attempt" in behaviour or "seconds_below_attempt" in behaviour:
        attempts.write_text("x" * attempt)
        attempts.with_suffix(".job").write_text(os.environ.get("SLURM_JOB_ID", ""))
    if attempt < int(behaviour.get("kill_below_attempt", 0)):
        os.kill(os.getpid(), signal.SIGKILL)
    if attempt < int(behaviour.get("seconds_below_attempt", 0)):
        time.sleep(600)
    if "megabytes" in behaviour:
        block = bytearray(int(behaviour["megabytes"]) << 20)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(8)
    if "seconds" in behaviour:
        time.sleep(float(behaviour["seconds"]))
    if "refuse" in behaviour:
        raise QmriError(str(behaviour["refuse"]), remedy="look at the series")
    if "crash" in behaviour:
        raise ZeroDivisionError
    if "full_disk" in behaviour:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def collect(study: Study, results: Path) -> int:
    (results / "markers").mkdir(exist_ok=True)
    for table, columns in (("vertebrae", VERTEBRA_COLUMNS), ("patients", PATIENT_COLUMNS)):
        with (results / "markers" / f"{table}.csv").open("w", newline="") as file:
            names = [column.name for column in columns]
            writer = csv.DictWriter(file, names, restval="n/a", lineterminator="\n")
            writer.writeheader()
            for exam in study:
                record = read_json(
                    file_path(exam_directory(results, exam.name, "measure"), exam.name, "measure_record")
                )
                writer.writerow(
                    {
                        "participant_id": exam.participant_id,
                        "session_id": exam.session_id,
                        "status": record["status"],
                        "status_reason": record.get("reason", "n/a"),
                    }
                )
        (results / "markers" / f"{table}.json").write_text("{}\n")
    for table in ("discs", "muscles", "flags", "changes"):
        (results / "markers" / f"{table}.csv").write_text("participant_id,session_id\n")
        (results / "markers" / f"{table}.json").write_text("{}\n")
    return 0


def participant_page(study: Study, options: argparse.Namespace) -> int:
    exams = study.repeated[options.participant]
    path = options.results / "report" / "participants" / f"{exams[0].subject}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<p>{len(exams)} sessions</p>\n")
    return 0


def study_page(study: Study, results: Path) -> int:
    (results / "report").mkdir(exist_ok=True)
    (results / "report" / "index.html").write_text(f"<p>{len(study.examinations)} examinations</p>\n")
    time.sleep(float(os.environ.get("STANDIN_PAGE_S", "0")))
    return 0


def serve(listener: int) -> None:
    """Fork for each stage that is asked for, until the standard input ends."""
    worker.main, worker.LOADED = main, {}
    worker.serve(socket.socket(fileno=listener), sys.stdin.fileno())


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        sys.exit(serve(int(sys.argv[2])))
    sys.exit(main(sys.argv[1:]))
