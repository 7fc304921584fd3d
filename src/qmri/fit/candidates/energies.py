"""The energy of a voxel that water and fat explain, over all fields at once, as a matrix product.

With ``A = [1, c] exp(-R2* t)`` and the projector ``P = A (A^H A)^-1 A^H``, the energy captured at
field psi is ``E = y^H P y`` with ``y_n = s_n exp(-i 2 pi psi t_n)``, that is

    E(psi, R2*) = sum_n P_nn |s_n|^2 + sum_{a<b} 2 Re[P_ba exp(i 2 pi psi (t_b - t_a)) s_a conj(s_b)].

It is linear in the N^2 real *features* ``|s_n|^2, Re s_a conj(s_b), Im s_a conj(s_b)`` of a voxel, so
the energies of many voxels at many fields are one product (voxels x features) @ (features x fields)
for each R2*. The residual ``sum |s|^2 - E`` is that of variable projection (Golub 2003,
10.1088/0266-5611/19/2/201; Hernando 2008, 10.1002/mrm.21522).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.fit.echoes import EchoTrain

R2STAR_GRID = (20.0, 60.0, 130.0, 250.0, 450.0, 750.0)
R2STAR_GRID_FEW_ECHOES = (10.0, 40.0, 80.0, 140.0, 220.0, 320.0)
LONG_TRAIN_S = 10e-3
"""Of longer trains the grid of R2* is finer, for there less decay is seen."""
FIELDS_PER_RESOLUTION = 6
"""Fields in the grid for each 1/(t_N - t_1), the width of a minimum."""


@dataclass(frozen=True)
class EnergyTable:
    """The table by which features become energies.

    Attributes
    ----------
    field
        Field grid, Hz, shape (fields,), with one more point at either end so that every minimum
        has neighbours: a repetition for even spacing, the edge of the range for uneven.
    r2star
        R2* grid, 1/s, shape (rates,).
    weights
        float32 of shape (rates, features, fields).
    """

    field: NDArray[np.float32]
    r2star: NDArray[np.float32]
    weights: NDArray[np.float32]

    @property
    def step(self) -> float:
        """Distance of neighbouring fields, Hz."""
        return float(self.field[1] - self.field[0])


def energy_table(train: EchoTrain) -> EnergyTable:
    """Return the table of an echo train."""
    times = train.times
    rates = np.array(R2STAR_GRID if train.count > 3 else R2STAR_GRID_FEW_ECHOES)
    rates = rates * min(1.0, LONG_TRAIN_S / (times[-1] - times[0]))
    width = 2 * train.half_range
    n_fields = int(np.ceil(FIELDS_PER_RESOLUTION * width * (times[-1] - times[0])))
    field = -train.half_range + width / n_fields * np.arange(-1, n_fields + 1)
    first, second = np.triu_indices(train.count, k=1)
    shift = np.exp(2j * np.pi * np.multiply.outer(times[second] - times[first], field))
    weights = np.empty((rates.size, train.count**2, field.size), dtype=np.float32)
    for index, rate in enumerate(rates):
        projector = _projector(train, rate)
        pairs = 2 * projector[second, first, np.newaxis] * shift
        diagonal = np.repeat(np.diag(projector).real[:, np.newaxis], field.size, axis=1)
        weights[index] = np.concatenate([diagonal, pairs.real, -pairs.imag])
    return EnergyTable(field.astype(np.float32), rates.astype(np.float32), weights)


def features(signal: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Return the features (echoes^2, voxels) of signals (echoes, voxels)."""
    n_echoes, n_voxels = signal.shape
    first, second = np.triu_indices(n_echoes, k=1)
    result = np.empty((n_echoes**2, n_voxels), dtype=np.float32)
    np.add(signal.real**2, signal.imag**2, out=result[:n_echoes])
    conjugate = signal.conj()
    for pair, (a, b) in enumerate(zip(first, second, strict=True), start=n_echoes):
        product = signal[a] * conjugate[b]
        result[pair] = product.real
        result[pair + first.size] = product.imag
    return result


def energies(
    table: EnergyTable, voxel_features: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the largest energy over R2* at each field, and the index of that R2*.

    Parameters
    ----------
    table
        Of the echo train.
    voxel_features
        float32 of shape (features, voxels).

    Returns
    -------
    energy
        float32 of shape (voxels, fields).
    rate_index
        uint8 of shape (voxels, fields).
    """
    best = voxel_features.T @ table.weights[0]
    other = np.empty_like(best)
    rate_index = np.zeros(best.shape, dtype=np.uint8)
    for index in range(1, table.r2star.size):
        np.matmul(voxel_features.T, table.weights[index], out=other)
        np.maximum(rate_index, (other > best).view(np.uint8) * np.uint8(index), out=rate_index)
        np.maximum(best, other, out=best)
    return best, rate_index


def _projector(train: EchoTrain, rate: float) -> NDArray[np.complex128]:
    basis = np.stack([np.ones(train.count), train.model.fat_phasor], axis=1)
    basis = basis * np.exp(-rate * train.times)[:, np.newaxis]
    orthonormal, _ = np.linalg.qr(basis)
    projector: NDArray[np.complex128] = orthonormal @ orthonormal.conj().T
    return projector
