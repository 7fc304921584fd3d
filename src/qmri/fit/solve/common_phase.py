"""Water, fat and their common phase in closed form, with what a Gauss-Newton step needs.

At a given field and R2* let ``y_n = s_n exp(-i 2 pi psi t_n)``, ``d_n = exp(-R2* t_n)``,
``A = [d, d c]``, ``b = A^H y`` and ``G = Re A^H A``. For real W, F and one phase phi,

    x = G^-1 b,   q = b^T x,   phi = arg(q) / 2,   (W, F) = Re(x exp(-i phi)),
    E = (Re b^H x + |q|) / 2

is the best fit and the energy it captures (Bydder 2011, 10.1016/j.mri.2010.08.011). All sums over
echoes that do not involve the signal are *moments* ``sum_n t^k exp(-2 R2* t) u_n`` with u = 1, Re c,
|c|^2 or Im c.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qmri.fit.echoes import EchoTrain
from qmri.fit.voxels import Signals

Real = NDArray[np.float32]
Complex = NDArray[np.complex64]

FIT_MOMENTS = 12
"""The fit and its steps need the moments up to t^2."""
SAME_SPACING_S = 1e-10
"""Spacings that differ by less turn no signal by more than single precision does."""


@dataclass(frozen=True)
class Sums:
    """The matrices that turn echoes into sums over echoes.

    Attributes
    ----------
    times
        Echo times, s, float32, shape (echoes, 1).
    signal
        complex64 of shape (4, echoes): rows 1, conj(c), t, t conj(c).
    moments
        float32 of shape (16, echoes): u = 1, Re c, |c|^2, Im c, each times t^0, t^1, t^2 and t^3.
    spacing
        Of the echo times, s; None where it is not the same to within rounding.
    """

    times: Real
    signal: Complex
    moments: Real
    spacing: np.float32 | None

    @classmethod
    def of(cls, train: EchoTrain, fat_phase: float = 0.0) -> Sums:
        """Return the sums of an echo train whose fat is ahead of water by a phase in rad."""
        times = train.times
        c = train.model.fat_phasor * np.exp(1j * fat_phase)
        one = np.ones_like(times)
        signal = np.stack([one + 0j, c.conj(), times + 0j, times * c.conj()])
        plain = np.stack([one, c.real, np.abs(c) ** 2, c.imag])
        moments = np.concatenate([times**power * plain for power in range(4)])
        spacing = np.diff(times)
        return cls(
            times.astype(np.float32)[:, np.newaxis],
            signal.astype(np.complex64),
            moments.astype(np.float32),
            np.float32(spacing.mean()) if np.ptp(spacing) < SAME_SPACING_S else None,
        )


@dataclass(frozen=True)
class CommonPhaseFit:
    """The closed-form fit of voxels at given field and R2*; every array of shape (voxels,).

    Attributes
    ----------
    water, fat
        Real signals at echo time 0, signed.
    rotation
        exp(-i phi), complex64.
    energy
        Energy captured with signed water and fat.
    signal_sums
        complex64 of shape (4, voxels): b for water, b for fat, and both weighted with t.
    moments
        float32 of shape (12, voxels): those of `Sums` up to t^2.
    """

    water: Real
    fat: Real
    rotation: Complex
    energy: Real
    signal_sums: Complex
    moments: Real

    def physical_energy(self) -> Real:
        """Return the energy captured where neither water nor fat may be negative.

        (voxels,), in units of the signal squared.
        """
        b_water, b_fat = self.signal_sums[:2]
        single = np.maximum(_square(b_water) / self.moments[0], _square(b_fat) / self.moments[2])
        return np.where(np.minimum(self.water, self.fat) < 0, single, self.energy)


def common_phase_fit(sums: Sums, signals: Signals, field: Real, r2star: Real) -> CommonPhaseFit:
    """Fit water, fat and their phase at given field and R2*.

    Parameters
    ----------
    sums
        Of the echo train.
    signals
        Echoes of the voxels.
    field, r2star
        Hz and 1/s, float32 of shape (voxels,).
    """
    rotation = turns(sums, field, r2star)
    power = rotation.real**2
    power += rotation.imag**2
    rotation *= signals.echoes
    signal_sums, moments = sums.signal @ rotation, sums.moments[:FIT_MOMENTS] @ power
    if signals.fat_phase is not None:
        signal_sums[1::2] *= np.exp(np.complex64(-1j) * signals.fat_phase)
        _turn_fat(moments, signals.fat_phase)
    b_water, b_fat = signal_sums[:2]
    g_ww, g_wf, g_ff = moments[:3]
    scale = 1 / (g_ww * g_ff - g_wf * g_wf)
    x_water = (g_ff * b_water - g_wf * b_fat) * scale
    x_fat = (g_ww * b_fat - g_wf * b_water) * scale
    q = b_water * x_water + b_fat * x_fat
    size = np.sqrt(_square(q))
    energy = 0.5 * ((b_water.conj() * x_water).real + (b_fat.conj() * x_fat).real + size)
    rotation = _half_turn_back(q, size)
    rotation *= np.copysign(np.float32(1), ((x_water + x_fat) * rotation).real)
    return CommonPhaseFit(
        (x_water * rotation).real, (x_fat * rotation).real, rotation, energy, signal_sums, moments
    )


def turns(sums: Sums, field: Real, r2star: Real | np.float32) -> Complex:
    """Return ``exp(-(R2* + i 2 pi psi) t)``, (echoes, voxels); of even spacing as powers of one."""
    if sums.spacing is None:
        return _turn(sums.times, field, r2star)
    result = np.empty((sums.times.size, field.size), dtype=np.complex64)
    result[0], once = _turn(sums.times[0], field, r2star), _turn(sums.spacing, field, r2star)
    for before, after in pairwise(result):
        np.multiply(before, once, out=after)
    return result


def _turn(time: Real | np.float32, field: Real, r2star: Real | np.float32) -> Complex:
    angle = time * (np.float32(-2 * np.pi) * field)
    size = np.exp(-time * r2star)
    result = np.empty(angle.shape, dtype=np.complex64)
    np.multiply(np.cos(angle), size, out=result.real)
    np.multiply(np.sin(angle), size, out=result.imag)
    return result


def _half_turn_back(q: Complex, size: Real) -> Complex:
    """Return ``exp(-i arg(q) / 2)`` by the half-angle formulas (a complex square root is slow)."""
    scale = 1 / np.maximum(size, np.finfo(np.float32).tiny)
    cosine, sine = q.real * scale, q.imag * scale
    large = np.sqrt(np.float32(0.5) * (1 + np.abs(cosine)))
    small = np.float32(0.5) * np.abs(sine) / large
    ahead = cosine >= 0
    result = np.empty(q.shape, dtype=np.complex64)
    result.real = np.where(ahead, large, small)
    result.imag = -np.copysign(np.where(ahead, small, large), sine)
    return result


def moments_at(sums: Sums, r2star: Real, fat_phase: Real | None = None) -> Real:
    """Return the moments (16, voxels) at R2*, for a phase of fat in each voxel if there is one."""
    moments: Real = sums.moments @ np.exp(-2 * sums.times * r2star)
    if fat_phase is not None:
        _turn_fat(moments, fat_phase)
    return moments


def _turn_fat(moments: Real, fat_phase: Real) -> None:
    """Turn the fat phasor in moments, in place: c becomes c exp(i fat_phase)."""
    cos, sin = np.cos(fat_phase), np.sin(fat_phase)
    real, imaginary = moments[1::4], moments[3::4]
    real[...], imaginary[...] = cos * real - sin * imaginary, sin * real + cos * imaginary


def _square(values: Complex) -> Real:
    square: Real = values.real**2 + values.imag**2
    return square
