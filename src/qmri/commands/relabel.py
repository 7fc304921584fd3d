"""``qmri relabel``: move the level names of an examination up or down the spine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from qmri.cli import EXIT_OK
from qmri.errors import QmriError

DESCRIPTION = """\
Mend an off-by-one of the level names of one examination.

    qmri relabel sub-01_ses-pre --shift +1 --results OUT     L3 becomes L4: one level down
    qmri relabel sub-01_ses-pre --shift -1 --results OUT     L3 becomes L2: one level up
    qmri relabel sub-01_ses-pre --shift 0  --results OUT     the names are right: confirm them

Writes the label map with the new names as a reader's correction (_desc-manual_dseg.nii.gz). Run the study
again, and this examination alone is measured anew, its levels verified by a reader. A body that would come
below L5 was sacrum, and is left out. An earlier correction is kept under the name _desc-former.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("name", nargs="?", metavar="NAME", help="examination, e.g. sub-01_ses-pre")
    parser.add_argument("--exam", metavar="NAME", help="the same")
    parser.add_argument("--shift", type=int, required=True, metavar="N", help="levels to move, + is caudal")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="results folder (default: results)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the correction and say what it changes."""
    from qmri.pipeline.reading.moved_names import relabel_examination

    exam = options.name or options.exam
    if not exam or (options.name and options.exam and options.name != options.exam) or exam.count("_") != 1:
        raise QmriError(
            "one examination must be named", found=str(exam), expected="a name as in sub-01_ses-pre"
        )
    done = relabel_examination(options.results, exam, options.shift)
    for former, name in done.renamed.items():
        sys.stdout.write(f"{former} -> {name or 'left out: sacrum'}\n")
    sys.stdout.write(f"written: {done.path.name}; run the study again to take it\n")
    return EXIT_OK
