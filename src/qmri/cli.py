"""The command line: one sub-command per verb. Science is imported only when a verb runs."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import time
from collections.abc import Sequence

from qmri import __version__
from qmri.errors import QmriError

EXIT_OK, EXIT_REFUSED, EXIT_USAGE, EXIT_SOME_FAILED, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

# Sub-command: (module with add_arguments and run, one line of help). A module here imports
# nothing heavy at its top; the science is imported inside run.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("qmri.commands.init", "list the examinations in a folder of DICOM and start a study sheet"),
    "check": ("qmri.commands.check", "look at a study before it runs: folders, people, dates, settings"),
    "run": ("qmri.commands.run", "run the whole pipeline on a study sheet"),
    "ingest": ("qmri.commands.ingest", "read DICOM into echoes and vendor maps"),
    "fit": ("qmri.commands.fit", "estimate water, fat, PDFF, R2* and field"),
    "segment": ("qmri.commands.segment", "find and name the vertebral bodies"),
    "relabel": ("qmri.commands.relabel", "move the level names of an examination"),
    "worklist": ("qmri.commands.worklist", "tell which examinations a reader should look at first"),
    "review": ("qmri.commands.review", "read the examinations in the browser: confirm, mend, refuse"),
    "measure": ("qmri.commands.measure", "take the markers of every vertebra"),
    "risk": ("qmri.commands.risk", "model the risk of a new fracture from markers and outcomes"),
    "report": ("qmri.commands.report", "write the pages people look at"),
    "view": ("qmri.commands.view", "write a page on which an examination is scrolled through"),
    "export": ("qmri.commands.export", "write results as DICOM for the hospital's archive"),
    "compare": ("qmri.commands.compare", "tell how two tables of the same vertebrae agree"),
    "status": ("qmri.commands.status", "tell which examinations failed, why, and what to do"),
    "verify": ("qmri.commands.verify", "check that results and data still belong together"),
    "simulate": ("qmri.commands.simulate", "write a digital reference study with its truth"),
}


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; the arguments of one sub-command alone when it is named."""
    parser = argparse.ArgumentParser(
        prog="qmri",
        description="From IDEAL-IQ DICOM to tables of vertebral bone marrow markers (PDFF and R2*).",
        epilog="qmri COMMAND --help explains each. Exit status: 0 done, 1 refused or failed, 2 wrong usage, "
        "3 the study is done but some examinations failed.",
    )
    parser.add_argument("--version", action="version", version=f"qmri {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, help_line) in COMMANDS.items():
        sub = commands.add_parser(
            name, help=help_line, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        if only == name:
            importlib.import_module(module).add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in arguments if word in COMMANDS), None)
    parser = build_parser(command)
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "run":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    options.rest = rest
    began = time.monotonic()
    try:
        status = int(importlib.import_module(COMMANDS[options.command][0]).run(options))
        if getattr(options, "exam", None):
            importlib.import_module("qmri.commands").note_cost(options, began)
        return status
    except QmriError as error:
        sys.stderr.write(f"qmri {options.command}: {error}\n")
        return EXIT_REFUSED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt as stop:
        sys.stderr.write(f"qmri {options.command}: interrupted{f'; {stop}' if stop.args else ''}\n")
        return EXIT_INTERRUPTED
