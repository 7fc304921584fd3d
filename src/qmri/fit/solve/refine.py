"""Gauss-Newton steps of field and R2*, water, fat and phase being eliminated in closed form.

The model ``m = (W + F c) d exp(i phi)`` has the derivatives ``d, d c, i m`` in (W, F, phi) and
``i 2 pi t m, -t m`` in (psi, R2*). With K their 3 x 3 information in (W, F, phi), L the mixed and
H the 2 x 2 part, the step is ``(H - L^T K^-1 L)^-1 g``: the gradient g in (psi, R2*) alone, because
(W, F, phi) are at their best already. The same Schur complement, times 1/sigma^2, is the
information on psi and R2*, from which the standard deviations follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.fit.solve.common_phase import CommonPhaseFit
from qmri.fit.solve.symmetric import TINY, Symmetric, Vector, dot, inverse, times

Real = NDArray[np.float32]
TWO_PI: np.float32 = np.float32(2 * np.pi)


@dataclass(frozen=True)
class Information:
    """What the data of a voxel say about its parameters, for unit noise; arrays (voxels,).

    Attributes
    ----------
    field, cross, r2star
        Schur complement in (psi, R2*): s^2/Hz^2, s^2/Hz and s^2.
    gradient_field, gradient_r2star
        Gradient of half the captured energy.
    solver
        K^-1, by its entries.
    field_solved, r2star_solved
        The columns of K^-1 L.
    """

    field: Real
    cross: Real
    r2star: Real
    gradient_field: Real
    gradient_r2star: Real
    solver: Symmetric
    field_solved: Vector
    r2star_solved: Vector


def information(fit: CommonPhaseFit) -> Information:
    """Return the information of a closed-form fit on field and R2*."""
    w, f = fit.water, fit.fat
    k00, k01, k11, im = fit.moments[0:4]
    t_one, t_re, t_sq, t_im = fit.moments[4:8]
    tt_one, tt_re, tt_sq = fit.moments[8:11]
    ww, wf, ff = w * w, 2 * w * f, f * f
    power = ww * k00 + wf * k01 + ff * k11
    t_power = ww * t_one + wf * t_re + ff * t_sq
    tt_power = ww * tt_one + wf * tt_re + ff * tt_sq
    solver = inverse((k00, k01, -f * im, k11, w * im, power))
    field_row: Vector = (-TWO_PI * f * t_im, TWO_PI * w * t_im, TWO_PI * t_power)
    by_water, by_fat = -(w * t_one + f * t_re), -(w * t_re + f * t_sq)
    field_solved = times(solver, field_row)
    # The decay does not turn the phase: the third entry of its column of L is 0.
    r2star_solved: Vector = (
        solver[0] * by_water + solver[1] * by_fat,
        solver[1] * by_water + solver[3] * by_fat,
        solver[2] * by_water + solver[4] * by_fat,
    )
    slope_sum = (w * fit.signal_sums[2] + f * fit.signal_sums[3]) * fit.rotation
    return Information(
        field=TWO_PI * TWO_PI * tt_power - dot(field_row, field_solved),
        cross=-(by_water * field_solved[0] + by_fat * field_solved[1]),
        r2star=tt_power - (by_water * r2star_solved[0] + by_fat * r2star_solved[1]),
        gradient_field=TWO_PI * slope_sum.imag,
        gradient_r2star=t_power - slope_sum.real,
        solver=solver,
        field_solved=field_solved,
        r2star_solved=r2star_solved,
    )


def variances(fit: CommonPhaseFit, info: Information, prior: FieldPrior | None) -> tuple[Real, Real, Real]:
    """Return the variances of field (Hz^2), R2* (1/s^2) and PDFF (percent^2) for unit noise, (voxels,) each.

    PDFF in percent has the derivative ``v = 100 (-F, W, 0) / (W + F)^2`` in (W, F, phi) and, these being
    eliminated, ``-L^T K^-1 v`` in (psi, R2*).
    """
    h_field = info.field if prior is None else info.field + prior.weight
    determinant = np.maximum(h_field * info.r2star - info.cross**2, TINY)
    v_field, v_cross, v_r2star = info.r2star / determinant, -info.cross / determinant, h_field / determinant
    slope = np.float32(100) / (fit.water + fit.fat) ** 2
    by_water, by_fat = -fit.fat * slope, fit.water * slope
    k_ww, k_wf, _, k_ff, _, _ = info.solver
    nuisance = k_ww * by_water**2 + 2 * k_wf * by_water * by_fat + k_ff * by_fat**2
    a, b = (by_water * row[0] + by_fat * row[1] for row in (info.field_solved, info.r2star_solved))
    return v_field, v_r2star, nuisance + a * a * v_field + 2 * a * b * v_cross + b * b * v_r2star


@dataclass(frozen=True)
class Limits:
    """How far a step may go.

    Attributes
    ----------
    field_step
        Largest change of the field in one step, Hz.
    r2star
        Smallest and largest R2*, 1/s; noise takes a small R2* below zero, and cutting it off there
        would bias the mean of a region.
    """

    field_step: float
    r2star: tuple[float, float]


@dataclass(frozen=True)
class FieldPrior:
    """What the neighbourhood of a voxel expects of its field, float32 of shape (voxels,).

    Attributes
    ----------
    expected
        Hz.
    weight
        Noise variance of one channel over the variance of the expectation, signal^2/Hz^2.
    """

    expected: Real
    weight: Real

    def part(self, voxels: slice | NDArray[np.intp]) -> FieldPrior:
        """Return the prior of some voxels, a slice or their numbers (n,)."""
        return FieldPrior(self.expected[voxels], self.weight[voxels])


def step(
    info: Information,
    field: Real,
    r2star: Real,
    limits: Limits,
    prior: FieldPrior | None = None,
    *,
    damping: Real | None = None,
) -> tuple[Real, Real]:
    """Return field and R2* after one Gauss-Newton step.

    Parameters
    ----------
    info
        At the present field and R2*.
    field, r2star
        Hz and 1/s, float32 of shape (voxels,).
    limits
        Bounds of the step.
    prior
        What the neighbourhood expects of the field, or None.
    damping
        Factor of the curvatures, 1 or more (Levenberg-Marquardt), or None.
    """
    h_field, g_field = info.field, info.gradient_field
    if prior is not None:
        h_field = h_field + prior.weight
        g_field = g_field + prior.weight * (prior.expected - field)
    h_r2star = info.r2star
    if damping is not None:
        h_field, h_r2star = h_field * damping, h_r2star * damping
    determinant = np.maximum(h_field * h_r2star - info.cross * info.cross, TINY)
    d_field = (h_r2star * g_field - info.cross * info.gradient_r2star) / determinant
    d_r2star = (h_field * info.gradient_r2star - info.cross * g_field) / determinant
    bound = np.float32(limits.field_step)
    return (
        field + np.clip(d_field, -bound, bound),
        np.clip(r2star + d_r2star, np.float32(limits.r2star[0]), np.float32(limits.r2star[1])),
    )


def expected_gain(
    info: Information, field_before: Real, r2star_before: Real, field: Real, r2star: Real
) -> Real:
    """Return by how much a step raises the captured energy, were that quadratic: ``d^T (2 g - H d)``.

    All arrays are (voxels,): field in Hz, R2* in 1/s, the gain in units of the signal squared.
    """
    d_field, d_r2star = field - field_before, r2star - r2star_before
    by_field = 2 * info.gradient_field - info.field * d_field - info.cross * d_r2star
    by_r2star = 2 * info.gradient_r2star - info.cross * d_field - info.r2star * d_r2star
    gain: Real = d_field * by_field + d_r2star * by_r2star
    return gain
