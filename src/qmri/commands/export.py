"""``qmri export``: results as DICOM for the hospital's archive."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from qmri.cli import EXIT_OK
from qmri.errors import QmriError

DESCRIPTION = """\
Write the results of one examination as DICOM that an archive or 3D Slicer shows on the original series:

    qmri export --dicom --exam sub-01_ses-pre --results OUT --series DICOM_DIR --out DIR

vertebral_bodies.dcm is a Segmentation with one coded segment for each level; pdff.dcm and r2star.dcm are
Parametric Maps in percent and 1/s.

These files carry the patient's name, id and dates from the original series: that is what they are for.
They go where --out says and nowhere else; a folder within the results is refused. The package highdicom is
needed: pip install 'qmri[dicom]'.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("--dicom", action="store_true", help="write DICOM (the one form there is)")
    parser.add_argument("--exam", required=True, metavar="NAME", help="examination, e.g. sub-01_ses-pre")
    parser.add_argument(
        "--results", required=True, type=Path, metavar="OUT", help="results folder of the study"
    )
    parser.add_argument("--series", required=True, type=Path, metavar="DICOM_DIR", help="the original DICOM")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the DICOM files")


def run(options: argparse.Namespace) -> int:
    """Export and name the files."""
    from qmri.pipeline.stages.export import export_examination

    if not options.dicom:
        raise QmriError("--dicom is missing", expected="--dicom: the files will carry the patient's identity")
    for path in export_examination(options.results, options.exam, options.series, options.out):
        sys.stdout.write(f"{path.name}\n")
    sys.stdout.write("these files carry the patient's identity\n")
    return EXIT_OK
