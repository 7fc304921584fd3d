"""What the fit costs and how good it is, on phantoms of known truth, beside peers where installed.

    python benchmarks/fit.py                 every table
    python benchmarks/fit.py accuracy cost   some of: accuracy, cost, echoes, volume, peers, phases

Every fit runs in a process of its own, so that its peak memory is its own. Each table is printed in
Markdown, with the environment; the growth with the volume is drawn into docs/images/fit_time.png.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from peers import PEERS
from phantoms import SIX_ECHOES_S, Phantom, body, spine
from phase_errors import rows as phases
from threadpoolctl import threadpool_limits

from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel, cramer_rao

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 3


@dataclass(frozen=True)
class Case:
    """A phantom with its acquisition."""

    name: str
    phantom: Phantom
    echo_times: tuple[float, ...] = SIX_ECHOES_S
    field_strength: float = 3.0
    snr: float = 30.0

    @property
    def frequency(self) -> float:
        """Imaging frequency, MHz."""
        return GAMMA_MHZ_PER_T * self.field_strength

    def signal(self) -> NDArray[np.complex64]:
        """Return the signal with noise."""
        return self.phantom.signal(self.echo_times, self.field_strength, self.snr)


def accuracy_cases() -> list[Case]:
    at_1_5_t = tuple(1.2e-3 + 1.8e-3 * echo for echo in range(6))
    size = (140, 110, 32)
    return [
        Case("3 T, SNR 30", body(size)),
        Case("hard: SNR 12, 600 Hz", body(size, field_range=460.0), snr=12.0),
        Case("1.5 T", body(size, field_range=125.0, field_strength=1.5), at_1_5_t, 1.5),
        Case("R2* up to 500 1/s", body(size, r2star_max=500.0)),
        Case("R2* up to 800 1/s", body(size, r2star_max=800.0)),
        Case("spine beside a lung", spine((36, 156, 156))),
    ]


def run_fit(case: Case, threads: int = 1, mask: bool = True) -> dict[str, NDArray[np.float32] | float]:
    """Fit a case in a process of its own; return its maps, its time and its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            source,
            signal=case.signal(),
            mask=case.phantom.mask if mask else np.ones_like(case.phantom.mask),
            echo_times=case.echo_times,
            voxel_size=case.phantom.voxel_size,
        )
        command = [sys.executable, __file__, "--child", str(source), str(target), str(case.frequency)]
        figures = json.loads(subprocess.check_output([*command, str(threads)]))
        with np.load(target) as maps:
            return {**maps, **figures}


def child(source: str, target: str, frequency: str, threads: str) -> None:
    """Fit one file; the process ends afterwards, so its peak memory is that of the fit."""
    with np.load(source) as data:
        given = dict(data)
    size = tuple(float(edge) for edge in given["voxel_size"])
    seconds, cpu = [], []
    for _ in range(REPEATS):
        start, start_cpu = time.perf_counter(), time.process_time()
        result = fit_water_fat(
            given["signal"],
            given["echo_times"],
            float(frequency),
            voxel_size=(size[0], size[1], size[2]),
            mask=given["mask"],
            threads=int(threads),
        )
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    maps = {name: getattr(result, name) for name in ("pdff", "r2star", "field", "pdff_sd", "r2star_sd")}
    np.savez(target, **maps)
    figures = {"seconds": float(np.median(seconds)), "cpu_seconds": float(np.median(cpu))}
    print(json.dumps({**figures, "mb": peak_memory()}))


