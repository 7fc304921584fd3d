"""Variables of the environment by which the jobs of a run learn what must not stand on a command line."""

from __future__ import annotations

import os
import sys

STUDY_VARIABLE = "QMRI_STUDY"
"""Path of the study sheet."""
RESULTS_VARIABLE = "QMRI_RESULTS"
"""Path of the results folder."""
CONFIG_VARIABLE = "QMRI_CONFIG"
"""The whole configuration of the run as JSON."""
WORKER_VARIABLE, WORKER_IDENTITY_VARIABLE = "QMRI_WORKER", "QMRI_WORKER_IDENTITY"
"""Where the warm worker of the run listens, and which installation it runs."""


def worker_identity() -> str:
    """Return what a worker and the commands that ask it have in common: interpreter, package, mounts."""
    mounts = "/proc/self/ns/mnt"
    space = os.readlink(mounts) if os.path.lexists(mounts) else ""  # noqa: PTH115 - without pathlib: forward.py
    return f"{sys.prefix} {__file__} {space}"
