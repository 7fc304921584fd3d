"""A warm process for the stages of a run: it imports once and forks for each stage.

Started anew, a stage spends longer on importing numpy, scipy, nibabel and the like than many a stage works.
So a run has a worker beside it, and `qmri VERB --exam` hands its command line over
(`qmri.pipeline.run.forward`): the worker loads what the verb needs and forks, and the fork does the stage as
if it had been started itself, with the environment, the folder and the output of the command that asked, and
its own memory and record. A stage that is killed takes no other with it. Without a worker (`qmri fit --exam`
by hand, in a container, on a node where there is none) the command does the stage itself.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from qmri.cli import main
from qmri.errors import QmriError
from qmri.pipeline.run.variables import STUDY_VARIABLE

LOADED: dict[str, tuple[str, ...]] = {
    "ingest": ("qmri.pipeline.stages.ingest",),
    "fit": ("qmri.pipeline.stages.fit",),
    "segment": (
        "qmri.pipeline.stages.segment",
        "matplotlib.backends.backend_agg",
        "matplotlib.figure",
        "matplotlib.patheffects",
    ),
    "measure": ("qmri.pipeline.stages.measure",),
    "report": ("qmri.pipeline.stages.report",),
    "--collect": ("qmri.pipeline.stages.collect",),
    "--study-page": ("qmri.pipeline.stages.study_page",),
    "--participant": ("qmri.pipeline.follow_up.participant_page",),
}
"""What the stage of each verb imports, sooner or later, and what is done for all of a study."""

REQUEST_TIMEOUT_S = 10.0
REAP_EVERY_S = 1.0
INTERRUPTED_FOR_S = 10.0
"""How long a stage that is interrupted may take to clean up."""


def serve(listener: socket.socket, alive: int) -> None:
    """Fork for each command line that comes in, until the file descriptor ``alive`` ends.

    Its other end is held by the process that started this one.
    """
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    waiting.register(alive, selectors.EVENT_READ)
    while True:
        ready = {key.fileobj for key, _ in waiting.select(REAP_EVERY_S)}
        _reap(wait=False)
        if alive in ready and not os.read(alive, 1):
            _reap(wait=True)
            return
        if listener in ready:
            connection, _ = listener.accept()
            with connection:
                _hand_over(connection, listener)


def _hand_over(connection: socket.socket, listener: socket.socket) -> None:
    connection.settimeout(REQUEST_TIMEOUT_S)
    try:
        asked = _received(connection)
    except (OSError, ValueError):
        return  # it went away, or only looked whether somebody is here
    if asked is None:
        return
    request, streams = asked
    words = request["arguments"]
    for module in (module for word in words for module in LOADED.get(word, ())):
        importlib.import_module(module)
    _read_sheet(request["environment"].get(STUDY_VARIABLE))
    if words[:1] == ["report"]:
        _compile_template()
    gc.freeze()
    if os.fork() == 0:
        listener.close()
        _work(connection, request, streams)
    for stream in streams:
        os.close(stream)


def _read_sheet(sheet: str | None) -> None:
    """Read the study sheet, so that the forks need not: of 10,000 examinations it takes a second."""
    from qmri.pipeline.study.study_sheet import read_study

    if sheet:
        with suppress(QmriError, OSError):  # the fork says what is wrong with it
            read_study(Path(sheet))


def _compile_template() -> None:
    """Compile the page of an examination, which takes a fifth of making it."""
    from qmri.report.environment import environment

    with suppress(OSError):  # the fork says what is wrong with it
        environment().get_template("examination.html")


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return what is asked, and the streams to which it is to write; None where nothing is."""
    head, streams, _, _ = socket.recv_fds(connection, 4, 2)
    if len(head) < 4:
        return None
    size, parts = int.from_bytes(head, "big"), b""
    while len(parts) < size and (part := connection.recv(size - len(parts))):
        parts += part
    request: dict[str, Any] = json.loads(parts)
    return request, streams


def _work(connection: socket.socket, request: dict[str, Any], streams: list[int]) -> None:
    """Do what is asked in this process, which is a fork, tell the exit status and end."""
    status = 1
    try:
        connection.settimeout(None)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for target, stream in enumerate(streams, start=1):
            os.dup2(stream, target)
            os.close(stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        os.umask(request["umask"])
        sys.argv = ["qmri", *request["arguments"]]
        threading.Thread(target=_stop_with, args=(connection,), daemon=True).start()
        status = main(request["arguments"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except Exception:  # noqa: BLE001 - told as Python would tell it: a run reads of a full disk in the log
        traceback.print_exc()
    finally:
        with suppress(OSError):  # no room for the log, as for the rest
            sys.stdout.flush()
            sys.stderr.flush()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command goes away when it has its answer
        with suppress(BrokenPipeError):
            connection.sendall(str(status).encode())
        os._exit(status)


def _stop_with(connection: socket.socket) -> None:
    """Interrupt this process when the command that asked for it is gone, and end it if it stays.

    Python drops an interrupt that reaches it in a destructor or in a callback from C.
    """
    if not connection.recv(1):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(INTERRUPTED_FOR_S)
        os.kill(os.getpid(), signal.SIGKILL)


def _reap(*, wait: bool) -> None:
    """Take note of forks that have ended, so that their cost counts as this process's."""
    while True:
        try:
            pid, _ = os.waitpid(-1, 0 if wait else os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(socket.socket(fileno=int(sys.argv[1])), sys.stdin.fileno())
