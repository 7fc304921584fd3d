"""CPU time and peak memory of the fit here against another checkout of it, in turns in one run.

    git worktree add ../before 925d08a
    python benchmarks/fit_against.py ../before [--shape 113 89 32] [--turns 11]

The two fit the same phantom in processes of their own, one after the other, so that a busy machine slows
both; the ratio is the median over the turns, and the bare table of energies is timed between them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from phantoms import SIX_ECHOES_S, body

from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T

HERE = Path(__file__).resolve().parents[1]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Turns:
    """A process that fits one file with one checkout whenever it is asked."""

    def __init__(self, checkout: Path, source: Path) -> None:
        command = [sys.executable, __file__, "--child", str(source)]
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(checkout / "src")}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, what: str) -> dict[str, float]:
        """Return the CPU seconds of "fit" or of the bare "table", and the peak memory so far, MB."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        answer: dict[str, float] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def child(source: str) -> None:
    """Answer the questions that come on standard input."""
    with np.load(source) as data:
        signal, mask, times = data["signal"], data["mask"], data["echo_times"]
        frequency, size = float(data["frequency"]), tuple(float(edge) for edge in data["voxel_size"])
    for line in sys.stdin:
        if line.strip() == "fit":
            start = time.process_time()
            fit_water_fat(signal, times, frequency, voxel_size=size, mask=mask)
            seconds = time.process_time() - start
        else:
            seconds = bare_table(int(mask.sum()))
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        peak = next(int(row.split()[1]) for row in status if row.startswith("VmHWM")) / 1024
        print(json.dumps({"seconds": seconds, "mb": peak}), flush=True)


def bare_table(voxels: int) -> float:
    """Return the CPU time of 8 single-precision products of (voxels x 42) by (42 x 64)."""
    features, table = np.ones((voxels, 42), np.float32), np.ones((42, 64), np.float32)
    start = time.process_time()
    for _ in range(8):
        features @ table
    return time.process_time() - start


def compare(other: Path, shape: tuple[int, int, int], turns: int) -> None:
    """Print the ratio of the two, and of each to the bare table."""
    phantom = body(shape)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "phantom.npz"
        np.savez(
            source,
            signal=phantom.signal(SIX_ECHOES_S, 3.0, 30.0),
            mask=phantom.mask,
            echo_times=SIX_ECHOES_S,
            frequency=3.0 * GAMMA_MHZ_PER_T,
            voxel_size=phantom.voxel_size,
        )
        before, now = Turns(other, source), Turns(HERE, source)
        for each in (before, now):
            each.ask("fit")
        peak = [each.ask("fit")["mb"] for each in (before, now)]
        rows = [[each.ask("fit") for each in (before, now)] + [now.ask("table")] for _ in range(turns)]
        for each in (before, now):
            each.close()
    was, is_now, table = ([row[place]["seconds"] for row in rows] for place in range(3))
    print(f"{int(phantom.mask.sum())} voxels of 6 echoes, one thread, median of {turns} turns")
    print(f"CPU here / there     {_ratio(is_now, was):.3f}")
    print(f"here / bare table    {_ratio(is_now, table):.2f}")
    print(f"there / bare table   {_ratio(was, table):.2f}")
    print(f"peak of the process  {peak[1]:.0f} MB here, {peak[0]:.0f} MB there")


def _ratio(one: list[float], other: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, nargs="?", help="root of the other checkout")
    parser.add_argument("--shape", type=int, nargs=3, default=(113, 89, 32), metavar=("X", "Y", "Z"))
    parser.add_argument("--turns", type=int, default=11)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
    elif arguments.other is None or not (arguments.other / "src" / "qmri").is_dir():
        parser.error("name the root of another checkout, in which src/qmri lies")
    else:
        compare(arguments.other, tuple(arguments.shape), arguments.turns)
