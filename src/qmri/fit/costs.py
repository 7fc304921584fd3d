"""What each candidate costs a voxel on its own: a robust log-likelihood ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float32]

SAMPLE_VOXELS = 20_000
MODEL_ERROR = 0.01
"""Model error taken as certain, as a share of the signal."""
LOG_SCALE = 4.0
COST_CAP = 60.0


def sample(n_voxels: int, size: int = SAMPLE_VOXELS) -> NDArray[np.intp]:
    """Return a fixed random choice of voxels, ascending (a strided one would alias with the grid)."""
    if n_voxels <= size:
        return np.arange(n_voxels)
    return np.sort(np.random.default_rng(0).choice(n_voxels, size, replace=False))


def noise_variance(residual: Real, degrees_of_freedom: int) -> float:
    """Return the noise variance of one channel from the median residual energy of many voxels.

    The median of chi-square with k degrees of freedom is ``k (1 - 2/(9 k))^3``.
    """
    k = degrees_of_freedom
    finite = residual[np.isfinite(residual)]
    return float(np.median(finite)) / (k * (1 - 2 / (9 * k)) ** 3) if finite.size else 0.0


def candidate_costs(
    residual: Real, signal_energy: Real, noise: float, n_echoes: int, degrees_of_freedom: int
) -> Real:
    """Return the cost of each candidate.

    ``U = 4 log(1 + (J - J_min) / 4 T)`` with ``T = 2 (sigma^2 + eps^2 e / 2N) + 2 J_min / k``: the
    log-likelihood ratio for small differences; the logarithm keeps voxels that fit badly, as at
    the edge of a lung, from dragging their neighbours along.

    Parameters
    ----------
    residual
        J of each candidate, (candidates, voxels), infinite where there is none.
    signal_energy
        e, (voxels,).
    noise
        Variance of one channel, sigma^2.
    n_echoes, degrees_of_freedom
        N, and k = 2N - 5.
    """
    least = residual.min(axis=0)
    scale = 2 * (np.float32(noise) + np.float32(MODEL_ERROR**2 / (2 * n_echoes)) * signal_energy)
    scale += np.float32(2 / degrees_of_freedom) * least
    ratio = (residual - least) / (np.float32(LOG_SCALE) * scale)
    costs: Real = np.minimum(np.float32(LOG_SCALE) * np.log1p(ratio), np.float32(COST_CAP))
    return costs
