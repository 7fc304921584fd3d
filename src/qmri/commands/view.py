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

The page lies in the examination's report folder, or where --out says; in the working directory where
the results may only be read.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("exam", metavar="NAME", help="examination, e.g. sub-01_ses-pre")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="OUT",
        help="results folder (default: results)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the page goes (.html)")


def run(options: argparse.Namespace) -> int:
    """Write the page and name it."""
    from qmri.pipeline.run.batch import is_read_only
    from qmri.pipeline.stages.viewer import examination_viewer

    page = examination_viewer(options.results, options.exam)
    name = file_path(exam_directory(options.results, options.exam, "report"), options.exam, "viewer")
    places = [options.out] if options.out else [name, Path(name.name)]
    for out in places:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(page, encoding="utf-8")
        except OSError as error:
            if out is places[-1] or not is_read_only(error):
                raise QmriError(
                    "the page cannot be written there",
                    where=out.name,
                    found=error.strerror,
                    remedy="name another place with --out FILE.html",
                ) from error
            sys.stderr.write("the results may only be read; the page goes to the working directory\n")
        else:
            sys.stdout.write(f"{out}\n")
            break
    return EXIT_OK
