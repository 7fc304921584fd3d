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

from qmri.signal.model import WaterFatModel


@dataclass(frozen=True)
class EnergyTable:
    """The table by which features become energies.

    Attributes
    ----------
    field
        Field grid, Hz, shape (fields,), evenly spaced.
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


def energy_table(
    model: WaterFatModel, fields: NDArray[np.float64], rates: NDArray[np.float64]
) -> EnergyTable:
    """Return the table of a signal model.

    Parameters
    ----------
    model
        Echo times and fat phasor.
    fields
        (fields,) grid of the field, Hz.
    rates
        (rates,) grid of R2*, 1/s.
    """
    times = model.echo_times
    first, second = np.triu_indices(times.size, k=1)
    shift = np.exp(2j * np.pi * np.multiply.outer(times[second] - times[first], fields))
    weights = np.empty((rates.size, times.size**2, fields.size), dtype=np.float32)
    for index, rate in enumerate(rates):
        projector = _projector(decaying_basis(model, rate))
        pairs = 2 * projector[second, first, np.newaxis] * shift
        diagonal = np.repeat(np.diag(projector).real[:, np.newaxis], fields.size, axis=1)
        weights[index] = np.concatenate([diagonal, pairs.real, -pairs.imag])
    return EnergyTable(fields.astype(np.float32), rates.astype(np.float32), weights)


def decaying_basis(model: WaterFatModel, rate: float) -> NDArray[np.complex128]:
    """Return the signals (echoes, 2) of one unit of water and of fat that decay with R2* ``rate``, 1/s."""
    basis = np.stack([np.ones(model.echo_times.size), model.fat_phasor], axis=1)
    decaying: NDArray[np.complex128] = basis * np.exp(-rate * model.echo_times)[:, np.newaxis]
    return decaying


def features(signal: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Return the features, float32 (echoes^2, voxels), of signals (echoes, voxels)."""
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


def _projector(basis: NDArray[np.complex128]) -> NDArray[np.complex128]:
    orthonormal, _ = np.linalg.qr(basis)
    projector: NDArray[np.complex128] = orthonormal @ orthonormal.conj().T
    return projector
