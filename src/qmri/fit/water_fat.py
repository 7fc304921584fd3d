"""The fit from end to end: each step is a module of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.errors import QmriError
from qmri.fit.candidates import Candidates, find_candidates
from qmri.fit.chunks import workers
from qmri.fit.costs import candidate_costs, noise_variance, sample
from qmri.fit.echoes import EchoTrain, echo_train
from qmri.fit.field_choice import Coupling, pass_messages
from qmri.fit.foreground import Reason, foreground, reasons, root_mean_square
from qmri.fit.method import R2STAR_RANGE, Method, Start
from qmri.fit.neighbours import with_neighbours
from qmri.fit.phases import phase_map, phase_spread, water_fat_phase
from qmri.fit.result import Decisions, WaterFatResult
from qmri.fit.solution import Solution, solve
from qmri.fit.uncertainty import local_noise_variance
from qmri.fit.voxels import Voxels, gather
from qmri.signal import WATER_PPM_37C, FatModel
from qmri.signal import fat_model as find_fat_model

Real = NDArray[np.float32]

FIELD_SD_SHARE = 0.15
"""Standard deviation of the field between neighbours, as a share of the fat shift, per FIELD_SD_MM."""
FIELD_SD_MM = 2.0
JUMP_CAP = 8.0
MESSAGE_ROUNDS = 2
PDFF_RANGE = (-100.0, 200.0)
"""Percent. Beyond it water and fat cancel each other: the voxel holds noise, or no water and fat."""
FREE_PHASE_SPREAD = np.deg2rad(12.0)
"""A spread of the phase of fat beyond this is no error of the spectrum: the phases are set free."""
FREE_PHASE_ROUNDS = 2


def fit_water_fat(
    signal: ArrayLike,
    echo_times: ArrayLike,
    imaging_frequency: float,
    *,
    voxel_size: tuple[float, float, float] | None = None,
    fat_model: str | FatModel = "ren9",
    water_ppm: float = WATER_PPM_37C,
    mask: ArrayLike | None = None,
    threads: int = 1,
) -> WaterFatResult:
    """Estimate water, fat, PDFF, R2* and field of every voxel.

    Parameters
    ----------
    signal
        Complex echoes of shape (x, y, z, echo), (x, y, echo) or (x, echo).
    echo_times
        s, shape (echo,), ascending.
    imaging_frequency
        Centre frequency of the scanner, MHz.
    voxel_size
        Edge lengths of a voxel along the spatial axes, mm; sets how smooth the field is along
        each axis. Without it all axes count alike.
    fat_model
        Fat spectrum or its id.
    water_ppm
        Chemical shift of water (`qmri.signal.water_position`).
    mask
        Voxels to fit, of the spatial shape; the automatic foreground without it.
    threads
        Number of threads. The result has the same bits with any number.

    Returns
    -------
    WaterFatResult
        Maps and decisions.

    Raises
    ------
    QmriError
        If the shapes do not agree, or the echoes cannot separate water and fat.
    """
    spectrum = find_fat_model(fat_model)
    train = echo_train(spectrum, echo_times, imaging_frequency, water_ppm=water_ppm)
    volume = np.asarray(signal)
    given = None if mask is None else np.asarray(mask, dtype=bool)
    _check_shapes(volume, given, train)
    grid = volume.shape[:-1]
    volume = volume.reshape(*grid, *(1,) * (4 - volume.ndim), train.count)
    rms = root_mean_square(volume)
    reason = reasons(rms, foreground(rms) if given is None else given.reshape(rms.shape))
    sizes = (*(voxel_size or ()), FIELD_SD_MM, FIELD_SD_MM, FIELD_SD_MM)
    voxels = gather(volume, reason == Reason.FITTED, (sizes[0], sizes[1], sizes[2]))
    with workers(threads) as team:
        fit = _fit(Method.of(train, team), voxels)
    decisions = Decisions(
        mode=fit.mode,
        fat_model_id=spectrum.id,
        water_ppm=water_ppm,
        echo_count=train.count,
        evenly_spaced=train.even,
        field_period_hz=train.period if train.even else None,
        mask_source="automatic" if given is None else "given",
        n_voxels=voxels.count,
        noise_sd=float(np.sqrt(fit.noise)) * voxels.scale,
        water_fat_phase_deg=float(np.rad2deg(fit.fat_phase)),
        phase_spread_deg=float(np.rad2deg(fit.phase_spread)),
        warnings=train.warnings,
    )
    return _assembled(fit, voxels, reason, grid, decisions)


@dataclass(frozen=True)
class _Fit:
    """The fit of the voxels of a mask, in units in which the signal is about 1."""

    solution: Solution
    noise: float
    local_noise: Real
    swap_risk: Real
    mode: str
    fat_phase: float
    phase_spread: float


def _fit(method: Method, voxels: Voxels) -> _Fit:
    k = method.train.degrees_of_freedom
    offset = water_fat_phase(method, voxels)
    if offset != 0:
        method = method.with_fat_phase(offset)
    first, noise, swap_risk = _first_solution(method, voxels)
    spread = phase_spread(method, voxels, first, noise)
    free = spread > FREE_PHASE_SPREAD
    for _ in range(FREE_PHASE_ROUNDS if free else 0):
        voxels = voxels.with_fat_phase(phase_map(method, voxels, first, noise))
        first, noise, swap_risk = _first_solution(method, voxels)
    solution = with_neighbours(method, voxels, first, noise)
    local = local_noise_variance(first.residual, voxels, k, noise)
    return _Fit(
        solution, noise, local, swap_risk, "complex, free phases" if free else "complex", offset, spread
    )


def _first_solution(method: Method, voxels: Voxels) -> tuple[Solution, float, Real]:
    """Return the solution of every voxel at the chosen field, the noise variance and the swap risk."""
    candidates = find_candidates(method, voxels)
    some = sample(voxels.count)
    noise = noise_variance(candidates.residual[:, some].min(axis=0), method.train.degrees_of_freedom)
    start, swap_risk = _choose(candidates, voxels, noise, method.train)
    return solve(method, voxels.signals, start), noise, swap_risk


def _choose(candidates: Candidates, voxels: Voxels, noise: float, train: EchoTrain) -> tuple[Start, Real]:
    """Return the candidate chosen in each voxel, and the swap risk."""
    unit = train.period if train.even else abs(train.fat_shift)
    costs = candidate_costs(candidates, voxels.energy, noise, train)
    per_mm = FIELD_SD_SHARE * abs(train.fat_shift) / unit / FIELD_SD_MM
    x, y, z = ((per_mm * size) ** -2 for size in voxels.voxel_size)
    belief = voxels.from_box(
        pass_messages(
            voxels.on_box(costs),
            voxels.on_box(candidates.field / np.float32(unit)),
            voxels.inside,
            Coupling((x, y, z), JUMP_CAP, train.even),
            MESSAGE_ROUNDS,
        )
    )
    best = belief.argmin(axis=0)
    at = (best, np.arange(best.size))
    others = belief - belief[at]
    others[at] = np.inf
    risk = 1 / (1 + np.exp(np.minimum(others.min(axis=0, initial=np.inf), 80.0)))
    return Start(candidates.field[at], candidates.r2star[at]), risk.astype(np.float32)


def _assembled(
    fit: _Fit,
    voxels: Voxels,
    reason: NDArray[np.uint8],
    grid: tuple[int, ...],
    decisions: Decisions,
) -> WaterFatResult:
    solution = fit.solution
    codes = np.full(solution.field.size, Reason.FITTED, dtype=np.uint8)
    codes[solution.r2star >= R2STAR_RANGE[1]] = Reason.R2STAR_AT_LIMIT
    spread = solution.pdff_variance + solution.r2star_variance
    codes[~((solution.pdff > PDFF_RANGE[0]) & (solution.pdff < PDFF_RANGE[1]))] = Reason.UNPHYSICAL
    codes[~np.isfinite(solution.pdff + spread) | (solution.pdff_variance < 0)] = Reason.NOT_CONVERGED
    valid = codes == Reason.FITTED

    def on_grid(values: Real) -> Real:
        result = np.full(voxels.mask.shape, np.nan, dtype=np.float32)
        result[voxels.mask] = np.where(valid, values, np.float32(np.nan))
        return result.reshape(grid)

    reason[voxels.mask] = codes
    k = 2 * decisions.echo_count - 5
    field = solution.field
    if period := decisions.field_period_hz:
        field = field - np.float32(period) * np.rint(field / np.float32(period))
    noise_sd = np.sqrt(fit.local_noise)
    pdff_sd, r2star_sd = (
        noise_sd * np.sqrt(np.maximum(variance, 0))
        for variance in (solution.pdff_variance, solution.r2star_variance)
    )
    return WaterFatResult(
        pdff=on_grid(solution.pdff),
        r2star=on_grid(solution.r2star),
        field=on_grid(field),
        water=on_grid(solution.water * np.float32(voxels.scale)),
        fat=on_grid(solution.fat * np.float32(voxels.scale)),
        phase=on_grid(solution.phase),
        pdff_sd=on_grid(pdff_sd),
        r2star_sd=on_grid(r2star_sd),
        residual=on_grid(np.sqrt(solution.residual / voxels.energy)),
        rchi2=on_grid(solution.residual / np.float32(k * fit.noise + np.finfo(np.float32).tiny)),
        swap_risk=on_grid(fit.swap_risk),
        reason=reason.reshape(grid),
        decisions=decisions,
    )


def _check_shapes(volume: NDArray[np.generic], mask: NDArray[np.bool_] | None, train: EchoTrain) -> None:
    if not 2 <= volume.ndim <= 4 or volume.shape[-1] != train.count:
        raise QmriError(
            "the signal does not have the shape that is fitted",
            found=f"shape {volume.shape} with {train.count} echo times",
            expected="spatial axes first (one to three), one entry for each echo time last",
        )
    if not np.iscomplexobj(volume):
        raise QmriError("the signal is not complex", found=str(volume.dtype), expected="complex echoes")
    if mask is not None and mask.shape != volume.shape[:-1]:
        raise QmriError(
            "the mask is on another grid than the signal",
            found=f"shape {mask.shape}",
            expected=f"{volume.shape[:-1]}",
        )
