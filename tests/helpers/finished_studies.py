"""Studies that were run once for all workers of the tests."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def finished_study(base: Path, name: str, make_study: Callable[[Path], Path]) -> Path:
    """Return a folder with a study, its ``results`` and what the run printed, ``printed.txt``.

    ``base`` is pytest's folder for temporary files; ``make_study`` is given the folder and returns the study
    sheet. Nobody may change what is there.
    """
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "printed.txt").is_file():
            folder.mkdir(exist_ok=True)
            printed = qmri("run", make_study(folder), "--out", folder / "results", "--cores", "2")
            (folder / "printed.txt").write_text(printed)
    return folder


def qmri(*words: object) -> str:
    """Run the command line and return what it printed."""
    command = [sys.executable, "-m", "qmri", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr
