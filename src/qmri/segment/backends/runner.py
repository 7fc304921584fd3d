"""Run a program of others: in its own process group, with a time limit, and nothing of it left behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from qmri.errors import QmriError

REPORTED_LINES = 4
REPORTED_LENGTH = 300
GRACE_S = 5.0


def run_program(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path, timeout_s: float
) -> float:
    """Run a program to its end and return the seconds that it took.

    Parameters
    ----------
    command
        Program and arguments; no shell sees them.
    environment
        Variables besides those of this process.
    folder
        Working directory.
    log
        File for what the program says.
    timeout_s
        After so many seconds it is ended, with all that it started.

    Raises
    ------
    QmriError
        If the program is not there, fails, or does not end in time; with its last words, without paths.
    """
    begun = time.monotonic()
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise QmriError(
                "the program of the back end cannot be started",
                found=f"{Path(command[0]).name}: {error.strerror}",
                remedy="install it in an environment of its own, and name the program with its full path "
                "in a description of your own",
            ) from None
        try:
            with _ended_with_us():
                status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise QmriError(
                f"the back end did not end within {timeout_s:g} s, and was ended",
                found=last_words(log, folder) or "it said nothing",
                remedy="set timeout_s in its description, or give it a GPU",
            ) from None
        finally:
            _end(process)
    if status != 0:
        raise QmriError(
            f"the back end failed with {_status(status)}",
            found=last_words(log, folder) or "it said nothing",
            remedy="run its command by hand in its environment; weights must be there before, offline",
        )
    return time.monotonic() - begun


def last_words(log: Path, folder: Path) -> str:
    """Return the last lines of a log on one line; of paths only the last part is left."""
    text = log.read_text(encoding="utf-8", errors="replace").replace(str(folder), ".")
    lines = [" ".join(line.split()) for line in text.replace("\r", "\n").splitlines()]
    words = " | ".join([line for line in lines if line][-REPORTED_LINES:])
    words = re.sub(r"(?:[A-Za-z]:)?(?:[\w.~+-]*[\\/])+([\w.+-]*)", r"\1", words)
    return words[-REPORTED_LENGTH:]


def _status(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    killed = " (out of memory, perhaps)" if -status == signal.SIGKILL else ""
    return f"signal {signal.Signals(-status).name}{killed}"


@contextlib.contextmanager
def _ended_with_us() -> Iterator[None]:
    """Let a SIGTERM to this process unwind it, so that the program is ended too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started, those that left its process group included."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        family = []
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for member in family:
            try:
                send(member)
            except psutil.NoSuchProcess:
                continue
        _, family = psutil.wait_procs(family, timeout=GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # children whose parent has already ended
    process.wait()
