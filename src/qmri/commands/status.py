"""``qmri status``: which examinations are done, which are not, why, and what to do."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from qmri.pipeline.records.ledger import State

DESCRIPTION = """\
List the examinations of a results folder that failed or are not finished, with what to do.

    qmri status results              those that want attention
    qmri status results --all        every examination
    qmri status results --methods    a paragraph for the Methods section, from what really ran

Exit status: 0 all are done, 3 some are not.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("results", type=Path, metavar="OUT", help="results folder of a study")
    parser.add_argument("--all", action="store_true", help="list the examinations that are done, too")
    parser.add_argument(
        "--methods", action="store_true", help="write a Methods paragraph with its references"
    )


def run(options: argparse.Namespace) -> int:
    """Tell the state of a results folder."""
    from qmri.pipeline.records.citations import methods_text
    from qmri.pipeline.records.ledger import exam_state, read_ledger
    from qmri.pipeline.run.batch import is_at_work

    exams = read_ledger(options.results).examinations
    if options.methods:
        sys.stdout.write(methods_text(options.results, exams))
        return EXIT_OK
    states = [exam_state(options.results, exam) for exam in exams]
    shown = [state for state in states if options.all or state.status != "done"]
    lines = [line for state in shown for line in _lines(state)]
    count = Counter(state.status for state in states)
    words = [f"{count['done']} of {len(states)} examinations done"]
    words += [f"{count[status]} {status}" for status in ("failed", "unfinished") if count[status]]
    if is_at_work(options.results):
        words.append("a run is at work")
    elif count["unfinished"]:
        words.append("qmri run goes on where it stopped")
    sys.stdout.write("\n".join([*lines, ", ".join(words)]) + "\n")
    return EXIT_OK if count["done"] == len(states) else EXIT_SOME_FAILED


def _lines(state: State) -> list[str]:
    name = state.exam.replace("_", " ")
    if state.status == "failed":
        lines = [f"{name}  failed at {state.stage}: {state.reason}"]
        return [*lines, f"    what to do: {state.remedy}"] if state.remedy else lines
    if state.status == "unfinished":
        return [f"{name}  not finished: {state.stage} comes next"]
    word = "warning" if state.warnings == 1 else "warnings"
    notes = f", {state.warnings} {word} in its report" if state.warnings else ""
    return [f"{name}  done{notes}"]
