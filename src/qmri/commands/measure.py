"""``qmri measure``: the markers of every vertebra."""

from __future__ import annotations

import argparse
import logging
import re
from pathlib import Path

from qmri.cli import EXIT_OK
from qmri.commands import add_study_arguments, study_config, study_job
from qmri.errors import QmriError

log = logging.getLogger(__name__)

DESCRIPTION = """\
Take the markers of every vertebral body from maps and a label map.

On files:    qmri measure --pdff P.nii.gz --r2star R.nii.gz --labels L.nii.gz --out DIR
In a study:  qmri measure --exam sub-01_ses-pre --results OUT
All rows:    qmri measure --collect --results OUT      joins the examinations into OUT/markers
"""
FILES = {
    "pdff": "PDFF in percent",
    "r2star": "R2* in 1/s",
    "labels": "label map of the bodies (C1-C7 = 1-7, T1-T12 = 8-19, L1-L6 = 20-25)",
    "water": "water image; with the fat image it finds voids",
    "fat": "fat image",
    "field": "field map in Hz",
    "pdff_sd": "standard deviation of PDFF in percent",
    "r2star_sd": "standard deviation of R2* in 1/s",
    "r2star_shift": "what R2* holds for its median's sake, taken out of its mean, in 1/s",
    "rchi2": "reduced chi-square of the fit",
    "swap_risk": "risk of a water-fat swap, 0-1",
}
UNNAMED = "sub-unnamed_ses-unnamed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    add_study_arguments(parser)
    parser.add_argument("--collect", action="store_true", help="join the rows of all examinations")
    group = parser.add_argument_group("on files")
    for name, meaning in FILES.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="NIFTI", help=meaning)
    group.add_argument(
        "--tissues",
        type=Path,
        metavar="NIFTI",
        help="label map of muscles and discs (docs/markers.md)",
    )
    group.add_argument("--labels-table", type=Path, metavar="TSV", help="table beside the label map")
    for word in ("treated", "acute", "old"):
        group.add_argument(
            f"--{word}-levels", metavar="LEVELS", default="", help=f"{word} levels, as in L1;L3"
        )
    group.add_argument("--config", type=Path, metavar="FILE", help="settings (default: those of the package)")
    group.add_argument("--out", type=Path, metavar="DIR", help="folder for the tables")


def run(options: argparse.Namespace) -> int:
    """Measure what the options name."""
    if options.collect:
        return _collect(options)
    if options.pdff is not None:
        return _measure_files(options)
    from qmri.pipeline.stages.measure import measure_in_study

    if options.exam is None:
        raise QmriError(
            "qmri measure does not know what to measure",
            expected="--pdff, --r2star, --labels and --out; or --exam with --results; or --collect",
        )
    job = study_job(options)
    measure_in_study(job.exam, job.results, job.config.measure)
    return EXIT_OK


def _collect(options: argparse.Namespace) -> int:
    from qmri.pipeline.stages.collect import collect
    from qmri.pipeline.study.preflight import session_order
    from qmri.pipeline.study.study_sheet import read_study

    for name in ("results", "study"):
        if getattr(options, name) is None:
            raise QmriError(f"--{name} is missing", expected="--collect with --results and --study")
    settings = study_config(options.results).measure
    study = read_study(Path(options.study))
    for path in collect(study, options.results, settings, session_order).values():
        log.info("%s", path.name)
    return EXIT_OK


def _measure_files(options: argparse.Namespace) -> int:
    from qmri.config import read_config
    from qmri.measure.images import Fractures
    from qmri.pipeline.stages.measure import measure_files
    from qmri.pipeline.study.study_sheet import EXAM_NAME, check_exam_name

    for name in ("r2star", "labels", "out"):
        if getattr(options, name) is None:
            raise QmriError(f"--{name} is missing", expected="--pdff, --r2star, --labels and --out together")
    matched = re.match(f"{EXAM_NAME}(?=_)", options.pdff.name)
    if options.exam is not None:
        check_exam_name(options.exam)
    measure_files(
        options.exam or (matched.group() if matched else UNNAMED),
        {name: getattr(options, name) for name in FILES if name != "labels" and getattr(options, name)},
        options.labels,
        options.out,
        labels_table=options.labels_table,
        tissues=options.tissues,
        fractures=Fractures(
            *(_levels(getattr(options, f"{word}_levels")) for word in ("treated", "acute", "old"))
        ),
        settings=read_config(options.config).measure,
    )
    return EXIT_OK


def _levels(text: str) -> tuple[str, ...]:
    from qmri.spine.levels import parse_level, sort_levels

    return tuple(sort_levels({parse_level(word) for word in re.split(r"[;,\s]+", text) if word}))
