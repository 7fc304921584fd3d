"""How voxels are fitted: the tables of an echo train, the bounds of the steps, the threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qmri.fit.candidates.field_grid import candidate_table
from qmri.fit.chunks import ThreadPool
from qmri.fit.echoes import EchoTrain
from qmri.fit.solve.common_phase import Sums
from qmri.fit.solve.refine import Limits
from qmri.signal.variable_projection import EnergyTable

R2STAR_RANGE = (-25.0, 2000.0)
"""1/s. Noise takes a small R2* below zero; to cut it off there would bias the mean of a region."""
N_CANDIDATES, N_CANDIDATES_UNEVEN = 3, 5


@dataclass(frozen=True)
class Method:
    """What every step of the fit needs besides the voxels.

    Attributes
    ----------
    train
        Echo times, spectrum, field ambiguity.
    table
        Energies over the grid of fields.
    fat_phase
        Phase of fat ahead of water at echo time 0 that all voxels share, rad.
    sums
        Sums over echoes.
    limits
        Bounds of Gauss-Newton steps.
    n_candidates
        Number of candidate fields in a voxel.
    pool
        Threads.
    """

    train: EchoTrain
    table: EnergyTable
    fat_phase: float
    sums: Sums
    limits: Limits
    n_candidates: int
    pool: ThreadPool

    @classmethod
    def of(cls, train: EchoTrain, pool: ThreadPool) -> Method:
        """Return the method for an echo train."""
        table = candidate_table(train)
        count = N_CANDIDATES if train.even else N_CANDIDATES_UNEVEN
        return cls(train, table, 0.0, Sums.of(train), Limits(table.step, R2STAR_RANGE), count, pool)

    def with_fat_phase(self, fat_phase: float) -> Method:
        """Return the method for fat that is ahead of water by a phase in rad."""
        return replace(self, fat_phase=fat_phase, sums=Sums.of(self.train, fat_phase))

    def with_echoes(self, some: NDArray[np.bool_]) -> Method:
        """Return the method for some of the echoes, a mask (echoes,)."""
        return Method.of(self.train.part(some), self.pool)


class Start(NamedTuple):
    """Field (Hz) and R2* (1/s) of voxels, float32 of shape (voxels,)."""

    field: NDArray[np.float32]
    r2star: NDArray[np.float32]

    def part(self, voxels: slice | NDArray[np.intp]) -> Start:
        """Return the values of some voxels, a slice or their numbers (n,)."""
        return Start(self.field[voxels], self.r2star[voxels])
