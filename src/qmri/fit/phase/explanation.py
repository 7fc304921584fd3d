"""What the phases of the echoes mean: phase errors of single echoes and of fat, fitted to a sample at once.

The signal of echo n at place x may be turned by ``e_n(x) = a_n + b_n . x``, as a bipolar readout turns
even against odd echoes, linearly along the readout (Peterson 2013, 10.1002/mrm.24657), and eddy
currents the first ones; and fat may be ahead of water by a phase of its own. Both are found by
Gauss-Newton: each voxel takes its best field at the present phases, and the score (`linearise`)
of all voxels, weighted against those that fit badly, gives the step. The steps need no start, since
every voxel tries all fields anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmri.fit.candidates.choice import ROUNDING
from qmri.fit.candidates.minima import minima
from qmri.fit.chunks import sample
from qmri.fit.phase.echo_phases import BLOCK, LEAST_ECHOES, EchoPhases, positions
from qmri.fit.solve.common_phase import common_phase_fit
from qmri.fit.solve.linearise import linearise, score
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.refine import information, step
from qmri.fit.solve.solution import Solution, solution_at
from qmri.fit.voxels import Signals, Voxels

REFINEMENTS = 2
MAX_STEPS = 12
SETTLED = 3e-3
"""A step that lowers the mean log residual by less is the last."""
USUAL_ERROR = np.deg2rad(40.0)
"""Standard deviation of phase errors before the data are asked: it holds what the data do not show."""
MAX_STEP = np.deg2rad(25.0)
FLOOR = 1e-5
"""Share of the signal's energy below which residuals are alike."""


@dataclass(frozen=True)
class Sample:
    """Voxels that are asked what the phases mean.

    Attributes
    ----------
    signals, energy
        Of the voxels.
    places
        1 and the coordinates of every voxel, (4, voxels).
    patches
        Number of the block of neighbours to which each voxel belongs, (voxels,).
    """

    signals: Signals
    energy: NDArray[np.float32]
    places: NDArray[np.float64]
    patches: NDArray[np.intp]

    @classmethod
    def of(cls, voxels: Voxels, size: int) -> Sample:
        """Return a random sample of at most ``size`` voxels."""
        some = sample(voxels.count, size)
        blocks = voxels.indices(some) // BLOCK
        _, patches = np.unique(blocks, axis=1, return_inverse=True)
        return cls(
            voxels.signals.part(some), voxels.energy[some], positions(voxels, some), patches.reshape(-1)
        )

    def part(self, some: NDArray[np.intp]) -> Sample:
        """Return some of the voxels, by their numbers (n,)."""
        _, patches = np.unique(self.patches[some], return_inverse=True)
        return Sample(self.signals.part(some), self.energy[some], self.places[:, some], patches)

    def conjugate(self) -> Sample:
        """Return the sample with all phases reversed."""
        return Sample(self.signals.conjugate(), self.energy, self.places, self.patches)


@dataclass(frozen=True)
class Explanation:
    """Phases under which water and fat explain a sample best.

    Attributes
    ----------
    phases
        Phase errors of the echoes.
    fat_phase
        Phase of fat ahead of water at echo time 0, rad: constant and slopes as in `EchoPhases`.
    fat_phase_error
        Standard error of its constant, rad.
    residual
        Residual energy of each voxel.
    bounded
        Whether a voxel would have less with negative water or fat, (voxels,).
    cost
        Mean log residual.
    """

    phases: EchoPhases
    fat_phase: NDArray[np.float64]
    fat_phase_error: float
    residual: NDArray[np.float64]
    bounded: NDArray[np.bool_]
    cost: float


@dataclass(frozen=True)
class Advantage:
    """How much better one explanation of a sample is than another (Vuong 1989, 10.2307/1912557).

    Attributes
    ----------
    gain
        Mean log ratio of the residuals, each with the noise added, over patches of neighbours, which
        count as one observation each; positive where the first is better.
    standard_errors
        The same in its standard errors.
    patches
        Number of patches.
    """

    gain: float
    standard_errors: float
    patches: int

    @classmethod
    def of(cls, one: Explanation, other: Explanation, sample: Sample, degrees_of_freedom: int) -> Advantage:
        """Return the advantage of an explanation over another of the same sample.

        Where water or fat is held at 0 a voxel has a parameter less, and noise alone leaves a residual
        that is larger by its variance, its logarithm by about 1 / 2k. That is no fault of the explanation: in
        pure fat of three echoes it would otherwise decide for the other sign.
        """
        spared = (one.bounded.astype(np.float64) - other.bounded) / (2 * degrees_of_freedom)
        return cls.between(one.residual, other.residual, sample, degrees_of_freedom, spared)

    @classmethod
    def between(
        cls,
        one: NDArray[np.float64],
        other: NDArray[np.float64],
        sample: Sample,
        degrees_of_freedom: int,
        spared: NDArray[np.float64] | float = 0.0,
    ) -> Advantage:
        """Return the advantage of residual energies ``one`` over ``other`` in the same voxels.

        All are (voxels,), in units of the signal squared. ``spared`` is added to the log ratio of each voxel.
        """
        k = degrees_of_freedom
        noise = min(float(np.median(one)), float(np.median(other))) / k
        noise += ROUNDING * float(np.median(sample.energy))
        ratio = np.log((other / k + noise) / (one / k + noise)) + spared
        means = np.bincount(sample.patches, ratio) / np.bincount(sample.patches)
        error = float(means.std()) / np.sqrt(max(means.size - 1, 1))
        gain = float(means.mean())
        return cls(gain, gain / max(error, 1e-6), means.size)

    @property
    def words(self) -> str:
        """How sure it is, for a message."""
        return f"{abs(self.standard_errors):.1f} standard errors in {self.patches} patches"

    def clear(self, gain: float, standard_errors: float, patches: int) -> bool:
        """Whether either is better by at least so much, in enough patches."""
        enough = abs(self.gain) >= gain and abs(self.standard_errors) >= standard_errors
        return enough and self.patches >= patches


