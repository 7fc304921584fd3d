"""The fit where the phase of some echoes, or of all, cannot be trusted: their magnitude alone counts.

Seen from the direction of the model ``m_n / |m_n|``, an echo has a radial and a tangential residual.
An echo with a trustworthy phase gives both, ``Re(s m*)/|m| - |m|`` and ``Im(s m*)/|m|``; one without gives
``|s| - |m|`` alone (hybrid fitting: Yu 2011, 10.1002/mrm.22840; Hernando 2012, 10.1002/mrm.23044).
Without any phase only water, fat and R2* remain, and two solutions exist, one on either side of
PDFF 50 % (Triay Bagur 2019, 10.1002/mrm.27728).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.fit.echoes import EchoTrain
from qmri.fit.solve.method import R2STAR_RANGE, Method
from qmri.fit.solve.solution import Solution
from qmri.fit.voxels import Signals

Array = NDArray[np.float64]

ITERATIONS = 25
SETTLED = 1e-7
"""A step that lowers no residual energy by more than this share is the last."""
FIRST_DAMPING, MAX_DAMPING = 1e-2, 1e6
RIDGE = 1e-9
WATER, FAT, R2STAR, FIELD, PHASE = range(5)


@dataclass(frozen=True)
class Trust:
    """Which echoes have a phase that counts.

    Attributes
    ----------
    echoes
        bool, (echoes,).
    """

    echoes: NDArray[np.bool_]

    @property
    def parameters(self) -> list[int]:
        """The parameters that can be fitted: field and phase need the phase of two echoes."""
        return [WATER, FAT, R2STAR, FIELD, PHASE] if self.echoes.sum() >= 2 else [WATER, FAT, R2STAR]


def assisted_solve(method: Method, signals: Signals, start: Solution, trust: Trust) -> Solution:
    """Return the solution of voxels, using the phase of the trusted echoes alone.

    Parameters
    ----------
    method
        How to fit.
    signals
        Echoes of the voxels.
    start
        Where to start.
    trust
        Which phases count.
    """
    result = Solution.empty(start.field.size)

    def work(part: slice) -> None:
        result.put(part, _descend(method, signals.part(part), start.part(part), trust))

    method.pool.for_each(work, start.field.size)
    return result


@dataclass(frozen=True)
class _Data:
    """Echoes (voxels, echoes) and the factor of fat in the model (voxels,), both complex128."""

    echoes: NDArray[np.complex128]
    turn: NDArray[np.complex128]

    def part(self, voxels: NDArray[np.bool_]) -> _Data:
        return _Data(self.echoes[voxels], self.turn[voxels])


def _descend(method: Method, signals: Signals, start: Solution, trust: Trust) -> Solution:
    """Levenberg-Marquardt on water, fat, R2*, field and phase in double precision."""
    train, free = method.train, trust.parameters
    at = np.stack([start.water, start.fat, start.r2star, start.field, start.phase]).astype(np.float64)
    own = 0.0 if signals.fat_phase is None else signals.fat_phase.astype(np.float64)
    turn = np.full(at.shape[1], np.exp(1j * method.fat_phase)) * np.exp(1j * own)
    everything = _Data(signals.echoes.T.astype(np.complex128), turn)
    active = np.arange(at.shape[1])
    data, place, damping = everything, at.copy(), np.full(at.shape[1], FIRST_DAMPING)
    residual, jacobian = _radial_tangential(train, data, place, trust)
    for _ in range(ITERATIONS):
        trial = place.copy()
        trial[free] += _step(jacobian[..., free], residual, damping)
        np.clip(trial[R2STAR], *R2STAR_RANGE, out=trial[R2STAR])
        new_residual, new_jacobian = _radial_tangential(train, data, trial, trust)
        cost, new_cost = (np.einsum("vn,vn->v", each, each) for each in (residual, new_residual))
        better = new_cost <= cost
        place = np.where(better, trial, place)
        residual[better], jacobian[better] = new_residual[better], new_jacobian[better]
        damping *= np.where(better, 0.2, 5.0)
        at[:, active] = place
        moving = ~(better & (cost - new_cost <= SETTLED * cost)) & (damping < MAX_DAMPING)
        if not moving.any():
            break
        active, data, damping = active[moving], data.part(moving), damping[moving]
        place, residual, jacobian = place[:, moving], residual[moving], jacobian[moving]
    residual, jacobian = _radial_tangential(train, everything, at, trust)
    seen = jacobian[..., free]
    return _as_solution(at, np.einsum("vn,vn->v", residual, residual), seen.swapaxes(1, 2) @ seen, free)


def _step(jacobian: Array, residual: Array, damping: Array) -> Array:
    """Return the damped Gauss-Newton step of the free parameters, (parameters, voxels)."""
    transposed = jacobian.swapaxes(1, 2)
    normal = transposed @ jacobian
    each = range(normal.shape[1])
    normal[:, each, each] *= 1 + damping[:, np.newaxis]
    normal[:, each, each] += RIDGE
    return np.asarray(np.linalg.solve(normal, transposed @ residual[..., np.newaxis])[..., 0].T)


def _radial_tangential(train: EchoTrain, data: _Data, at: Array, trust: Trust) -> tuple[Array, Array]:
    """Return residuals (voxels, 2 echoes) and derivatives of the model (voxels, 2 echoes, 5)."""
    water, fat, *others = at
    model = train.model.forward(water, fat * data.turn, *others)
    derivative = train.model.jacobian(water, fat * data.turn, *others)
    derivative[..., FAT] *= data.turn[:, np.newaxis]
    size = np.abs(model)
    direction = np.where(size > 0, model / np.where(size > 0, size, 1.0), 1.0)
    turned = data.echoes * direction.conj()
    radial = np.where(trust.echoes, turned.real, np.abs(data.echoes)) - size
    tangential = np.where(trust.echoes, turned.imag, 0.0)
    derivative *= direction.conj()[..., np.newaxis]
    seen = trust.echoes[:, np.newaxis]
    return (
        np.concatenate([radial, tangential], axis=1),
        np.concatenate([derivative.real, np.where(seen, derivative.imag, 0.0)], axis=1),
    )


def _as_solution(at: Array, cost: Array, normal: Array, free: list[int]) -> Solution:
    water, fat, r2star, field, phase = at
    turned = water + fat < 0
    water, fat = np.where(turned, -water, water), np.where(turned, -fat, fat)
    scale = np.sqrt(np.maximum(np.einsum("vii->vi", normal), 1e-300))
    scaled = normal / (scale[:, :, np.newaxis] * scale[:, np.newaxis, :]) + RIDGE * np.eye(len(free))
    covariance = np.linalg.inv(scaled) / (scale[:, :, np.newaxis] * scale[:, np.newaxis, :])
    total = np.where(water + fat == 0, 1.0, water + fat)
    slope = 100 * np.stack([-fat, water], axis=1) / total[:, np.newaxis] ** 2
    pdff_variance = np.einsum("vi,vij,vj->v", slope, covariance[:, :2, :2], slope)
    field_variance = covariance[:, FIELD, FIELD] if FIELD in free else np.full(cost.shape, np.nan)
    values = (
        water,
        fat,
        phase + np.pi * turned,
        field,
        r2star,
        cost,
        field_variance,
        covariance[:, R2STAR, R2STAR],
        pdff_variance,
    )
    return Solution(*(value.astype(np.float32) for value in values))
