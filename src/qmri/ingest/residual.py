"""How well the water-fat model explains a signal: the variable projection residual of single voxels.

Water and fat enter the model linearly, so for a given field and R2* the best of them is a
projection (Hernando 2008, 10.1002/mrm.21522). What remains, minimised over a grid of fields and
rates, needs neither a start nor a regularised field map.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.signal import fat_phasor

FAT_MODEL = "ren9"
R2STAR_GRID = (0.0, 40.0, 80.0, 140.0, 240.0)
FIELD_STEPS_PER_CYCLE = 24
WIDEST_FIELD_HZ = 700.0


def water_fat_residual(
    signal: NDArray[np.complex64], echo_times: NDArray[np.float64], imaging_frequency: float
) -> NDArray[np.float64]:
    """Return the share of the energy of each voxel that water and fat cannot explain.

    ``min over psi, R2* of |s - P s|^2 / |s|^2`` with P the projection on
    ``exp((i 2 pi psi - R2*) t) [1, c(t)]``.

    Parameters
    ----------
    signal
        Complex, shape (voxels, echoes), without zero voxels.
    echo_times
        Shape (echoes,), s.
    imaging_frequency
        MHz.

    Returns
    -------
    ndarray
        Shape (voxels,), 0 where the model is exact, at most 1.
    """
    phasor = fat_phasor(FAT_MODEL, echo_times, imaging_frequency)
    columns = np.stack([np.ones_like(phasor), phasor], axis=1)
    span = echo_times[-1] - echo_times[0]
    spacing = float(np.diff(echo_times).min())
    widest = min(WIDEST_FIELD_HZ, 0.5 / spacing)
    fields = np.arange(-widest, widest, 1.0 / (FIELD_STEPS_PER_CYCLE * span))
    explained = np.zeros(len(signal))
    for rate in R2STAR_GRID:
        basis, _ = np.linalg.qr(columns * np.exp(-rate * echo_times)[:, np.newaxis])
        for field in fields:
            turned = signal * np.exp(-2j * np.pi * field * echo_times).astype(np.complex64)
            projected = turned @ basis.conj().astype(np.complex64)
            energy = np.einsum("vk,vk->v", projected, projected.conj()).real
            np.maximum(explained, energy, out=explained)
    total = np.einsum("ve,ve->v", signal, signal.conj()).real
    residual: NDArray[np.float64] = np.clip(1.0 - explained / total, 0.0, 1.0)
    return residual
