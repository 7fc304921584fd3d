"""The first solution of a volume: candidates, the choice among them, and the refinement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.fit.candidates.choice import candidate_costs, choose, noise_variance
from qmri.fit.candidates.minima import find_candidates
from qmri.fit.echoes import EchoTrain
from qmri.fit.field.message_passing import Coupling
from qmri.fit.phase.explanation import Sample, explain
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.solution import Solution, solve
from qmri.fit.voxels import Voxels

FIELD_SD_SHARE = 0.15
"""Standard deviation of the field between neighbours, as a share of the fat shift, per FIELD_SD_MM."""
FIELD_SD_MM = 2.0
SAME_SHARE = 0.25
"""Fields nearer than this share of the fat shift are one solution."""
OFFSET_VOXELS = 500
LEAST_OFFSET = np.deg2rad(10.0)
"""A smaller phase of fat biases PDFF by less than 0.1 pp, and a wrong spectrum may feign it."""
OFFSET_ERRORS = 5.0
"""Standard errors by which it must differ from 0."""
JUMP_CAP = 8.0
"""Cost of a jump of the field of any size, in log-likelihood."""


@dataclass(frozen=True)
class FirstPass:
    """The solution of every voxel before neighbours are heard about the exact value of its field.

    Attributes
    ----------
    solution
        At the field that message passing chose.
    noise
        Variance of the noise of one channel.
    swap_risk
        float32 of shape (voxels,).
    """

    solution: Solution
    noise: float
    swap_risk: NDArray[np.float32]


def first_pass(method: Method, voxels: Voxels) -> FirstPass:
    """Return the first solution of every voxel."""
    train = method.train
    k = train.degrees_of_freedom
    candidates = find_candidates(method, voxels)
    noise = noise_variance(candidates.residual.min(axis=0), voxels.energy, k)
    costs = candidate_costs(candidates, voxels.energy, noise, k)
    unit = train.period if train.even else abs(train.fat_shift)
    coupling = _coupling(train, unit, voxels.voxel_size)
    same = SAME_SHARE * abs(train.fat_shift) / unit
    choice = choose(voxels, costs, candidates.field / np.float32(unit), coupling, method.pool, same=same)
    start = Start(choice.of(candidates.field), choice.of(candidates.r2star))
    return FirstPass(solve(method, voxels.signals, start), noise, choice.risk)


def with_offset(method: Method, voxels: Voxels) -> Method:
    """Return the method with the phase of fat ahead of water that the volume has."""
    found = explain(method.with_fat_phase(0.0), Sample.of(voxels, OFFSET_VOXELS), fat_alone=True)
    offset = float(found.fat_phase[0])
    if abs(offset) < max(LEAST_OFFSET, OFFSET_ERRORS * found.fat_phase_error):
        offset = 0.0
    return method if offset == method.fat_phase else method.with_fat_phase(offset)


def _coupling(train: EchoTrain, unit: float, voxel_size: tuple[float, float, float]) -> Coupling:
    """Return how strongly the fields of neighbours hold together, fields being counted in ``unit`` Hz."""
    sd_per_mm = FIELD_SD_SHARE * abs(train.fat_shift) / unit / FIELD_SD_MM
    x, y, z = ((sd_per_mm * size) ** -2 for size in voxel_size)
    return Coupling((x, y, z), JUMP_CAP, periodic=train.even)
