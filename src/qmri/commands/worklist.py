"""``qmri worklist``: which examinations a reader should look at first."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from textwrap import shorten

from qmri.cli import EXIT_OK
from qmri.errors import QmriError

DESCRIPTION = """\
Order the examinations of a study by how much they need a look, and tick off what was looked at.

    qmri worklist OUT                                       write OUT/worklist/worklist.csv, show its top
    qmri worklist OUT --done sub-01_ses-pre --by AB         AB has looked at it: put it to the end

Failed examinations lead; the others follow by need, the number of levels that are expected to be wrong.
A tick is for the label map as it is now; if the labels change later, the examination comes back.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("results", type=Path, metavar="OUT", help="results folder of the study")
    parser.add_argument("--done", action="append", default=[], metavar="NAME", help="examination looked at")
    parser.add_argument("--by", metavar="INITIALS", help="initials of the reader; with --done")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="rows to show (default: 20)")


def run(options: argparse.Namespace) -> int:
    """Write the worklist and show its top."""
    from qmri.pipeline.reading.worklist import FOLDER, LIST_FILE, make_worklist, tick_off, write_worklist
    from qmri.pipeline.run.batch import is_read_only, refuse_beside_review

    if options.done and not options.by:
        raise QmriError("--by is missing", expected="the initials of the reader who looked")
    refuse_beside_review(options.results.resolve())
    place = f"the list: {FOLDER}/{LIST_FILE}"
    try:
        for exam in options.done:
            tick_off(options.results, exam, options.by)
        entries = write_worklist(options.results)
    except OSError as error:
        if not is_read_only(error):
            raise
        if options.done:
            raise QmriError(
                "the results folder cannot be written, so nothing is ticked off", found=error.strerror
            ) from None
        entries = make_worklist(options.results)
        place = "the results folder cannot be written, so the list is shown alone"
    width = max(len(entry.examination) for entry in entries)
    sys.stdout.write(f"{'need':>6}  {'examination':<{width}}  {'state':<10}  why\n")
    for entry in entries[: options.top]:
        state = "failed" if entry.failed_at else entry.state
        by = f"by {entry.done_by}. " if entry.done_by else ""
        why = shorten(by + entry.why, 100, placeholder=" ...")
        line = f"{entry.need_levels:6.2f}  {entry.examination:<{width}}  {state:<10}  {why}"
        sys.stdout.write(line.rstrip() + "\n")
    left = sum(entry.state == "look" for entry in entries)
    failed = sum(bool(entry.failed_at) for entry in entries)
    failures = f", {failed} failed" if failed else ""
    sys.stdout.write(f"{left} of {len(entries)} to look at{failures}; {place}\n")
    return EXIT_OK