def explain(
    method: Method, sample: Sample, start: EchoPhases | None = None, *, fat_alone: bool = False
) -> Explanation:
    """Return the explanation of a sample to which Gauss-Newton leads.

    Parameters
    ----------
    method, sample
        How to fit, and what.
    start
        Phase errors of the echoes to start from, none without it.
    fat_alone
        Whether the echoes have no errors, as is assumed of trains that are too short to show them.
    """
    count = method.train.count
    free = np.arange(count + 1) >= (count if fat_alone or count < LEAST_ECHOES else 0)
    errors = np.zeros((4, count + 1))
    if start is not None:
        errors[:, :count] = start.coefficients
    place = _at(method, sample, errors)
    best = place.explanation
    for _ in range(MAX_STEPS):
        errors, precision = _step(method, sample, place, free)
        best = replace(best, fat_phase_error=precision)
        place = _at(method, sample, errors)
        gain = best.cost - place.explanation.cost
        best = replace(place.explanation, fat_phase_error=precision) if gain > 0 else best
        if gain < SETTLED:
            break
    return best


@dataclass(frozen=True)
class _Place:
    """Where Gauss-Newton stands: the errors (4, echoes + 1), fat in the last column, and what they give."""

    errors: NDArray[np.float64]
    explanation: Explanation
    signals: Signals
    solution: Solution


def _at(method: Method, sample: Sample, errors: NDArray[np.float64]) -> _Place:
    turns = errors.T @ sample.places
    echoes = sample.signals.echoes * np.exp(-1j * turns[:-1]).astype(np.complex64)
    signals = Signals(echoes, turns[-1].astype(np.float32))
    solution, residual = best_solution(method, signals, sample.energy)
    cost = float(np.nanmean(np.log(residual / sample.energy + FLOOR)))
    bounded = np.minimum(solution.water, solution.fat) < 0
    explanation = Explanation(EchoPhases(errors[:, :-1]), errors[:, -1], np.inf, residual, bounded, cost)
    return _Place(errors, explanation, signals, solution)


def best_solution(
    method: Method, signals: Signals, energy: NDArray[np.float32]
) -> tuple[Solution, NDArray[np.float64]]:
    """Return the solution of voxels at the best of their own candidates, and its residual energy.

    ``energy`` and the residual are (voxels,), in units of the signal squared.
    """
    field, r2star, found = minima(method, signals)
    repeated = signals.repeated(method.n_candidates)
    place = Start(field.reshape(-1), r2star.reshape(-1))
    for _ in range(REFINEMENTS):
        info = information(common_phase_fit(method.sums, repeated, *place))
        place = Start(*step(info, *place, method.limits))
    captured = common_phase_fit(method.sums, repeated, *place).physical_energy().reshape(found.shape)
    residual = np.where(found & np.isfinite(captured), np.maximum(energy - captured, 0), np.inf)
    at = (residual.argmin(axis=0), np.arange(energy.size))
    place = Start(*(values.reshape(found.shape)[at] for values in place))
    solution = solution_at(method.sums, signals, place, common_phase_fit(method.sums, signals, *place))
    return solution, residual[at].astype(np.float64)


def _step(
    method: Method, sample: Sample, place: _Place, free: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """Return the errors after a step of the free ones, and the standard error of the phase of fat."""
    k = method.train.degrees_of_freedom
    lin = linearise(method.train, method.fat_phase, place.signals, place.solution)
    echoes = lin.model[:, :, np.newaxis] * np.eye(method.train.count)
    effects = np.concatenate([echoes, lin.fat[..., np.newaxis]], axis=2)
    found = score(lin, 1j * effects[:, :, free])
    residual = place.solution.residual.astype(np.float64)
    noise = max(float(np.nanmedian(residual)) / k, ROUNDING * float(np.median(sample.energy)))
    weight = 1 / (noise + residual / k)
    known = np.isfinite(weight) & np.isfinite(found.gradient).all(axis=1)
    weight, x, at_known = weight[known], sample.places[:, known], found.part(known)
    gradient = np.einsum("v,av,vn->an", weight, x, at_known.gradient, optimize=True)
    normal = np.einsum("v,av,bv,vnm->anbm", weight, x, x, at_known.information, optimize=True)
    gradient = (gradient - place.errors[:, free] / USUAL_ERROR**2).reshape(-1)
    covariance = np.linalg.inv(normal.reshape(gradient.size, -1) + np.eye(gradient.size) / USUAL_ERROR**2)
    change = (covariance @ gradient).reshape(4, -1)
    change *= min(1.0, MAX_STEP / max(float(np.abs(change).max()), 1e-12))
    errors = place.errors.copy()
    errors[:, free] += change
    last = change.shape[1] - 1
    return errors, float(np.sqrt(covariance[last, last]))
