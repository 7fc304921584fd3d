"""Fits without phases: of magnitudes alone, and of magnitudes where other echoes tell water from fat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qmri.fit.candidates.choice import candidate_costs, choose, noise_variance
from qmri.fit.candidates.minima import Candidates
from qmri.fit.field.message_passing import Coupling
from qmri.fit.field.prior import with_neighbours
from qmri.fit.modes.assisted import Trust, assisted_solve
from qmri.fit.precision.noise_correlation import local_noise_variance
from qmri.fit.solve.estimate import Estimate, Mode
from qmri.fit.solve.first_pass import first_pass, with_offset
from qmri.fit.solve.method import Method
from qmri.fit.solve.solution import Solution
from qmri.fit.voxels import Signals, Voxels

LEAST_ECHOES = 4
START_FAT_SHARES = (0.1, 0.9)
START_R2STAR = 50.0
SAME_SHARE = 0.1
"""Solutions whose shares of fat differ by less are one."""
COUPLING = Coupling((4.0, 4.0, 4.0), 1.0, periodic=False)
"""How likely neighbours have a similar share of fat: a weak preference, for tissues do border on fat."""


def estimate_magnitude(method: Method, voxels: Voxels) -> Estimate:
    """Fit magnitudes; of two solutions the better, and likelier beside its neighbours, is taken."""
    k = method.train.count - 3
    trust = Trust(np.zeros(method.train.count, dtype=bool))
    starts = (_start(voxels, share) for share in START_FAT_SHARES)
    solutions = [assisted_solve(method, voxels.signals, start, trust) for start in starts]
    share = np.stack([solution.pdff for solution in solutions]) / np.float32(100)
    r2star = np.stack([solution.r2star for solution in solutions])
    residual = np.stack([solution.residual for solution in solutions])
    noise = noise_variance(residual.min(axis=0), voxels.energy, k)
    costs = candidate_costs(Candidates(share, r2star, residual), voxels.energy, noise, k)
    choice = choose(voxels, costs, share, COUPLING, method.pool, same=SAME_SHARE, evidence_edge=1)
    both = (np.stack(values) for values in zip(*(vars(each).values() for each in solutions), strict=True))
    taken = Solution(*(choice.of(values) for values in both))
    unknown = np.full(voxels.count, np.nan, dtype=np.float32)
    return Estimate(
        mode=Mode.MAGNITUDE,
        solution=replace(taken, field=unknown, phase=unknown),
        noise=noise,
        local_noise=local_noise_variance(taken.residual, voxels, k, noise),
        degrees_of_freedom=k,
        swap_risk=choice.risk,
        trusted=trust.echoes,
    )


def _start(voxels: Voxels, fat_share: float) -> Solution:
    """Return a start with a share of fat; water and fat together as large as the largest echo."""
    largest = np.abs(voxels.signals.echoes).max(axis=0)
    start = Solution(*(np.zeros_like(largest) for _ in vars(Solution.empty(0))))
    return replace(
        start,
        water=largest * np.float32(1 - fat_share),
        fat=largest * np.float32(fat_share),
        r2star=np.full_like(largest, START_R2STAR),
    )


def estimate_hybrid(method: Method, voxels: Voxels, trusted: NDArray[np.bool_]) -> Estimate:
    """Fit the echoes with a trusted phase, then those and the magnitudes of the others together.

    Parameters
    ----------
    method, voxels
        How to fit, and what.
    trusted
        Which echoes have a phase that can be trusted, bool of shape (echoes,).
    """
    signals = Signals(voxels.signals.echoes[trusted])
    some = replace(voxels, signals=signals, energy=signals.energy)
    part = with_offset(method.with_echoes(trusted), some)
    first = first_pass(part, some)
    start = with_neighbours(part, some, first.solution, first.noise)
    solution = assisted_solve(method.with_fat_phase(part.fat_phase), voxels.signals, start, Trust(trusted))
    k = method.train.degrees_of_freedom - int(np.sum(~trusted))
    noise = noise_variance(solution.residual, voxels.energy, k)
    return Estimate(
        mode=Mode.HYBRID,
        solution=solution,
        noise=noise,
        local_noise=local_noise_variance(solution.residual, voxels, k, noise),
        degrees_of_freedom=k,
        swap_risk=first.swap_risk,
        trusted=trusted,
        fat_phase=part.fat_phase,
    )
