"""What each candidate costs a voxel on its own: a robust log-likelihood ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.fit.candidates.minima import Candidates
from qmri.fit.precision.sampling import sample

Real = NDArray[np.float32]

MODEL_ERROR = 0.01
"""Model error taken as certain, as a share of the signal."""
ROUNDING = 1e-10
# No paper gives these; from a quarter to four times as much changes no voxel (benchmarks/fit_weights.py).
LOG_SCALE = 4.0
COST_CAP = 60.0
R2STAR_SCALE = 100.0
"""1/s; of two R2* that fit equally well the larger is the less likely."""


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
