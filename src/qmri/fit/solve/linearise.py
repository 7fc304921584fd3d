"""The signal around a solution, to test for effects that the model does not have.

Let J be the real Jacobian of the five parameters at the solution and T the derivative of an effect
that is not in the model. With ``R = T - J (J^T J)^-1 J^T T``, the part of T that the parameters
cannot imitate, the effect has the information ``R^T R`` and the estimate ``(R^T R)^-1 R^T e`` after one
Gauss-Newton step, where e is the residual (the score test; Rao 1948, 10.1017/S0305004100023987).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.fit.echoes import EchoTrain
from qmri.fit.solve.solution import Solution
from qmri.fit.voxels import Signals


@dataclass(frozen=True)
class Linearised:
    """Signals about a solution.

    Attributes
    ----------
    water, fat
        Parts of the modelled signal, complex128 of shape (voxels, echoes).
    jacobian
        Derivatives by water, fat, R2*, field and phase, complex128 of shape (voxels, echoes, 5).
    residual
        Signal less model, complex128 of shape (voxels, echoes).
    """

    water: NDArray[np.complex128]
    fat: NDArray[np.complex128]
    jacobian: NDArray[np.complex128]
    residual: NDArray[np.complex128]

    @property
    def model(self) -> NDArray[np.complex128]:
        """The modelled signal, (voxels, echoes)."""
        return self.water + self.fat


@dataclass(frozen=True)
class Score:
    """What voxels say about effects that are not in the model.

    Attributes
    ----------
    information
        Of the effects, for unit noise, (voxels, effects, effects).
    gradient
        ``R^T e``, (voxels, effects).
    """

    information: NDArray[np.float64]
    gradient: NDArray[np.float64]

    def part(self, voxels: NDArray[np.bool_]) -> Score:
        """Return what the voxels of a mask (voxels,) say."""
        return Score(self.information[voxels], self.gradient[voxels])


def linearise(train: EchoTrain, fat_phase: float, signals: Signals, solution: Solution) -> Linearised:
    """Return the signals of voxels about their solution.

    Parameters
    ----------
    train
        Spectrum and echo times.
    fat_phase
        Phase of fat ahead of water that all voxels share, rad.
    signals, solution
        Of the voxels.
    """
    parameters = [value.astype(np.float64) for value in (solution.r2star, solution.field, solution.phase)]
    own = 0.0 if signals.fat_phase is None else signals.fat_phase.astype(np.float64)
    turn = np.exp(1j * (fat_phase + own)) * np.ones_like(parameters[0])
    water, fat = solution.water.astype(np.float64), solution.fat.astype(np.float64)
    model = train.model
    jacobian = model.jacobian(water, fat * turn, *parameters)
    jacobian[..., 1] *= turn[:, np.newaxis]
    water_part, fat_part = jacobian[..., 0] * water[:, np.newaxis], jacobian[..., 1] * fat[:, np.newaxis]
    return Linearised(water_part, fat_part, jacobian, signals.echoes.T - water_part - fat_part)


def score(lin: Linearised, effects: NDArray[np.complex128]) -> Score:
    """Return what the voxels say of effects with derivatives (voxels, echoes, effects)."""
    columns = np.concatenate([lin.jacobian, effects, lin.residual[..., np.newaxis]], axis=2)
    real = np.concatenate([columns.real, columns.imag], axis=1)
    product = np.ascontiguousarray(real.swapaxes(1, 2)) @ real
    known = lin.jacobian.shape[2]
    scale = np.sqrt(np.einsum("vii->vi", product[:, :known, :known]))
    scale[scale == 0] = 1.0
    mixed = product[:, :known, known:] / scale[:, :, np.newaxis]
    normal = product[:, :known, :known] / (scale[:, :, np.newaxis] * scale[:, np.newaxis, :])
    normal += 1e-9 * np.eye(known)
    hidden = product[:, known:, known:] - mixed.swapaxes(1, 2) @ np.linalg.solve(normal, mixed)
    return Score(hidden[:, :-1, :-1], hidden[:, :-1, -1])