def peak_memory() -> float:
    """Return the peak memory of this process, MB (Linux; ru_maxrss would include that of the parent)."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def judge(case: Case, maps: dict[str, NDArray[np.float32] | float]) -> dict[str, float]:
    """Compare maps with the truth; RMSE over the Cramer-Rao bound, stated over real deviation."""
    truth, mask = case.phantom, case.phantom.mask
    error = (maps["field"] - truth.field)[mask]
    steps = np.diff(case.echo_times)
    if np.ptp(steps) < 1e-6:
        period = 1 / steps[0]
        error = error - period * np.rint(error / period)
    missing = np.isnan(maps["pdff"][mask])
    swapped = ~missing & ~(np.abs(error) < 3.4 * case.frequency / 4)
    good = ~missing & ~swapped
    fat = (truth.amplitude * truth.pdff / 100)[mask]
    parameters = np.stack([truth.amplitude[mask] - fat, fat, truth.r2star[mask]]).round(3)
    kinds, which = np.unique(parameters, axis=1, return_inverse=True)
    model = WaterFatModel.at("ren9", case.echo_times, case.frequency)
    bound = cramer_rao(model, *kinds, 1 / case.snr)
    pdff, r2star = ((maps[name] - getattr(truth, name))[mask][good] for name in ("pdff", "r2star"))
    figures = {
        "voxels": int(mask.sum()),
        "swapped %": 100 * swapped.mean(),
        "no value %": 100 * missing.mean(),
        "PDFF bias": pdff.mean(),
        "PDFF RMSE": rms(pdff),
        "/ bound": rms(pdff) / rms(bound.pdff[which][good]),
        "R2* bias": r2star.mean(),
        "R2* RMSE": rms(r2star),
        "/ bound ": rms(r2star) / rms(bound.r2star[which][good]),
    }
    if "pdff_sd" in maps:
        figures["sd PDFF"] = rms(maps["pdff_sd"][mask][good]) / rms(pdff)
        figures["sd R2*"] = rms(maps["r2star_sd"][mask][good]) / rms(r2star)
    return figures


def rms(values: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def accuracy() -> list[dict[str, object]]:
    rows = []
    for case in accuracy_cases():
        maps = run_fit(case)
        rows.append({"phantom": case.name, **judge(case, maps), "s": maps["seconds"], "MB": maps["mb"]})
    return rows


def cost() -> list[dict[str, object]]:
    """Time of a fit of 168 thousand voxels against the bare table of energies."""
    case = Case("cost", body((113, 89, 32)))
    count = int(case.phantom.mask.sum())
    rows = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            bare = bare_table(count)
        maps = run_fit(case, threads)
        row = {"threads": threads, "voxels": count, "fit s": maps["seconds"], "bare table s": bare}
        rows.append({**row, "ratio": maps["seconds"] / bare, "MB": maps["mb"]})
    return rows


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


def echoes() -> list[dict[str, object]]:
    rows = []
    phantom = body((112, 88, 32))
    for count in (3, 4, 6, 8, 12):
        times = tuple(1.2e-3 + 1.0e-3 * echo for echo in range(count))
        case = Case(f"{count} echoes", phantom, times)
        maps = run_fit(case)
        figures = judge(case, maps)
        kept = {key: figures[key] for key in ("swapped %", "PDFF bias", "/ bound", "R2* bias", "/ bound ")}
        rows.append({"echoes": count, **kept, "s": maps["seconds"], "MB": maps["mb"]})
    return rows


def volume() -> list[dict[str, object]]:
    rows = []
    for shape in ((96, 75, 27), (124, 97, 32), (156, 121, 50), (200, 156, 64), (250, 195, 80)):
        case = Case("volume", body(shape))
        maps = run_fit(case)
        count = int(case.phantom.mask.sum())
        row = {"mask voxels": count, "box voxels": case.phantom.mask.size, "CPU s": maps["cpu_seconds"]}
        rows.append({**row, "per million": maps["cpu_seconds"] / count * 1e6, "MB": maps["mb"]})
    draw_volume(rows)
    return rows


def draw_volume(rows: list[dict[str, object]]) -> None:
    figure, axes = plt.subplots(figsize=(4.2, 2.8), layout="constrained")
    voxels = [float(str(row["mask voxels"])) / 1e6 for row in rows]
    axes.plot(voxels, [row["CPU s"] for row in rows], "o-", color="#1f6f8b")
    axes.set(xlabel="million voxels in the mask, 6 echoes", ylabel="CPU seconds")
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "images" / "fit_time.png", dpi=110)


def peers() -> list[dict[str, object]]:
    """Peers on one slice of the body each, with and without a hard field, beside this fit."""
    cases = [
        Case("3 T, SNR 30", slice_of(body((140, 110, 32)))),
        Case("hard: SNR 12, 600 Hz", slice_of(body((140, 110, 32), field_range=460.0)), snr=12.0),
    ]
    rows = []
    for case in cases:
        fits = {"qmri": lambda case=case: run_fit(case)} | {
            name: lambda case=case, fit=fit: timed(fit, case) for name, fit in PEERS.items()
        }
        for name, fit in fits.items():
            maps = fit()
            figures = judge(case, maps)
            kept = {key: figures[key] for key in ("swapped %", "PDFF bias", "PDFF RMSE", "R2* bias")}
            rows.append({"phantom": case.name, "fit": name, **kept, "s": maps["seconds"]})
    return rows


def slice_of(phantom: Phantom) -> Phantom:
    middle = slice(phantom.mask.shape[2] // 2, phantom.mask.shape[2] // 2 + 1)
    parts = [getattr(phantom, name)[:, :, middle] for name in ("pdff", "r2star", "field")]
    rest = [getattr(phantom, name)[:, :, middle] for name in ("amplitude", "phase", "mask")]
    return Phantom(*parts, *rest, phantom.voxel_size)


def timed(fit, case: Case) -> dict[str, NDArray[np.float32] | float]:
    signal = case.signal()
    start = time.perf_counter()
    maps = fit(signal[:, :, 0], np.array(case.echo_times), case.field_strength)
    seconds = time.perf_counter() - start
    return {name: values[:, :, np.newaxis] for name, values in maps.items()} | {"seconds": seconds}


def environment() -> str:
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "scipy"))
    return f"Python {platform.python_version()}, {packages}, {platform.machine()}"


def print_table(rows: list[dict[str, object]]) -> None:
    def cell(value: object) -> str:
        return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)

    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(cell(value) for value in row.values()) + " |", flush=True)


TABLES = {
    "accuracy": accuracy,
    "cost": cost,
    "echoes": echoes,
    "volume": volume,
    "peers": peers,
    "phases": lambda: list(phases()),
}


def main(names: list[str]) -> None:
    print(environment())
    for name in names or list(TABLES):
        print(f"\n## {name}\n")
        print_table(TABLES[name]())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main(sys.argv[1:])
