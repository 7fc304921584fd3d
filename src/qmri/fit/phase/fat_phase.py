"""Whether the phase of fat relative to water differs from place to place, and how.

Motion, flow and eddy currents may turn water against fat here and there. With one phase for both
that would bias PDFF where it is neither 0 nor 100 %.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.fit.chunks import sample
from qmri.fit.field.prior import neighbourhood
from qmri.fit.solve.linearise import linearise, score
from qmri.fit.solve.method import Method
from qmri.fit.solve.solution import Solution
from qmri.fit.voxels import Signals, Voxels

SPREAD_VOXELS = 5000
WELL_DETERMINED = np.deg2rad(20.0)
LEAST_VOXELS = 100
UNKNOWN = 100.0
"""Variance that stands for an unknown phase, rad^2."""

Real = NDArray[np.float32]


def phase_spread(method: Method, voxels: Voxels, solution: Solution, noise: float) -> float:
    """Return how much the phase differs over the volume beyond its noise, a standard deviation in rad.

    Taken from the voxels of a sample whose own phase is known well, by their inner 68 %.
    """
    some = sample(voxels.count, SPREAD_VOXELS)
    phase, variance = _voxel_phases(method, voxels.signals.part(some), solution.part(some))
    sd = np.sqrt(noise * variance)
    good = np.isfinite(phase) & (sd < WELL_DETERMINED)
    if good.sum() < LEAST_VOXELS:
        return 0.0
    low, high = np.percentile(phase[good], [16, 84])
    expected = float(np.median(sd[good]))
    return float(np.sqrt(max(((high - low) / 2) ** 2 - expected**2, 0.0)))


def phase_map(method: Method, voxels: Voxels, solution: Solution, noise: float) -> Real:
    """Return the phase of fat ahead of water in every voxel, float32 of shape (voxels,), rad.

    Each voxel's own estimate and the mean of its neighbours are weighted with their inverse
    variances, so that the phase is as free as the data make it.
    """
    phase, variance = (np.empty(voxels.count, dtype=np.float32) for _ in range(2))

    def work(part: slice) -> None:
        phase[part], variance[part] = _voxel_phases(method, voxels.signals.part(part), solution.part(part))

    method.pool.for_each(work, voxels.count)
    if voxels.signals.fat_phase is not None:
        phase += voxels.signals.fat_phase
    known = np.isfinite(phase) & (variance > 0) & np.isfinite(variance)
    phase = np.where(known, phase, np.float32(0))
    variance = np.where(known, np.float32(noise) * variance, np.float32(UNKNOWN))
    variance = np.clip(variance, 1e-6, np.float32(UNKNOWN))
    near = neighbourhood(voxels, phase, variance, 2 * np.pi, np.pi / 2)
    trust = variance / (variance + near.variance)
    return np.where(np.isfinite(near.variance), phase - near.deviation * trust, phase).astype(np.float32)


def _voxel_phases(method: Method, signals: Signals, solution: Solution) -> tuple[Real, Real]:
    """Return the phase that each voxel has beyond the model, rad, and its variance for unit noise."""
    lin = linearise(method.train, method.fat_phase, signals, solution)
    found = score(lin, 1j * lin.fat[..., np.newaxis])
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = 1 / found.information[:, 0, 0]
        phase = np.clip(found.gradient[:, 0] * variance, -np.pi / 2, np.pi / 2)
    return phase.astype(np.float32), variance.astype(np.float32)
