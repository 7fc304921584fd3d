"""Whether anything has changed since a run finished the study: what decides that nothing is to be done.

Snakemake finds it out as well, by making its plan of every job, which takes a minute for ten thousand
examinations. What its rules depend on, and the files that they make, is digested here instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

from qmri import __version__
from qmri.outputs.files import VERBS
from qmri.pipeline.records.folder_files import FOLDER_FILES
from qmri.pipeline.records.seen import digest, size_and_time
from qmri.pipeline.run.workflow import Plan

STATE_FILE = ".finished"
TABLES = ("markers/*", "report/index.html", "report/participants/*.html", "risk/risk_record.json")


def note_finished(plan: Plan, given: str) -> None:
    """Note how a run has left the study, everything done; ``given`` is what it began from."""
    (plan.results / STATE_FILE).write_text(f"{given} {made(plan)}", encoding="utf-8")


def is_finished(plan: Plan, given: str) -> bool:
    """Tell whether a run has finished the study and nothing has changed since."""
    note = plan.results / STATE_FILE
    return note.is_file() and note.read_text(encoding="utf-8") == f"{given} {made(plan)}"


def given(plan: Plan) -> str:
    """Return a digest of all that the rules of the workflow depend on: sheet, settings, DICOM, readings."""
    return digest(_given(plan))


def made(plan: Plan) -> str:
    """Return a digest of what the rules of the workflow have made, as far as they track it."""
    return digest(_made(plan))


def _given(plan: Plan) -> Iterator[str]:
    yield __version__
    yield plan.config.model_dump_json()
    yield f"{plan.given_orders()} {plan.risk_tables} {plan.participant_pages}"
    for exams in plan.study.repeated.values():
        yield f"{exams[0].participant_id} {plan.verdicts(exams[0].subject)}"
    for exam in plan.study:
        one = SimpleNamespace(sub=exam.subject, ses=exam.name.partition("_")[2])
        yield f"{exam.name} {plan.source(one)} {plan.anchors(one)} {plan.fractures(one)} {plan.sessions(one)}"


def _made(plan: Plan) -> Iterator[str]:
    for verb in VERBS:
        for record in plan.exam_files(verb, f"{verb}.json"):
            yield size_and_time(f"{plan.results}/{record}")
    for name in FOLDER_FILES:
        yield f"{name} {(plan.results / name).is_file()}"
    for pattern in TABLES:
        for path in sorted(plan.results.glob(pattern)):
            yield f"{path.name} {size_and_time(path)}"
