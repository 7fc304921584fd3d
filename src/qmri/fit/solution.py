"""The solution of every voxel at its chosen field: Gauss-Newton to convergence, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qmri.fit.common_phase import CommonPhaseFit, Sums, common_phase_fit, demodulate
from qmri.fit.method import Method, Start
from qmri.fit.refine import TINY, FieldPrior, Information, information, step
from qmri.fit.voxels import Voxels

Real = NDArray[np.float32]

STEPS = 3
"""Gauss-Newton steps from a refined candidate; the last moves the field by far less than its noise."""


@dataclass(frozen=True)
class Solution:
    """Estimates of every voxel; float32 of shape (voxels,).

    Attributes
    ----------
    water, fat
        Signed signals at echo time 0.
    phase
        Common phase at echo time 0, rad.
    field, r2star
        Hz and 1/s.
    residual
        Residual energy ``sum |s - m|^2``.
    moved
        Size of the last step relative to what noise of the size of the residual would allow.
    field_variance, r2star_variance, pdff_variance
        Variances for noise of unit variance in each channel: Hz^2, 1/s^2, percent^2.
    """

    water: Real
    fat: Real
    phase: Real
    field: Real
    r2star: Real
    residual: Real
    moved: Real
    field_variance: Real
    r2star_variance: Real
    pdff_variance: Real

    @classmethod
    def empty(cls, n_voxels: int) -> Solution:
        """Return a solution to be filled in."""
        return cls(*(np.empty(n_voxels, dtype=np.float32) for _ in fields(cls)))

    @property
    def pdff(self) -> Real:
        """Signed fat fraction, percent."""
        total = self.water + self.fat
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(100 * self.fat / total, dtype=np.float32)


def solve(
    method: Method,
    voxels: Voxels,
    start: Start,
    *,
    steps: int = STEPS,
    prior: FieldPrior | None = None,
) -> Solution:
    """Return the solution after a number of Gauss-Newton steps.

    Parameters
    ----------
    method, voxels
        How to fit, and what.
    start
        Field and R2* to start from.
    steps
        Number of steps.
    prior
        Expectation of the field, or None.
    """
    result = Solution.empty(voxels.count)
    sums = method.sums

    def work(part: slice) -> None:
        signal, field, r2star = voxels.signal[:, part], start.field[part], start.r2star[part]
        expected = None if prior is None else prior.part(part)
        last = field
        for _ in range(steps):
            last = field
            info = information(common_phase_fit(sums, signal, field, r2star))
            field, r2star = step(info, field, r2star, method.limits, expected)
        fit = common_phase_fit(sums, signal, field, r2star)
        residual = residual_energy(sums, signal, field, r2star, fit)
        variances = _variances(information(fit), None if expected is None else expected.weight)
        moved = np.abs(field - last) / np.sqrt(variances[0] * residual + TINY)
        values = (fit.water, fit.fat, -np.angle(fit.rotation), field, r2star, residual, moved, *variances)
        for target, value in zip(fields(result), values, strict=True):
            getattr(result, target.name)[part] = value

    method.team.for_each(work, voxels.count)
    return result


def residual_energy(
    sums: Sums, signal: NDArray[np.complex64], field: Real, r2star: Real, fit: CommonPhaseFit
) -> Real:
    """Return ``sum_n |s_n - m_n|^2``, free of the cancellation in a difference of energies."""
    data = demodulate(sums, signal, field)
    data *= fit.rotation
    phasor = np.conj(sums.signal[1])[:, np.newaxis]
    model = phasor * fit.fat
    model += fit.water
    model *= np.exp(-sums.times * r2star)
    data -= model
    squares: Real = np.sum(data.real**2 + data.imag**2, axis=0)
    return squares


def _variances(info: Information, prior_weight: Real | None) -> tuple[Real, Real, Real]:
    """Return the variances of field, R2* and PDFF for unit noise."""
    h_field = info.field if prior_weight is None else info.field + prior_weight
    determinant = np.maximum(h_field * info.r2star - info.cross**2, TINY)
    v_field, v_cross, v_r2star = info.r2star / determinant, -info.cross / determinant, h_field / determinant
    a, b = info.pdff_field, info.pdff_r2star
    pdff = info.pdff_nuisance + a * a * v_field + 2 * a * b * v_cross + b * b * v_r2star
    return v_field, v_r2star, pdff
