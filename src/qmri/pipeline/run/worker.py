"""Starting the warm worker of a run (`qmri.commands.worker`) and finding it again."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from qmri.pipeline.run.variables import WORKER_IDENTITY_VARIABLE, WORKER_VARIABLE, worker_identity

LIBRARY_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

_process: subprocess.Popen[bytes] | None = None


def start_worker() -> None:
    """Start a worker beside this process and tell the jobs where it is; it ends with this process.

    Nothing happens where one can be reached already. The libraries use one thread in it: the stages share
    the cores among themselves.
    """
    global _process  # noqa: PLW0603 - one worker a process
    if _process is not None or not hasattr(os, "fork") or reachable():
        return
    folder: Path | None = None
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            folder = Path(tempfile.mkdtemp(prefix="qmri-"))
            listener.bind(str(folder / "worker"))
        except OSError as error:  # a path of more than 107 characters, no room
            told = f"note: no warm worker ({error} in the temporary folder); each stage starts by itself"
            sys.stderr.write(f"{told}, which takes longer: TMPDIR names another folder\n")
            if folder is not None:
                folder.rmdir()
            return
        listener.listen(socket.SOMAXCONN)
        _process = subprocess.Popen(
            [sys.executable, "-m", "qmri.commands.worker", str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            env=os.environ | dict.fromkeys(LIBRARY_THREADS, "1"),
            start_new_session=True,
        )
    os.environ[WORKER_VARIABLE] = str(folder / "worker")
    os.environ[WORKER_IDENTITY_VARIABLE] = worker_identity()
    atexit.register(_end, _process, folder, os.getpid())


def reachable() -> bool:
    """Tell whether the environment names a worker of this installation that answers."""
    address = os.environ.get(WORKER_VARIABLE)
    if not address or os.environ.get(WORKER_IDENTITY_VARIABLE) != worker_identity():
        return False
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(address) == 0


def _end(process: subprocess.Popen[bytes], folder: Path, owner: int) -> None:
    if os.getpid() != owner:
        return
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)
