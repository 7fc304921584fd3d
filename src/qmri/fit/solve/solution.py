"""The solution of every voxel at its chosen field: Gauss-Newton to convergence, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qmri.fit.solve.common_phase import CommonPhaseFit, Sums, common_phase_fit, turns
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.refine import FieldPrior, Information, information, step, variances
from qmri.fit.voxels import Signals

Real = NDArray[np.float32]

SOLVED_VOXELS = 8192
"""Voxels solved together."""
SETTLED, SETTLED_EXACT = 2e-4, 1e-10
"""A step that moves the modelled signal by the energy D leaves about ``D^2 / sum |s|^2`` for the next, as
Gauss-Newton converges quadratically. It is the last if that is below the first share of the residual
energy (a small part of a standard deviation), or the second of the whole."""
ROUNDING = np.float32(5e-7)
"""Energies that differ by less than this share are equal in single precision."""
DAMPED_STEPS, FIRST_DAMPING = 15, 0.1


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
    field_variance, r2star_variance, pdff_variance
        Variances for noise of unit variance in each channel: Hz^2, 1/s^2, percent^2.
    """

    water: Real
    fat: Real
    phase: Real
    field: Real
    r2star: Real
    residual: Real
    field_variance: Real
    r2star_variance: Real
    pdff_variance: Real

    @classmethod
    def empty(cls, n_voxels: int) -> Solution:
        """Return a solution to be filled in."""
        return cls(*(np.empty(n_voxels, dtype=np.float32) for _ in fields(cls)))

    def put(self, part: slice | NDArray[np.intp], values: Solution) -> None:
        """Write the solution of some voxels, a slice or their numbers (n,), into its place."""
        for field in fields(self):
            getattr(self, field.name)[part] = getattr(values, field.name)

    def part(self, voxels: slice | NDArray[np.intp]) -> Solution:
        """Return the solution of some voxels, a slice or their numbers (n,)."""
        return Solution(*(getattr(self, field.name)[voxels] for field in fields(self)))

    @property
    def pdff(self) -> Real:
        """Signed fat fraction, percent, (voxels,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(100 * self.fat / (self.water + self.fat), dtype=np.float32)


Solved = tuple[Solution, NDArray[np.bool_]]
"""A solution, and in which voxels it is reached."""


def solve(method: Method, signals: Signals, start: Start, prior: FieldPrior | None = None) -> Solution:
    """Return the solution of voxels from where they start.

    Parameters
    ----------
    method
        How to fit.
    signals
        Echoes of the voxels.
    start
        Field and R2* of each voxel to start from.
    prior
        Expectation of the field, or None.
    """
    count = start.field.size
    solution, settled = Solution.empty(count), np.zeros(count, dtype=np.bool_)

    def put(how: Callable[..., Solved], begin: Start, some: slice | NDArray[np.intp]) -> None:
        expected = None if prior is None else prior.part(some)
        found, settled[some] = how(method, signals.part(some), begin.part(some), expected)
        solution.put(some, found)

    def again(how: Callable[..., Solved], begin: Start) -> None:
        left = np.flatnonzero(~settled)
        method.pool.for_each(lambda part: put(how, begin, left[part]), left.size)

    method.pool.for_each(lambda part: put(_step_once, start, part), count, SOLVED_VOXELS)
    again(_step_once, Start(solution.field, solution.r2star))
    again(_descend, start)
    return solution


def _step_once(method: Method, signals: Signals, start: Start, prior: FieldPrior | None) -> Solved:
    """Return where a Gauss-Newton step leads, and in which voxels it suffices."""
    before, energy = common_phase_fit(method.sums, signals, *start), signals.energy
    info = information(before)
    place = Start(*step(info, *start, method.limits, prior))
    fit = common_phase_fit(method.sums, signals, *place)
    settled = np.square(_change(info, start, place)) < _negligible(energy, fit) * energy
    settled &= _gain(fit, place, prior) >= _gain(before, start, prior) - ROUNDING * energy
    return solution_at(method.sums, signals, place, fit, prior), settled


def _descend(method: Method, signals: Signals, place: Start, prior: FieldPrior | None) -> Solved:
    """Return where Levenberg-Marquardt ends: no step is taken that does not lower the residual."""
    fit = common_phase_fit(method.sums, signals, *place)
    gain = _gain(fit, place, prior)
    energy = signals.energy
    damping = np.full(gain.shape, FIRST_DAMPING, dtype=np.float32)
    for _ in range(DAMPED_STEPS):
        info = information(fit)
        trial = Start(*step(info, *place, method.limits, prior, damping=1 + damping))
        still = _change(info, place, trial) < _negligible(energy, fit)
        fit = common_phase_fit(method.sums, signals, *trial)
        trial_gain = _gain(fit, trial, prior)
        better = trial_gain >= gain - ROUNDING * energy
        gain = np.where(better, trial_gain, gain)
        damping *= np.where(better, np.float32(0.2), np.float32(5))
        place = Start(*(np.where(better, new, old) for new, old in zip(trial, place, strict=True)))
        if (still & better).all():
            break
        if not better.all():
            fit = common_phase_fit(method.sums, signals, *place)
    fit = common_phase_fit(method.sums, signals, *place)
    return solution_at(method.sums, signals, place, fit, prior), np.ones(gain.shape, dtype=np.bool_)


def _change(info: Information, before: Start, after: Start) -> Real:
    """Return the energy by which a step changes the modelled signal."""
    field, r2star = (new - old for new, old in zip(after, before, strict=True))
    change: Real = np.square(field) * info.field + np.square(r2star) * info.r2star
    return change


def _negligible(energy: Real, fit: CommonPhaseFit) -> Real:
    """Return the change of energy below which a step has converged."""
    return np.float32(SETTLED) * (energy - fit.energy) + np.float32(SETTLED_EXACT) * energy


def _gain(fit: CommonPhaseFit, place: Start, prior: FieldPrior | None) -> Real:
    """Return the energy captured less the price of leaving the expectation."""
    return (
        fit.energy if prior is None else fit.energy - prior.weight * np.square(prior.expected - place.field)
    )


def solution_at(
    sums: Sums, signals: Signals, place: Start, fit: CommonPhaseFit, prior: FieldPrior | None = None
) -> Solution:
    """Return the solution of voxels at a field and R2*, from the closed-form fit there."""
    spread = variances(fit, information(fit), prior)
    residual = residual_energy(sums, signals, *place, fit)
    return Solution(fit.water, fit.fat, -np.angle(fit.rotation), *place, residual, *spread)


def residual_energy(sums: Sums, signals: Signals, field: Real, r2star: Real, fit: CommonPhaseFit) -> Real:
    """Return ``sum_n |s_n - m_n|^2``, free of the cancellation in a difference of energies.

    (voxels,), in units of the signal squared; field in Hz and R2* in 1/s, (voxels,).
    """
    left = residual_echoes(sums, signals, Start(field, r2star), (fit.water, fit.fat), fit.rotation.conj())
    squares: Real = np.sum(left.real**2 + left.imag**2, axis=0)
    return squares


def residual_echoes(
    sums: Sums, signals: Signals, place: Start, amounts: tuple[Real, Real], phase: NDArray[np.complex64]
) -> NDArray[np.complex64]:
    """Return model less signal ``m_n - s_n``, complex64 (echoes, voxels).

    Parameters
    ----------
    sums, signals
        Of the echo train and of the voxels.
    place
        Field, Hz, and R2*, 1/s, each (voxels,).
    amounts
        Signed water and fat at echo time 0, each (voxels,).
    phase
        ``exp(i phi)`` of the common phase, (voxels,).
    """
    water, fat = amounts
    if signals.fat_phase is not None:
        fat = fat * np.exp(np.complex64(1j) * signals.fat_phase)
    model: NDArray[np.complex64] = np.conj(sums.signal[1])[:, np.newaxis] * fat
    model += water
    model *= turns(sums, -place.field, place.r2star)
    model *= phase
    model -= signals.echoes
    return model
