"""The median of R2* made free of the noise, which skews its distribution.

The least-squares R2* of a voxel is skewed: its mean is right up to second order in the noise, its median
falls as the square of the noise, and with it the median of a region. To second order

    median(R2*) - R2* = -(sigma^2 / 2) Re <a, h> / <a, a>,     h = sum_ij S_ij d^2 m / dx_i dx_j,

where a is what the derivative by R2* has beyond the nuisance parameters x = (W, F, phi, psi), and S is
their covariance at given R2*, for unit noise: mean bias and skewness cancel but for what the nuisance
parameters do (Kenne Pagui 2017, 10.1093/biomet/asx046). The sums over echoes follow from the moments of
`common_phase`; a is orthogonal to the nuisance derivatives, which leaves four terms of h.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.solve.common_phase import Sums, moments_at
from qmri.fit.solve.method import R2STAR_RANGE, Method
from qmri.fit.solve.refine import TWO_PI
from qmri.fit.solve.solution import Solution
from qmri.fit.solve.symmetric import TINY, dot, inverse, times
from qmri.fit.voxels import Voxels

Real = NDArray[np.float32]

LARGEST_SHIFT = 0.25
"""In standard deviations of R2*. Beyond, the expansion fails; at the median of a region it is smaller."""
USUAL_R2STAR = 100.0
"""1/s."""
NEIGHBOURHOOD = 3
"""Edge of the cube over which water, fat and R2* are averaged for it, voxels."""


class Skew(NamedTuple):
    """What noise of unit variance does to R2*; float32 of shape (voxels,).

    Attributes
    ----------
    shift
        R2* less its median, 1/s.
    variance
        Of R2*, 1/s^2.
    """

    shift: Real
    variance: Real


def median_unbiased(method: Method, voxels: Voxels, solution: Solution, noise: Real) -> Real:
    """Return R2* whose median, not mean, is the true one; float32 of shape (voxels,), 1/s.

    Parameters
    ----------
    method
        How the voxels were fitted.
    voxels, solution
        What was fitted, and the solution by least squares.
    noise
        Variance of one channel in each voxel, (voxels,).
    """
    around = _around(method, voxels, solution)
    result = np.empty_like(solution.r2star)

    def work(part: slice) -> None:
        water, fat, r2star = (values[part] for values in around)
        expected = skew(method.sums, water, fat, r2star, voxels.signals.part(part).fat_phase)
        largest = np.float32(LARGEST_SHIFT) * np.sqrt(noise[part] * expected.variance)
        shift = noise[part] * expected.shift
        shift = np.clip(np.where(np.isfinite(shift), shift, np.float32(0)), -largest, largest)
        result[part] = np.minimum(solution.r2star[part] + shift, np.float32(R2STAR_RANGE[1]))

    method.pool.for_each(work, result.size)
    return result


def _around(method: Method, voxels: Voxels, solution: Solution) -> tuple[Real, Real, Real]:
    """Return the means of water, fat and R2* over the neighbours of each voxel, itself among them.

    The shift grows fast with R2*; at a voxel's own R2* it would be skewed by the very noise that it is for.
    Water and fat are averaged as they are in the middle of the echoes, where they hardly depend on R2*.
    """
    times = method.train.times
    middle = np.float32(np.average(times, weights=np.exp(-2 * USUAL_R2STAR * times)))
    decay = np.exp(-middle * solution.r2star)
    known = np.isfinite(solution.water + solution.fat + solution.r2star)
    count = _pooled(voxels, known.astype(np.float32))
    water, fat, r2star = (
        _pooled(voxels, np.where(known, values, np.float32(0))) / count
        for values in (decay * solution.water, decay * solution.fat, solution.r2star)
    )
    growth = np.exp(middle * r2star)
    return growth * water, growth * fat, r2star


def _pooled(voxels: Voxels, values: Real) -> Real:
    return voxels.from_box(ndimage.uniform_filter(voxels.on_box(values), NEIGHBOURHOOD, mode="constant"))


def skew(sums: Sums, w: Real, f: Real, r2star: Real, fat_phase: Real | None = None) -> Skew:
    """Return the shift of R2* by unit noise at water ``w``, fat ``f`` and R2* (voxels,)."""
    moments = moments_at(sums, r2star, fat_phase)
    one, re, sq, im = (moments[kind::4] for kind in range(4))
    ww, wf, ff = w * w, w * f, f * f
    power = ww * one + 2 * wf * re + ff * sq
    mixed = wf * (one - sq) + (ff - ww) * re
    by_water, by_fat = w * one + f * re, w * re + f * sq
    none = np.zeros_like(w)
    covariance = inverse((one[0], re[0], -f * im[0], sq[0], w * im[0], power[0]))
    field_row = (-TWO_PI * f * im[1], TWO_PI * w * im[1], TWO_PI * power[1])
    rate_row = (-by_water[1], -by_fat[1], none)
    field, rate = times(covariance, field_row), times(covariance, rate_row)
    field_variance = 1 / np.maximum(TWO_PI * TWO_PI * power[2] - dot(field_row, field), TINY)
    # k: how W, F, phi and psi follow R2*, with the sign reversed.
    k_field = -dot(field_row, rate) * field_variance
    k_water, k_fat, k_phase = (r - k_field * p for r, p in zip(rate, field, strict=True))
    information = power[2] - dot(rate_row, rate) - k_field * k_field / field_variance
    both = ww + ff
    along = k_water * w + k_fat * f

    def turning(order: int) -> Real:
        """Return ``(f Re<a, i t^n d> - w Re<a, i t^n d c>) / (w^2 + f^2)``."""
        total = along * im[order] + k_phase * mixed[order] + k_field * TWO_PI * mixed[order + 1]
        result: Real = -im[order + 1] - total / both
        return result

    bending = -power[3] - k_water * by_water[2] - k_fat * by_fat[2]
    s_phase = f * (covariance[2] + field_variance * field[0] * field[2])
    s_phase -= w * (covariance[4] + field_variance * field[1] * field[2])
    s_field = (w * field[1] - f * field[0]) * field_variance
    total = 2 * s_phase * turning(0) + 2 * TWO_PI * s_field * turning(1)
    total -= 2 * TWO_PI * field_variance * field[2] * information
    total -= TWO_PI * TWO_PI * field_variance * bending
    variance = 1 / np.maximum(information, TINY)
    return Skew(np.float32(0.5) * total * variance, variance)
