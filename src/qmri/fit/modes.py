"""The ways in which echoes are fitted, and how the data choose among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmri.fit import echo_phases
from qmri.fit.assisted import Trust, assisted_solve
from qmri.fit.candidates import Candidates, find_candidates
from qmri.fit.choice import choose
from qmri.fit.costs import candidate_costs, noise_variance
from qmri.fit.echo_phases import EchoPhases
from qmri.fit.field_choice import Coupling
from qmri.fit.method import Method, Start
from qmri.fit.neighbours import with_neighbours
from qmri.fit.phases import phase_map, phase_spread, water_fat_phase
from qmri.fit.reliability import trusted_echoes
from qmri.fit.solution import Solution, solve
from qmri.fit.uncertainty import local_noise_variance
from qmri.fit.voxels import Signals, Voxels

Real = NDArray[np.float32]

FIELD_SD_SHARE = 0.15
"""Standard deviation of the field between neighbours, as a share of the fat shift, per FIELD_SD_MM."""
FIELD_SD_MM = 2.0
JUMP_CAP = 8.0
FREE_PHASE_SPREAD = np.deg2rad(12.0)
"""A spread of the phase of fat beyond this is no error of the spectrum: the phases are set free."""
FREE_PHASE_ROUNDS = 2
ECHO_PHASE, ECHO_PHASE_REST = np.deg2rad(2.0), np.deg2rad(0.2)
"""Smooth phase errors of echoes are removed from the first size on, until the second is left."""
ECHO_PHASE_ROUNDS = 6
MAGNITUDE_ECHOES = 4
MAGNITUDE_STARTS = (0.1, 0.9)
MAGNITUDE_START_R2STAR = 50.0
MAGNITUDE_COUPLING = Coupling((4.0, 4.0, 4.0), 1.0, periodic=False)
COMPLEX, FREE, HYBRID, MAGNITUDE = (
    "complex",
    "complex, free phases",
    "hybrid",
    "magnitude",
)


@dataclass(frozen=True)
class Estimate:
    """What a mode makes of the voxels, in units in which the signal is about 1.

    Attributes
    ----------
    mode
        Its name.
    solution
        Of every voxel.
    noise
        Variance of the noise of one channel in the whole volume.
    local_noise
        The same around each voxel, float32 of shape (voxels,).
    degrees_of_freedom
        Of one voxel.
    swap_risk
        Risk of each voxel, float32 of shape (voxels,).
    fat_phase, phase_spread
        Phase of fat ahead of water, and how much it differs over the volume, rad.
    echo_phases
        Smooth phase errors of the echoes that were removed, or None.
    trusted
        Which echoes have a phase that was used, bool of shape (echoes,).
    """

    mode: str
    solution: Solution
    noise: float
    local_noise: Real
    degrees_of_freedom: int
    swap_risk: Real
    fat_phase: float
    phase_spread: float
    echo_phases: EchoPhases | None
    trusted: NDArray[np.bool_]


@dataclass(frozen=True)
class _First:
    """The first solution of a volume, before neighbours are heard about the field's exact value."""

    solution: Solution
    noise: float
    swap_risk: Real


def estimate_nothing(method: Method) -> Estimate:
    """Return the estimate of no voxel at all."""
    nothing, nowhere = np.empty(0, dtype=np.float32), Solution.empty(0)
    trusted = np.ones(method.train.count, dtype=bool)
    k = method.train.degrees_of_freedom
    return Estimate(COMPLEX, nowhere, 0.0, nothing, k, nothing, 0.0, 0.0, None, trusted)


def estimate_complex(method: Method, voxels: Voxels) -> Estimate:
    """Fit complex echoes with a phase common to water and fat, or otherwise where the data say so."""
    k = method.train.degrees_of_freedom
    method = _with_offset(method, voxels)
    first = _first(method, voxels)
    removed = None
    for _ in range(ECHO_PHASE_ROUNDS if method.train.count >= echo_phases.LEAST_ECHOES else 0):
        errors = echo_phases.estimate(method, voxels, first.solution, first.noise)
        if errors.size.max() < (ECHO_PHASE if removed is None else ECHO_PHASE_REST):
            break
        removed = errors if removed is None else removed.plus(errors)
        voxels = echo_phases.remove(voxels, errors)
        method = _with_offset(method, voxels)
        first = _first(method, voxels)
    trusted = trusted_echoes(method, voxels, first.solution)
    if not trusted.all():
        if trusted.any():
            estimate = _hybrid(method, voxels, trusted)
        else:
            estimate = estimate_magnitude(method.with_fat_phase(0.0), voxels)
        return replace(estimate, echo_phases=removed if trusted.any() else None)
    spread = phase_spread(method, voxels, first.solution, first.noise)
    free = spread > FREE_PHASE_SPREAD
    for _ in range(FREE_PHASE_ROUNDS if free else 0):
        voxels = voxels.with_fat_phase(phase_map(method, voxels, first.solution, first.noise))
        first = _first(method, voxels)
    return Estimate(
        FREE if free else COMPLEX,
        with_neighbours(method, voxels, first.solution, first.noise),
        first.noise,
        local_noise_variance(first.solution.residual, voxels, k, first.noise),
        k,
        first.swap_risk,
        method.fat_phase,
        spread,
        removed,
        trusted,
    )


