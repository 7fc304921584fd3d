"""Phantoms with their acquisition, fitted in a process of its own each, and the fit beside the truth."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from phantoms import SIX_ECHOES_S, Phantom, body, spine

from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel, cramer_rao

REPEATS = 3
Maps = dict[str, NDArray[np.float32] | float]


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


def cases() -> list[Case]:
    """Return the phantoms on which the accuracy is told."""
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


def run_fit(case: Case, threads: int = 1, mask: bool = True) -> Maps:
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
        command = [sys.executable, __file__, str(source), str(target), str(case.frequency)]
        figures = json.loads(subprocess.check_output([*command, str(threads)]))
        with np.load(target) as maps:
            return {**maps, **figures}


def child(source: str, target: str, frequency: str, threads: str) -> None:
    """Fit one file; the process ends afterwards, so its peak memory is that of the fit."""
    with np.load(source) as data:
        given = dict(data)
    seconds, cpu = [], []
    for _ in range(REPEATS):
        start, start_cpu = time.perf_counter(), time.process_time()
        result = fit_water_fat(
            given["signal"],
            given["echo_times"],
            float(frequency),
            voxel_size=given["voxel_size"],
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


def judge(case: Case, maps: Maps) -> dict[str, float]:
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
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


if __name__ == "__main__":
    child(*sys.argv[1:])
