"""Why a stage was lost: killed or stopped by the machine, so that it could not write a record itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qmri.outputs.files import VERBS

TAIL_BYTES = 100_000
CAUSES = (
    ("No space left on device", "the disk is full", "free some disk"),
    ("Disk quota exceeded", "the disk quota is used up", "free some disk"),
    ("DUE TO TIME LIMIT", "ran out of its time", "give it more: --set-resources {stage}:runtime=MINUTES"),
    ("memory limit", "ran out of memory", "give it more: --set-resources {stage}:mem_mb=MEGABYTES"),
    ("oom-kill", "ran out of memory", "give it more: --set-resources {stage}:mem_mb=MEGABYTES"),
    ("oom_kill", "ran out of memory", "give it more: --set-resources {stage}:mem_mb=MEGABYTES"),
    ("MemoryError", "ran out of memory", "give it more, or run on fewer cores"),
    ("DUE TO", "was cancelled by the cluster", "run again"),
    ("taken over", "was replaced by another run", "run again"),
)
FULL_DISK = ("No space left on device", "Disk quota exceeded")


@dataclass(frozen=True)
class JobFailure:
    """A stage that ended without a record.

    Attributes
    ----------
    stage
        The rule whose job was lost.
    reason, remedy
        What a person reads.
    of_the_machine
        Whether every other stage would meet the same fate: the disk is full. Then nothing is
        noted against the examination.
    """

    stage: str
    reason: str
    remedy: str
    of_the_machine: bool = False


NEVER_BEGUN = JobFailure(
    VERBS[0],
    "the cluster did not take the job",
    "see .snakemake/log; are the site's words in the profile right (account and partition, or image)?",
    of_the_machine=True,
)


def why_failed(stage: str, *logs: Path | None) -> JobFailure:
    """Find in the logs of a job, the stage's and the cluster's, why it ended."""
    text = "".join(_tail(path) for path in logs if path)
    for mark, words, remedy in CAUSES:
        if mark in text:
            return JobFailure(stage, f"{stage} {words}", remedy.format(stage=stage), mark in FULL_DISK)
    remedy = f"see logs/{stage}; if memory was short, run on fewer cores"
    return JobFailure(stage, f"{stage} was killed or stopped, most often for want of memory", remedy)


def last_begun_stage(cluster_log: Path) -> str:
    """Return the stage that a group of stages was at, by what Snakemake says at each beginning."""
    begun = re.findall(r"^(?:local)?rule (\w+):$", _tail(cluster_log), flags=re.MULTILINE)
    return next((rule for rule in reversed(begun) if rule in VERBS), VERBS[0])


def _tail(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().decode("utf-8", errors="replace")