def estimate_magnitude(method: Method, voxels: Voxels) -> Estimate:
    """Fit magnitudes: of two solutions the better, and likelier beside its neighbours, is taken."""
    k = method.train.count - 3
    trust = Trust(np.zeros(method.train.count, dtype=bool))
    solutions = [
        assisted_solve(method, voxels.signals, _magnitude_start(voxels, share), trust)
        for share in MAGNITUDE_STARTS
    ]
    residual, r2star, fat_share = (
        np.stack([getattr(solution, name) for solution in solutions])
        for name in ("residual", "r2star", "pdff")
    )
    fat_share /= 100
    noise = noise_variance(residual.min(axis=0), voxels.energy, k)
    candidates = Candidates(fat_share, r2star, residual)
    costs = candidate_costs(candidates, voxels.energy, noise, k)
    choice = choose(voxels, costs, fat_share, MAGNITUDE_COUPLING, evidence_edge=1)
    taken = Solution(
        *(choice.of(np.stack(pair)) for pair in zip(*(vars(s).values() for s in solutions), strict=True))
    )
    unknown = np.full(voxels.count, np.nan, dtype=np.float32)
    return Estimate(
        MAGNITUDE,
        replace(taken, field=unknown, phase=unknown),
        noise,
        local_noise_variance(taken.residual, voxels, k, noise),
        k,
        choice.risk,
        0.0,
        0.0,
        None,
        trust.echoes,
    )


def _hybrid(method: Method, voxels: Voxels, trusted: NDArray[np.bool_]) -> Estimate:
    """Tell water from fat by the echoes with a trusted phase; then fit those and the others' magnitudes."""
    part = method.with_echoes(trusted)
    signals = Signals(voxels.signals.echoes[trusted])
    some = replace(voxels, signals=signals, energy=signals.energy)
    part = _with_offset(part, some)
    first = _first(part, some)
    start = with_neighbours(part, some, first.solution, first.noise)
    solution = assisted_solve(method.with_fat_phase(part.fat_phase), voxels.signals, start, Trust(trusted))
    k = method.train.degrees_of_freedom - int(np.sum(~trusted))
    noise = noise_variance(solution.residual, voxels.energy, k)
    local = local_noise_variance(solution.residual, voxels, k, noise)
    return Estimate(HYBRID, solution, noise, local, k, first.swap_risk, part.fat_phase, 0.0, None, trusted)


def _with_offset(method: Method, voxels: Voxels) -> Method:
    offset = water_fat_phase(method, voxels)
    return method if offset == method.fat_phase else method.with_fat_phase(offset)


def _first(method: Method, voxels: Voxels) -> _First:
    """Return the solution of every voxel at the field that message passing chooses."""
    train = method.train
    candidates = find_candidates(method, voxels)
    noise = noise_variance(candidates.residual.min(axis=0), voxels.energy, train.degrees_of_freedom)
    unit = train.period if train.even else abs(train.fat_shift)
    sd_per_mm = FIELD_SD_SHARE * abs(train.fat_shift) / unit / FIELD_SD_MM
    x, y, z = ((sd_per_mm * size) ** -2 for size in voxels.voxel_size)
    costs = candidate_costs(candidates, voxels.energy, noise, train.degrees_of_freedom)
    choice = choose(
        voxels, costs, candidates.field / np.float32(unit), Coupling((x, y, z), JUMP_CAP, train.even)
    )
    start = Start(choice.of(candidates.field), choice.of(candidates.r2star))
    return _First(solve(method, voxels.signals, start), noise, choice.risk)


def _magnitude_start(voxels: Voxels, fat_share: float) -> Solution:
    """Return a start with a share of fat; water and fat together as large as the largest echo."""
    largest = np.abs(voxels.signals.echoes).max(axis=0)
    start = Solution.empty(voxels.count)
    for value in vars(start).values():
        value[...] = 0
    start.water[...], start.fat[...] = largest * np.float32(1 - fat_share), largest * np.float32(fat_share)
    start.r2star[...] = MAGNITUDE_START_R2STAR
    return start
