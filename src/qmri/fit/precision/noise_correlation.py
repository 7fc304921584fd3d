"""The noise of a fit from what it leaves: how large around a voxel, and how far neighbours share it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.chunks import sample
from qmri.fit.solve.estimate import Shares
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.solution import Solution, residual_echoes
from qmri.fit.voxels import Voxels

SAMPLE_VOXELS = 1500
MAX_LAG = 6
LEAST_PAIRS = 200
Real = NDArray[np.float32]

NEIGHBOURHOOD = 5
"""Edge of the cube over which residuals are pooled, voxels."""
PRIOR_VOXELS = 20.0
"""How many voxels the noise of the whole volume counts for."""


def independent_shares(method: Method, voxels: Voxels, solution: Solution) -> Shares:
    """Return the share of independent voxels along x, y and z; None along an axis with too few pairs.

    Parameters
    ----------
    method, voxels
        What was fitted and how.
    solution
        By least squares, each voxel for itself.
    """
    some = sample(voxels.count, SAMPLE_VOXELS)
    residual = _residuals(method, voxels, solution, some)
    x, y, z = (
        _share(
            [
                _correlation(method, voxels, solution, residual, voxels.beside(some, axis, lag))
                for lag in range(1, min(MAX_LAG, voxels.inside.shape[axis] - 1) + 1)
            ]
        )
        for axis in range(3)
    )
    return x, y, z


def _share(correlations: list[float | None]) -> float | None:
    """Return ``1 / sum_k w_k rho(k)``, w falling linearly so that the noise of far lags counts little."""
    known = [value for value in correlations if value is not None]
    if not known or correlations[0] is None:
        return None
    weights = 1 - np.arange(1, len(known) + 1) / (len(known) + 1)
    return float(min(1.0, 1 / max(1.0, 1 + 2 * float(np.dot(weights, known)))))


def _correlation(
    method: Method,
    voxels: Voxels,
    solution: Solution,
    residual: NDArray[np.complex64],
    neighbours: NDArray[np.int32],
) -> float | None:
    """Return the correlation of residuals (voxels, echoes) with those of neighbours; None for few pairs."""
    pairs = np.flatnonzero(neighbours >= 0)
    if pairs.size < LEAST_PAIRS:
        return None
    one = residual[pairs]
    other = _residuals(method, voxels, solution, neighbours[pairs].astype(np.intp))
    both = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
    one, other = one[both], other[both]
    size = np.sqrt(np.sum(np.abs(one) ** 2) * np.sum(np.abs(other) ** 2))
    return float(np.vdot(one, other).real / size) if size > 0 else None


def _residuals(
    method: Method, voxels: Voxels, solution: Solution, some: NDArray[np.intp]
) -> NDArray[np.complex64]:
    """Return model less signal (voxels, echoes) of some voxels, in single precision."""
    at = solution.part(some)
    left = residual_echoes(
        method.sums,
        voxels.signals.part(some),
        Start(at.field, at.r2star),
        (at.water, at.fat),
        np.exp(np.complex64(1j) * at.phase),
    )
    return left.T


def local_noise_variance(residual: Real, voxels: Voxels, degrees_of_freedom: int, noise: float) -> Real:
    """Return the noise variance of one channel around each voxel, float32 of shape (voxels,).

    Residual energies over their degrees of freedom are averaged in a cube and drawn towards the
    variance of the whole volume: noise varies over an image (parallel imaging), and a model that
    does not fit somewhere is an uncertainty there.

    Parameters
    ----------
    residual
        Residual energy of each voxel, (voxels,).
    voxels
        Where the voxels lie.
    degrees_of_freedom
        Of one voxel.
    noise
        Variance of the whole volume.
    """

    def pooled(values: Real) -> Real:
        maps = ndimage.uniform_filter(voxels.on_box(values), NEIGHBOURHOOD, mode="constant")
        return voxels.from_box(maps) * np.float32(NEIGHBOURHOOD**3)

    count, energy = pooled(np.ones_like(residual)), pooled(residual)
    variance = (energy / np.float32(degrees_of_freedom) + np.float32(PRIOR_VOXELS * noise)) / (
        count + np.float32(PRIOR_VOXELS)
    )
    return np.asarray(np.maximum(variance, 0), dtype=np.float32)
