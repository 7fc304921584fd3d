"""``qmri report``: the pages people look at."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK
from qmri.commands import add_study_arguments, study_config, study_job
from qmri.errors import QmriError

if TYPE_CHECKING:
    from qmri.pipeline.study.study_sheet import Study

DESCRIPTION = """\
Write the page of an examination, of a participant with several sessions, or of the study.

    qmri report --exam sub-01_ses-pre --results OUT
    qmri report --participant 01 --results OUT        OUT/report/participants/sub-01.html
    qmri report --study-page --results OUT            OUT/report/index.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    add_study_arguments(parser)
    parser.add_argument(
        "--participant", metavar="ID", help="write the page of a participant with several sessions"
    )
    parser.add_argument("--study-page", action="store_true", help="write the page of the study")


def run(options: argparse.Namespace) -> int:
    """Write what the options name."""
    if options.study_page:
        return _study_page(options)
    if options.participant is not None:
        return _participant(options)
    from qmri.pipeline.stages.report import report_in_study

    if options.exam is None:
        raise QmriError(
            "qmri report does not know what to show",
            expected="--exam, --participant or --study-page, with --results",
        )
    job = study_job(options)
    report_in_study(job.exam, job.results, job.config.report, job.config.measure, repeated=job.repeated)
    return EXIT_OK


def _study_page(options: argparse.Namespace) -> int:
    from qmri.pipeline.stages.study_page import write_study_page

    write_study_page(_study(options, "--study-page"), options.results)
    return EXIT_OK


def _participant(options: argparse.Namespace) -> int:
    from qmri.pipeline.follow_up.participant_page import write_participant_page

    study = _study(options, "--participant")
    settings = study_config(options.results).measure
    write_participant_page(study, options.results, options.participant.removeprefix("sub-"), settings)
    return EXIT_OK


def _study(options: argparse.Namespace, wanted: str) -> Study:
    from qmri.pipeline.study.study_sheet import read_study

    for name in ("results", "study"):
        if getattr(options, name) is None:
            raise QmriError(f"--{name} is missing", expected=f"{wanted} with --results and --study")
    return read_study(Path(options.study))
