"""What a stage cost: wall-clock and CPU time and memory, measured by the process that did it."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

KILOBYTES = 1024 if sys.platform == "darwin" else 1
"""Units of ru_maxrss in a kilobyte: macOS counts bytes."""


@dataclass(frozen=True)
class Cost:
    """What a process has cost since it began.

    Attributes
    ----------
    wall_s
        Wall-clock seconds of the work itself.
    cpu_s
        CPU seconds of the process and the programs it called, its start-up included.
    memory_mb
        Largest resident memory of one of them, MB.
    """

    wall_s: float
    cpu_s: float
    memory_mb: float

    @staticmethod
    def since(began: float) -> Cost:
        """Return the cost of this process, whose work began at this time of the monotonic clock."""
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return Cost(
            monotonic() - began,
            sum(one.ru_utime + one.ru_stime for one in used),
            max(one.ru_maxrss for one in used) / KILOBYTES / 1024,
        )

    def write(self, path: Path) -> None:
        """Write it as a table of one row, in the columns of Snakemake's benchmarks."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"s\tcpu_time\tmax_rss\n{self.wall_s:.2f}\t{self.cpu_s:.2f}\t{self.memory_mb:.1f}\n",
            encoding="utf-8",
        )
