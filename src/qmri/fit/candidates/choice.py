"""What each candidate costs a voxel on its own, and which one it takes beside its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.candidates.minima import Candidates
from qmri.fit.chunks import ThreadPool, sample
from qmri.fit.field.message_passing import Coupling, pass_messages
from qmri.fit.voxels import Voxels

Real = NDArray[np.float32]

MAX_EVIDENCE = 15.0
EVIDENCE_EDGE = 3
MODEL_ERROR = 0.01
"""Model error taken as certain, as a share of the signal."""
ROUNDING = 1e-10
# No paper gives these; from a quarter to four times as much changes no voxel (benchmarks/fit_weights.py).
LOG_SCALE = 4.0
COST_CAP = 60.0
R2STAR_SCALE = 100.0
"""1/s; of two R2* that fit equally well the larger is the less likely."""


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


def noise_variance(residual: Real, signal_energy: Real, degrees_of_freedom: int) -> float:
    """Return the noise variance of one channel from the median residual energy of many voxels.

    Both energies are (voxels,), in units of the signal squared; so is the result.

    The median of chi-square with k degrees of freedom is ``k (1 - 2/(9 k))^3``. The variance is
    at least what rounding in single precision makes of a signal without noise.
    """
    k = degrees_of_freedom
    some = sample(residual.size)
    median = float(np.nanmedian(residual[some])) / (k * (1 - 2 / (9 * k)) ** 3)
    return max(median, ROUNDING * float(np.nanmedian(signal_energy[some])))


def candidate_costs(
    candidates: Candidates, signal_energy: Real, noise: float, degrees_of_freedom: int
) -> Real:
    """Return the cost of each candidate, float32 of shape (candidates, voxels).

    ``U = 4 log(1 + (J - J_min) / 4 T) + log(1 + R2* / r) / k`` with
    ``T = 2 (sigma^2 + eps^2 e / (k + 5)) + 2 J_min / k``.
    The first term is the log-likelihood ratio for small differences; the logarithm keeps voxels
    that fit badly, as at the edge of a lung, from dragging their neighbours along. The second
    decides where the data cannot: three echoes of pure fat are also those of water with a
    little fat and an R2* of 190 1/s.

    Parameters
    ----------
    candidates
        With their residuals J.
    signal_energy
        e, (voxels,).
    noise
        Variance of one channel, sigma^2.
    degrees_of_freedom
        k, of one voxel.
    """
    least = candidates.residual.min(axis=0)
    scale = 2 * (np.float32(noise) + np.float32(MODEL_ERROR**2 / (degrees_of_freedom + 5)) * signal_energy)
    scale += np.float32(2 / degrees_of_freedom) * least
    ratio = (candidates.residual - least) / (np.float32(LOG_SCALE) * scale)
    costs = np.float32(LOG_SCALE) * np.log1p(ratio)
    decay = np.maximum(candidates.r2star, 0) / np.float32(R2STAR_SCALE)
    costs += np.log1p(decay) / np.float32(degrees_of_freedom)
    return np.asarray(np.minimum(costs, np.float32(COST_CAP)), dtype=np.float32)
