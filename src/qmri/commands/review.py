"""``qmri review``: read a study in the browser, on this machine alone."""

from __future__ import annotations

import argparse
import signal
import sys
import webbrowser
from pathlib import Path

from qmri.cli import EXIT_OK
from qmri.errors import QmriError

DESCRIPTION = """\
Read the examinations of a study in the browser: look, confirm or mend names and outlines, add what was
missed, say what cannot be used. The worst come first; ? shows the keys.

    qmri review results                                   opens the browser
    qmri review results --sheet study.csv --reader AB     names the study sheet and the reader
    qmri review results --reader CD --second              a second read, blind to the first
    qmri review results --agreement                       how the reads of two readers agree

The page is served on this machine alone, to the one browser that opens its address. Every decision is saved
at once as what qmri run takes (a label map _desc-manual_dseg.nii.gz, a tick of the worklist), with reader,
time and checksum in review/decisions.csv. What was changed is measured again in the background. Ctrl-C ends
the review and makes the tables; nothing else may write into the results meanwhile.
"""
MOST_SHEETS, LARGEST_SHEET = 200, 5_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results folder of the study")
    parser.add_argument(
        "--sheet",
        type=Path,
        metavar="STUDY",
        help="study sheet (default: one nearby with the right checksum)",
    )
    parser.add_argument("--reader", metavar="INITIALS", default="", help="who reads (default: the page asks)")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port (default 0: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="show the address, open nothing")
    parser.add_argument(
        "--second",
        action="store_true",
        help="blinded second read: starts from the automatic labels, writes to review/INITIALS alone",
    )
    parser.add_argument(
        "--agreement",
        action="store_true",
        help="write how second reads agree with first ones to RESULTS/review, and serve nothing",
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, then make the tables."""
    if options.agreement:
        return _agreement(options.results.resolve())
    from qmri.pipeline.reading.readings import check_reader
    from qmri.pipeline.records.ledger import read_ledger
    from qmri.pipeline.run.batch import REVIEW, take_over
    from qmri.pipeline.study.study_sheet import read_study

    try:
        from qmri.review.desk import Desk
        from qmri.review.guard import Door
        from qmri.review.second.blinded_desk import SecondDesk
        from qmri.review.server import LOOPBACK, bind, make_app, serve
    except ModuleNotFoundError as error:
        raise QmriError(
            f"a part of the review is not installed ({error.name})", remedy="pip install 'qmri[review]'"
        ) from None
    results = options.results.resolve()
    ledger = read_ledger(results)
    if options.reader:
        check_reader(options.reader)
    if options.second and not options.reader:
        raise QmriError("a second read is somebody's", remedy="--reader INITIALS names who reads")
    sheet = None if options.second else options.sheet or find_sheet(results, ledger.study_sheet_sha256)
    if sheet is not None:
        sheet = sheet.resolve()
        if lacking := set(ledger.examinations) - set(read_study(sheet).names):
            raise QmriError(
                "the study sheet is not that of these results",
                where=sheet.name,
                found=f"no row for {sorted(lacking)[0]}",
                remedy="--sheet names the sheet that qmri run was given",
            )
    listening = bind(options.port)
    port = listening.getsockname()[1]
    take_over(results, f"{REVIEW} by {options.reader or 'a reader without a name'}")
    addresses: list[str] = []

    def announce(token: str) -> None:
        addresses.append(f"http://{LOOPBACK}:{port}/?token={token}")
        words = "open" if len(addresses) == 1 else "in use; for another browser"
        sys.stdout.write(f"{words}: {addresses[-1]}\n")
        sys.stdout.flush()

    desk = SecondDesk(results, options.reader) if options.second else Desk(results, sheet, options.reader)
    desk.warm()
    app = make_app(desk, Door(announce), port)
    words = f"measures again with {sheet.name}" if sheet else BLINDED if options.second else NO_SHEET
    sys.stdout.write(f"{words}; Ctrl-C ends the review\n")
    sys.stdout.flush()
    if not options.no_browser:
        webbrowser.open(addresses[0])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        serve(app, listening)
    except KeyboardInterrupt:
        pass  # the way in which a review ends
    finally:
        desk.close()
    return _finish(desk.again)


BLINDED = "a blinded second read: nothing is measured again"
NO_SHEET = (
    "no study sheet was found: --sheet names it, else nothing is measured again before the next qmri run"
)


def _agreement(results: Path) -> int:
    """Write the tables on two readers and tell what came of it."""
    from qmri.pipeline.reading.reader_agreement import write_agreement
    from qmri.pipeline.records.ledger import read_ledger
    from qmri.pipeline.run.batch import take_over
    from qmri.words import counted

    read_ledger(results)
    take_over(results, "a comparison of readers")
    written = write_agreement(results)
    sys.stdout.write(
        f"{counted(written.compared, 'examination')} in two reads, "
        f"{counted(written.disagreements, 'disagreement')} without a consensus\n"
    )
    for reader, exam, reason in written.left_out:
        sys.stdout.write(f"left out: {exam}, second read by {reader}: {reason}\n")
    for path in written.tables.values():
        sys.stdout.write(f"{path.relative_to(results).as_posix()}\n")
    return EXIT_OK


def _finish(again: object) -> int:
    """Measure what is left and make the tables, unless the reader will not wait."""
    from qmri.review.again import Again

    if not isinstance(again, Again):
        return EXIT_OK
    sys.stdout.write("making the tables; Ctrl-C leaves that to qmri run\n")
    sys.stdout.flush()
    try:
        again.finish()
    except KeyboardInterrupt:
        again.stop()
        raise KeyboardInterrupt("every decision is saved; qmri run measures what is left") from None
    return EXIT_OK


def find_sheet(results: Path, digest: str) -> Path | None:
    """Return the study sheet that results were made from, if one of its checksum lies nearby.

    Looked at are tables in the folders of the results, in the present folder and one level below it.
    """
    from qmri.pipeline.records.provenance import sha256

    folders = [results.parent, results.parents[min(1, len(results.parents) - 1)], Path.cwd()]
    folders += [path for path in sorted(Path.cwd().iterdir()) if path.is_dir()]
    tables = [path for folder in folders for kind in ("*.csv", "*.tsv") for path in sorted(folder.glob(kind))]
    for path in list(dict.fromkeys(tables))[:MOST_SHEETS]:
        try:
            if path.is_file() and path.stat().st_size < LARGEST_SHEET and sha256(path) == digest:
                return path
        except OSError:
            continue  # a table that may not be read is not the one
    return None
