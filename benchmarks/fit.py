"""What the fit costs and how good it is, on phantoms of known truth, beside peers where installed.

    python benchmarks/fit.py                 every table
    python benchmarks/fit.py accuracy cost   some of: accuracy, bar, cost, echoes, volume, peers, challenge,
                                             phases

Every fit of a phantom runs in a process of its own, so that its peak memory is its own. Each table is
printed in Markdown, with the environment; the growth with the volume is drawn into docs/images/fit_time.png.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from challenge import rows as challenge
from fit_bar import rows as bar
from peers import PEERS
from phantom_fits import REPEATS, Case, Maps, cases, judge, rms, run_fit
from phantoms import Phantom, body
from phase_errors import WRONG_BY
from phase_errors import rows as phases
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, object]


def accuracy() -> Iterable[Row]:
    for case in cases():
        maps = run_fit(case)
        yield {"phantom": case.name, **judge(case, maps), "s": maps["seconds"], "MB": maps["mb"]}


def cost() -> Iterable[Row]:
    """Time of a fit of 168 thousand voxels against the bare table of energies."""
    case = Case("cost", body((113, 89, 32)))
    count = int(case.phantom.mask.sum())
    for threads in (1, 2):
        with threadpool_limits(threads):
            bare = bare_table(count)
        maps = run_fit(case, threads)
        row = {"threads": threads, "voxels": count, "fit s": maps["seconds"], "bare table s": bare}
        yield {**row, "ratio": maps["seconds"] / bare, "MB": maps["mb"]}


def bare_table(voxels: int) -> float:
    """Return the time of 8 single-precision products of (voxels x 42) by (42 x 64)."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(voxels, 42)).astype(np.float32)
    table = rng.normal(size=(42, 64)).astype(np.float32)
    seconds = []
    for _ in range(2 * REPEATS):
        start = time.perf_counter()
        for _ in range(8):
            features @ table
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def echoes() -> Iterable[Row]:
    phantom = body((112, 88, 32))
    for count in (3, 4, 6, 8, 12):
        times = tuple(1.2e-3 + 1.0e-3 * echo for echo in range(count))
        case = Case(f"{count} echoes", phantom, times)
        maps = run_fit(case)
        figures = judge(case, maps)
        kept = {key: figures[key] for key in ("swapped %", "PDFF bias", "/ bound", "R2* bias", "/ bound ")}
        yield {"echoes": count, **kept, "s": maps["seconds"], "MB": maps["mb"]}


def volume() -> Iterable[Row]:
    rows = []
    for shape in ((96, 75, 27), (124, 97, 32), (156, 121, 50), (200, 156, 64), (250, 195, 80)):
        case = Case("volume", body(shape))
        maps = run_fit(case)
        count = int(case.phantom.mask.sum())
        row = {"mask voxels": count, "box voxels": case.phantom.mask.size, "CPU s": maps["cpu_seconds"]}
        rows.append({**row, "per million": maps["cpu_seconds"] / count * 1e6, "MB": maps["mb"]})
    draw_volume(rows)
    return rows


def draw_volume(rows: list[Row]) -> None:
    figure, axes = plt.subplots(figsize=(4.2, 2.8), layout="constrained")
    voxels = [float(str(row["mask voxels"])) / 1e6 for row in rows]
    axes.plot(voxels, [row["CPU s"] for row in rows], "o-", color="#1f6f8b")
    axes.set(xlabel="million voxels in the mask, 6 echoes", ylabel="CPU seconds")
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "images" / "fit_time.png", dpi=110)


def peers() -> Iterable[Row]:
    """Peers on one slice of the body each, with and without a hard field, beside this fit."""
    size = (140, 110, 32)
    at_1_5_t = tuple(1.2e-3 + 1.8e-3 * echo for echo in range(6))
    for case in (
        Case("3 T, SNR 30", slice_of(body(size))),
        Case("hard: SNR 12, 600 Hz", slice_of(body(size, field_range=460.0)), snr=12.0),
        Case("1.5 T", slice_of(body(size, field_range=125.0, field_strength=1.5)), at_1_5_t, 1.5),
    ):
        fits = {"qmri": lambda case=case: run_fit(case)} | {
            name: lambda case=case, fit=fit: timed(fit, case) for name, fit in PEERS.items()
        }
        for name, fit in fits.items():
            maps = fit()
            yield {"phantom": case.name, "fit": name, **beside_truth(case, maps), "s": maps["seconds"]}


def beside_truth(case: Case, maps: Maps) -> Row:
    """Compare PDFF and R2* alone: fits differ in what they call the field."""
    mask = case.phantom.mask
    pdff, r2star = ((maps[name] - getattr(case.phantom, name))[mask] for name in ("pdff", "r2star"))
    near = np.abs(pdff) < WRONG_BY
    figures = {"wrong by 25 points %": 100 * np.mean(~near), "PDFF bias": pdff[near].mean()}
    return {**figures, "PDFF RMSE": rms(pdff[near]), "R2* bias": r2star[near].mean()}


def slice_of(phantom: Phantom) -> Phantom:
    middle = slice(phantom.mask.shape[2] // 2, phantom.mask.shape[2] // 2 + 1)
    parts = [getattr(phantom, name)[:, :, middle] for name in ("pdff", "r2star", "field")]
    rest = [getattr(phantom, name)[:, :, middle] for name in ("amplitude", "phase", "mask")]
    return Phantom(*parts, *rest, phantom.voxel_size)


def timed(fit, case: Case) -> Maps:
    signal, edges = case.signal(), case.phantom.voxel_size
    start = time.perf_counter()
    maps = fit(signal, np.array(case.echo_times), case.field_strength, "ren9", edges)
    return {**maps, "seconds": time.perf_counter() - start}


def environment() -> str:
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "scipy"))
    return f"Python {platform.python_version()}, {packages}, {platform.machine()}"


def print_table(rows: Iterable[Row]) -> None:
    """Print rows as they come; a row with other columns begins a head of its own."""

    def cell(value: object) -> str:
        return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)

    head: tuple[str, ...] = ()
    for row in rows:
        if set(row) - set(head):
            head = tuple(row)
            print("| " + " | ".join(head) + " |")
            print("|" + "---|" * len(head))
        print("| " + " | ".join(cell(row.get(name, "")) for name in head) + " |", flush=True)
    if not head:
        print("skipped: the data for this table are not on this machine")


TABLES = {
    "accuracy": accuracy,
    "bar": bar,
    "cost": cost,
    "echoes": echoes,
    "volume": volume,
    "peers": peers,
    "challenge": challenge,
    "phases": phases,
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        sys.exit(f"there is no table {unknown[0]}; there are {', '.join(TABLES)}")
    print(environment())
    print(f"peers: {', '.join(PEERS) or 'none is installed (benchmarks/peers.py tells which and how)'}")
    for name in names or list(TABLES):
        print(f"\n## {name}\n")
        print_table(TABLES[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
