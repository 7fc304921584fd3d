"""Which of its candidates each voxel takes, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.chunks import ThreadPool
from qmri.fit.field.message_passing import Coupling, pass_messages
from qmri.fit.voxels import Voxels

Real = NDArray[np.float32]

MAX_EVIDENCE = 15.0
EVIDENCE_EDGE = 3


@dataclass(frozen=True)
class Choice:
    """The candidates taken.

    Attributes
    ----------
    index
        Of the candidate of each voxel, (voxels,).
    risk
        How little the data around a voxel themselves speak for its candidate, smoothness left
        aside: 0 where they are clear, 0.5 where they do not decide, towards 1 where they speak
        for another, float32 of shape (voxels,).
    """

    index: NDArray[np.intp]
    risk: Real

    def of(self, values: Real) -> Real:
        """Return the values (candidates, voxels) of the candidates taken."""
        return values[self.index, np.arange(self.index.size)]


def choose(
    voxels: Voxels,
    costs: Real,
    positions: Real,
    coupling: Coupling,
    pool: ThreadPool,
    *,
    same: float,
    evidence_edge: int = EVIDENCE_EDGE,
) -> Choice:
    """Return the candidates that cost least, neighbours heard.

    Parameters
    ----------
    voxels
        Where the voxels lie.
    costs, positions
        Of each candidate, (candidates, voxels); what is near in position is likely for neighbours.
    coupling
        How strongly neighbours hold together.
    pool
        Threads.
    same
        Candidates nearer than this to the one taken are the same solution.
    evidence_edge
        Edge of the cube, in voxels, whose data the risk asks.
    """
    maps = pass_messages(voxels.on_box(costs), voxels.on_box(positions), voxels.inside, coupling, pool)
    index = voxels.from_box(maps).argmin(axis=0)
    at = (index, np.arange(index.size))
    distance = np.abs(positions - positions[at])
    if coupling.periodic:
        distance = np.abs(distance - np.rint(distance))
    others = np.where(distance < same, np.float32(np.inf), costs)
    evidence = np.minimum(others.min(axis=0) - costs[at], MAX_EVIDENCE)
    return Choice(index, _risk(voxels, evidence, evidence_edge))


def _risk(voxels: Voxels, evidence: Real, edge: int) -> Real:
    """Return ``1 / (1 + exp(sqrt(n) evidence))``, the evidence averaged over the n voxels of a cube."""
    maps = voxels.on_box(np.stack([evidence, np.ones_like(evidence)]))
    mean, share = (voxels.from_box(ndimage.uniform_filter(part, edge, mode="constant")) for part in maps)
    root_n = np.sqrt(share * np.float32(edge**3))
    return np.asarray(1 / (1 + np.exp(mean / share * root_n)), dtype=np.float32)
