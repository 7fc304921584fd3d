"""``qmri simulate``: write a digital reference study with its truth."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

DESCRIPTION = """\
Write a study of simulated spines as IDEAL-IQ DICOM, with a study sheet and with what is true of every
vertebra beside it (truth/truth.csv). No person was imaged; the names in the headers are invented.
"""
EPILOG = """\
The same options give the same bytes. Without options it is the study in example_data: three patients,
echoes at 3 T, new-style maps at 3 T, legacy maps at 1.5 T.

  qmri simulate study
  qmri simulate study --patients 12 --seed 7 --forms sources --snr 15
  qmri simulate study --forms both --hazards none,motion,swap,metal --patients 4
  qmri simulate study --follow-up --bad 3
  qmri run study/study.csv --out results

With --cohort there are no images, but marker tables, clinical data, outcomes, and the true risk of everybody.

  qmri simulate cohort --cohort 560
  qmri simulate cohort --cohort 560 --seed 7 --signal 0
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the sub-command."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.add_argument("directory", type=Path, metavar="DIR", help="new folder for the study")
    parser.add_argument("--patients", type=_positive, default=3, metavar="N", help="number of patients (3)")
    parser.add_argument("--seed", type=_count, default=1, metavar="S", help="seed of everything random (1)")
    parser.add_argument(
        "--forms",
        default="sources,maps,legacy",
        metavar="LIST",
        help="forms of export, used in turn: sources, maps, legacy, both (sources,maps,legacy)",
    )
    parser.add_argument(
        "--hazards",
        default="none",
        metavar="LIST",
        help="what goes wrong, used in turn: none, motion, swap, metal (none)",
    )
    parser.add_argument(
        "--follow-up", action="store_true", help="each patient comes again after a year with a new fracture"
    )
    parser.add_argument(
        "--bad",
        type=_count,
        default=0,
        metavar="N",
        help="further examinations that are truncated, of another sequence, or of two patients (0)",
    )
    parser.add_argument("--matrix", type=_matrix, metavar="CxR", help="columns x rows, e.g. 96x176")
    parser.add_argument("--pixel", type=_above_zero, metavar="MM", help="edge of a pixel in mm")
    parser.add_argument("--slices", type=_positive, metavar="N", help="slices of 4 mm")
    parser.add_argument(
        "--snr",
        type=_above_zero,
        default=28.0,
        help="marrow signal at echo time 0 over noise of the real part (28)",
    )
    group = parser.add_argument_group("a cohort for the risk model")
    group.add_argument("--cohort", type=_positive, metavar="N", help="number of patients; no images")
    group.add_argument(
        "--event-share", type=_share, default=0.16, metavar="F", help="share with a new fracture (0.16)"
    )
    group.add_argument(
        "--signal",
        type=_at_least_zero,
        default=1.0,
        metavar="F",
        help="multiple of every effect; 0: nothing tells the outcome (1)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the study, or the cohort."""
    if options.cohort is not None:
        return _cohort(options)
    from qmri.simulate.study.study_plan import FORMS, HAZARDS, StudyOptions, parse_list
    from qmri.simulate.study.writer import simulate_study

    wanted = StudyOptions(
        patients=options.patients,
        seed=options.seed,
        forms=parse_list(options.forms, FORMS, "form of export"),
        hazards=parse_list(options.hazards, HAZARDS, "hazard"),
        matrix=options.matrix,
        pixel_mm=options.pixel,
        slices=options.slices,
        snr=options.snr,
        follow_up=options.follow_up,
    )
    simulate_study(options.directory, wanted, _command(options), corrupted=options.bad)
    return 0


def _cohort(options: argparse.Namespace) -> int:
    from qmri.simulate.cohort.cohort_writer import simulate_cohort
    from qmri.simulate.cohort.patients import CohortOptions

    wanted = CohortOptions(
        patients=options.cohort,
        seed=options.seed,
        event_share=options.event_share,
        clinical_signal=options.signal,
        imaging_signal=options.signal,
    )
    simulate_cohort(options.directory, wanted, _command(options))
    return 0


def _command(options: argparse.Namespace) -> str:
    """Return the command line that makes the study again, the folder's name left open."""
    words = ["qmri simulate DIR"]
    defaults = argparse.ArgumentParser()
    add_arguments(defaults)
    for action in defaults._actions:
        value = getattr(options, action.dest, None)
        if action.option_strings and value is not None and value != action.default:
            words.append(action.option_strings[-1])
            if value is not True:
                words.append("x".join(map(str, value)) if isinstance(value, tuple) else str(value))
    return " ".join(words)


def _matrix(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or min(int(match[1]), int(match[2])) < 8:
        raise argparse.ArgumentTypeError(f"{text!r} is not a matrix such as 96x176")
    return int(match[1]), int(match[2])


def _positive(text: str) -> int:
    if _count(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def _at_least_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return value


def _share(text: str) -> float:
    value = _above_zero(text)
    if not value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share between 0 and 1")
    return value
