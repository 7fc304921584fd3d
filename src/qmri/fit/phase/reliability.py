"""Whether the phases of the echoes can be trusted, from where the residuals of a fit lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.fit.phase.echo_phases import LEAST_ECHOES, LEAST_VOXELS, watery
from qmri.fit.solve.linearise import linearise, score
from qmri.fit.solve.method import Method
from qmri.fit.solve.solution import Solution
from qmri.fit.voxels import Voxels

KEPT_SHARE = 0.9
"""Share of the voxels, the best fitted ones, that are asked; the others may be swapped."""
EXPLAINED_SHARE = 0.5
"""An echo whose phase alone explains this share of the residual energy is not to be trusted."""
LEAST_ERROR = np.deg2rad(8.0)
"""Smaller errors of a phase do no harm that a spectrum slightly wrong would not do."""
TANGENTIAL_RATIO = 3.0
"""With tangential residuals this many times the radial ones no phase is to be trusted."""


def trusted_echoes(method: Method, voxels: Voxels, solution: Solution) -> NDArray[np.bool_]:
    """Return which echoes have a phase that can be trusted, bool of shape (echoes,).

    The first or, rarely, another echo may have a phase of its own in every voxel; then a free phase
    for that echo removes most of the residual. If all phases are unreliable, the residuals lie
    across the direction of the model, not along it.
    """
    count = method.train.count
    everything = np.ones(count, dtype=bool)
    some = watery(solution)
    if count < LEAST_ECHOES or some.size < LEAST_VOXELS:
        return everything
    lin = linearise(method.train, method.fat_phase, voxels.signals.part(some), solution.part(some))
    found = score(lin, 1j * lin.model[:, :, np.newaxis] * np.eye(count))
    information = np.maximum(np.einsum("vnn->vn", found.information), 1e-300)
    explained = found.gradient**2 / information
    residual = np.sum(np.abs(lin.residual) ** 2, axis=1)
    kept = residual <= np.quantile(residual, KEPT_SHARE)
    total = residual[kept].sum()
    if total == 0:
        return everything
    share = explained[kept].sum(axis=0) / total
    error = np.sqrt(np.median((found.gradient[kept] / information[kept]) ** 2, axis=0))
    worst = int(np.argmax(share))
    if error[worst] < LEAST_ERROR:
        return everything
    if share[worst] > EXPLAINED_SHARE:
        everything[worst] = False
        return everything
    everything[:] = not _across(lin.model[kept], lin.residual[kept])
    return everything


def _across(model: NDArray[np.complex128], residual: NDArray[np.complex128]) -> bool:
    """Tell whether residuals lie across the direction of the model rather than along it."""
    direction = model / np.maximum(np.abs(model), 1e-30)
    turned = residual * direction.conj()
    return bool(np.sum(turned.imag**2) > TANGENTIAL_RATIO * np.sum(turned.real**2))
