"""What a reader changed is measured again in the background: the workflow itself, on behalf of the review."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from qmri.outputs.files import record_path

log = logging.getLogger(__name__)

QUIET_S = 3.0
"""A run starts when nothing was decided for so long."""
TABLES_AFTER_S = 20.0
"""The tables of the study follow when the reader has decided nothing for so long."""
NICE = 10
DONE = (0, 3)
"""Exit statuses of a run that ended well; 3: some examination failed, with its reason."""
INTERRUPTED = 130
"""Exit status of a run that Ctrl-C ended."""


class Again:
    """A thread that runs the workflow for examinations that were changed, one run at a time.

    Parameters
    ----------
    results, sheet
        Results folder and study sheet.
    """

    def __init__(self, results: Path, sheet: Path) -> None:
        self._results, self._sheet = results, sheet
        self._waiting: dict[str, None] = {}
        self._running: tuple[str, ...] = ()
        self._tables_stale = False
        self._failure = ""
        self._last = time.monotonic()
        self._changed = threading.Condition()
        self._ended = False
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._work, name="measure again", daemon=True)
        self._thread.start()

    def ask(self, exam: str) -> None:
        """Have an examination measured again once the reader rests."""
        with self._changed:
            self._waiting[exam] = None
            self._tables_stale = True
            self._last = time.monotonic()
            self._changed.notify()

    def ask_tables(self) -> None:
        """Have tables and pages made again once the reader rests; no examination has changed."""
        with self._changed:
            self._tables_stale = True
            self._last = time.monotonic()
            self._changed.notify()

    def touch(self) -> None:
        """Tell that the reader is at work."""
        with self._changed:
            self._last = time.monotonic()

    def state(self, exam: str | None = None) -> dict[str, object]:
        """Return what is waiting, running or failed, for the page."""
        with self._changed:
            return {
                "waiting": exam in self._waiting if exam else len(self._waiting),
                "running": exam in self._running if exam else len(self._running),
                "tables": "stale" if self._tables_stale else "made",
                "failure": self._failure,
            }

    def finish(self) -> bool:
        """Run what is left and make the tables; return whether that went well."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        return self._run(()) if self._tables_stale else True

    def stop(self) -> None:
        """End the thread and a run at once; `qmri run` does later what was left."""
        with self._changed:
            self._ended, self._waiting = True, {}
            child = self._child
            self._changed.notify()
        if child is not None:
            child.send_signal(signal.SIGINT)
        self._thread.join(timeout=30)

    def _work(self) -> None:
        while True:
            with self._changed:
                exams = self._next()
                if exams is None:
                    return
                self._running = exams
            went_well = self._run(exams)
            with self._changed:
                self._running = ()
                if not exams and went_well and not self._waiting:
                    self._tables_stale = False

    def _next(self) -> tuple[str, ...] | None:
        """Wait for what is to be run: examinations, or () for the tables; None at the end."""
        while True:
            rest = time.monotonic() - self._last
            if self._ended:
                return None
            if self._waiting and rest >= QUIET_S:
                exams, self._waiting = tuple(self._waiting), {}
                return exams
            if not self._waiting and self._tables_stale and not self._failure and rest >= TABLES_AFTER_S:
                return ()
            self._changed.wait(timeout=1.0)

    def _run(self, exams: tuple[str, ...]) -> bool:
        """Run the workflow for examinations, or for the whole study, and tell how it ended."""
        targets = [
            record_path(self._results, exam, "report").relative_to(self._results).as_posix() for exam in exams
        ]
        command = [sys.executable, "-m", "qmri", "run", str(self._sheet), "--out", str(self._results)]
        command += ["--config", str(self._results / "config.yaml"), "--cores", "1", *targets]
        self._child = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: os.nice(NICE),  # noqa: PLW1509 - the child does nothing but exec
        )
        _, told = self._child.communicate()
        status, self._child = self._child.returncode, None
        text = told.decode(errors="replace").strip()
        self._failure = "" if status in DONE else re.sub(r"\s+", " ", text)[-600:] or f"exit status {status}"
        if self._failure and status != INTERRUPTED:  # Ctrl-C ends the run too; what is left follows
            log.error("measuring again failed: %s", self._failure)
        return not self._failure
