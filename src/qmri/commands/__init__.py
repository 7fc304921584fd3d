"""One module per sub-command, which parses options and calls the stage."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.errors import QmriError
from qmri.pipeline.run.variables import CONFIG_VARIABLE, STUDY_VARIABLE

if TYPE_CHECKING:
    from qmri.config import Config
    from qmri.pipeline.study.study_sheet import Examination


@dataclass(frozen=True)
class StudyJob:
    """One examination of a study, as the workflow names it.

    Attributes
    ----------
    exam
        Its row of the study sheet.
    results
        The results folder of the study.
    config
        The configuration frozen there, or the defaults.
    repeated
        Whether the participant has several sessions.
    """

    exam: Examination
    results: Path
    config: Config
    repeated: bool = False


def add_study_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options by which the workflow names an examination of a study."""
    group = parser.add_argument_group("in a study (what the workflow uses)")
    group.add_argument("--exam", metavar="NAME", help="examination, e.g. sub-01_ses-pre")
    group.add_argument("--results", type=Path, metavar="DIR", help="results folder of the study")
    group.add_argument(
        "--study",
        type=Path,
        metavar="SHEET",
        default=os.environ.get(STUDY_VARIABLE),
        help=f"study sheet (default: the environment variable {STUDY_VARIABLE})",
    )


def study_job(options: argparse.Namespace) -> StudyJob:
    """Return the examination that ``--exam --results --study`` name.

    Raises
    ------
    QmriError
        If an option is missing, or the sheet or the frozen configuration cannot be read.
    """
    from qmri.pipeline.study.study_sheet import read_study

    for name in ("exam", "results", "study"):
        if getattr(options, name) is None:
            raise QmriError(
                f"--{name} is missing",
                expected="--exam, --results and --study together",
                remedy=f"name the study sheet, or set {STUDY_VARIABLE}" if name == "study" else None,
            )
    study = read_study(Path(options.study))
    exam = study.find(options.exam)
    return StudyJob(
        exam=exam,
        results=options.results,
        config=study_config(options.results),
        repeated=exam.participant_id in study.repeated,
    )


def note_cost(options: argparse.Namespace, began: float) -> None:
    """Write down what a command cost that did a stage; ``began`` is a time of the monotonic clock."""
    from qmri.outputs.files import VERBS
    from qmri.pipeline.records.cost import Cost

    if options.command in VERBS:
        Cost.since(began).write(options.results / "benchmarks" / options.command / f"{options.exam}.tsv")


def study_config(results: Path) -> Config:
    """Return the configuration of the run that this process is a job of, else the one frozen in the results.

    Raises
    ------
    QmriError
        If it is refused.
    """
    from qmri.config import parse_config, read_config

    if text := os.environ.get(CONFIG_VARIABLE):
        return parse_config(json.loads(text), "the configuration of the run")
    frozen = results / "config.yaml"
    return read_config(frozen if frozen.exists() else None)
