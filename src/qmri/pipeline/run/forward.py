"""Hand the command line of a stage to the warm worker of the run, where there is one.

A study asks for it thousands of times, so little is imported here.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence

from qmri.pipeline.run.variables import WORKER_IDENTITY_VARIABLE, WORKER_VARIABLE, worker_identity

STAGES = ("ingest", "fit", "segment", "measure", "report")
"""The sub-commands that do a stage of a study where ``--results`` names its folder."""
STATUS_KILLED = 137


def is_of_study(arguments: Sequence[str]) -> bool:
    """Tell whether a command line does a stage of a study."""
    return bool(arguments) and arguments[0] in STAGES and "--results" in arguments


def forward(arguments: Sequence[str]) -> int | None:
    """Let the worker do what a command line asks for and return its exit status; None without a worker.

    The worker must be of this installation and see the same file systems: in a container or on another node
    the command does its work itself.
    """
    address = os.environ.get(WORKER_VARIABLE)
    if not address or os.environ.get(WORKER_IDENTITY_VARIABLE) != worker_identity():
        return None
    umask = os.umask(0)
    os.umask(umask)
    request = {
        "arguments": list(arguments),
        "environment": {key: value for key, value in os.environ.items() if key != WORKER_VARIABLE},
        "folder": os.getcwd(),  # noqa: PTH109 - pathlib takes as long to import as all the rest
        "umask": umask,
    }
    text = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        if connection.connect_ex(address) != 0:
            return None
        socket.send_fds(connection, [len(text).to_bytes(4, "big")], [1, 2])
        connection.sendall(text)
        status = connection.recv(16)
    if not status:
        sys.stderr.write(f"qmri {arguments[0]}: the stage was killed\n")
        return STATUS_KILLED
    return int(status)
