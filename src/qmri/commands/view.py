"""``qmri view``: a page on which an examination is scrolled through in a browser."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from qmri.cli import EXIT_OK
from qmri.errors import QmriError
from qmri.outputs.files import exam_directory, file_path

DESCRIPTION = """\
Write the viewer's page of one examination: maps and labels on scroll, in any browser, without network.

    qmri view sub-01_ses-pre --results OUT

The page lies in the examination's report folder, or where --out says.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("exam", metavar="NAME", help="examination, e.g. sub-01_ses-pre")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="OUT", help="results folder")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the page goes (.html)")


def run(options: argparse.Namespace) -> int:
    """Write the page and name it."""
    from qmri.viewer.stage import examination_viewer

    if options.exam.count("_") != 1:
        raise QmriError("this is no name of an examination", expected="a name as in sub-01_ses-pre")
    page = examination_viewer(options.results, options.exam)
    folder = exam_directory(options.results, options.exam, "report")
    out = options.out or file_path(folder, options.exam, "viewer")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{out.name}\n")
    return EXIT_OK
