"""How far the noise of neighbouring voxels is the same noise, from what the fit leaves.

Scanners interpolate: they fill the edges of k-space with zeros, which adds voxels but no noise of their
own, and filter. With the autocorrelation rho(k) of the noise along an axis, a mean over n voxels has
the variance ``sigma^2 / n sum_k rho(k)``: of the voxels on a line a share ``1 / sum_k rho(k)`` is independent
(Bayley 1946, 10.2307/2983560). The residual of a voxel is its noise less what the parameters imitated,
which is nearly the same in neighbours, so that residuals are correlated as the noise is. What the model
does not describe is smooth and counts as correlated: the share is then too small, not too large.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.fit.precision.sampling import sample
from qmri.fit.solve.estimate import Shares
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.solution import Solution, residual_echoes
from qmri.fit.voxels import Voxels

SAMPLE_VOXELS = 1500
MAX_LAG = 6
LEAST_PAIRS = 200


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
