"""``qmri report``: the pages people look at."""

from __future__ import annotations

import argparse
from pathlib import Path

from qmri.cli import EXIT_OK
from qmri.commands import add_study_arguments, study_job
from qmri.errors import QmriError

DESCRIPTION = """\
Write the page of an examination, or the page of the study.

    qmri report --exam sub-01_ses-pre --results OUT
    qmri report --study-page --results OUT            OUT/report/index.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    add_study_arguments(parser)
    parser.add_argument("--study-page", action="store_true", help="write the page of the study")


def run(options: argparse.Namespace) -> int:
    """Write what the options name."""
    if options.study_page:
        return _study_page(options)
    from qmri.pipeline.stages.report import report_in_study

    if options.exam is None:
        raise QmriError(
            "qmri report does not know what to show", expected="--exam or --study-page, with --results"
        )
    job = study_job(options)
    report_in_study(job.exam, job.results, job.config.report, job.config.measure)
    return EXIT_OK


def _study_page(options: argparse.Namespace) -> int:
    from qmri.pipeline.stages.study_page import write_study_page
    from qmri.pipeline.study.study_sheet import read_study

    for name in ("results", "study"):
        if getattr(options, name) is None:
            raise QmriError(f"--{name} is missing", expected="--study-page with --results and --study")
    write_study_page(read_study(Path(options.study)), options.results)
    return EXIT_OK
