"""Phase errors of single echoes that vary slowly in space: bipolar readouts and eddy currents.

A readout of changing polarity turns even and odd echoes against each other, by a phase that is
linear along the readout (Peterson 2013, 10.1002/mrm.24657); eddy currents turn the first echoes.
Such an error ``e_n(x) = a_n + b_n . x`` of echo n is estimated from a sample of voxels by the score
test of `linearise`, and removed. What the field and the common phase can imitate, a constant and
a term linear in echo time, is not seen and does no harm. Few voxels of water may tell so little that
noise looks like an error of several degrees; `Evidence` says whether an estimate is to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmri.fit.chunks import CHUNK_VOXELS, sample
from qmri.fit.solve.linearise import Score, linearise, score
from qmri.fit.solve.method import Method
from qmri.fit.solve.solution import Solution
from qmri.fit.voxels import Voxels

LEAST_ECHOES = 4
UNSEEN = (
    "three echoes do not show phase errors of single echoes (bipolar readout, eddy currents), which "
    "would bias PDFF: they were taken as free of them"
)
"""What is reported of fewer echoes than show phase errors."""
SAMPLE_VOXELS = 2000
LEAST_VOXELS = 200
WATERY = (-20.0, 30.0)
"""Percent."""
NULL_SHARE = 1e-6
"""Eigenvalues below this share of the largest belong to errors that cannot be seen."""
BLOCK = 4
"""Voxels along each side of the blocks that form the two halves, as the fields of a chessboard."""
LEAST_SIZE = np.deg2rad(2.0)
LEAST_SIGNIFICANCE, LEAST_AGREEMENT = 5.0, 2.0
"""An error must exceed its standard error, and the disagreement of the halves, this many times."""


@dataclass(frozen=True)
class EchoPhases:
    """Smooth phase errors of the echoes.

    Attributes
    ----------
    coefficients
        rad, (4, echoes): constant, and slopes along x, y and z over half the bounding box.
    """

    coefficients: NDArray[np.float64]

    def at(self, voxels: Voxels, some: slice | NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the phases (echoes, voxels) in some voxels, rad."""
        return self.coefficients.T @ positions(voxels, some)

    @property
    def size(self) -> NDArray[np.float64]:
        """Root mean square over the bounding box of each echo's error, rad, (echoes,)."""
        mean_square = self.coefficients[0] ** 2 + np.sum(self.coefficients[1:] ** 2, axis=0) / 3
        return np.asarray(np.sqrt(mean_square))

    def plus(self, other: EchoPhases) -> EchoPhases:
        """Return the sum of two."""
        return EchoPhases(self.coefficients + other.coefficients)


def watery(solution: Solution) -> NDArray[np.intp]:
    """Return the numbers (n,) of a sample of voxels with more water than fat, by far.

    There an error of the fat spectrum hardly shows, so that what shows is one of the phases.
    """
    candidates = np.flatnonzero((solution.pdff > WATERY[0]) & (solution.pdff < WATERY[1]))
    return candidates[sample(candidates.size, SAMPLE_VOXELS)]


@dataclass(frozen=True)
class Evidence:
    """An estimate of phase errors, and what speaks for it.

    Attributes
    ----------
    phases
        The estimate.
    standard_error
        Root mean square over the bounding box that noise alone would give each echo, rad.
    disagreement
        Half the difference between the estimates from two separate halves of the voxels.
    """

    phases: EchoPhases
    standard_error: NDArray[np.float64]
    disagreement: EchoPhases

    @property
    def convincing(self) -> bool:
        """Whether there is an error: large, far outside its noise, and the same in both halves."""
        size = self.phases.size
        largest = int(np.argmax(size))
        return bool(
            size[largest] > LEAST_SIZE
            and size[largest] > LEAST_SIGNIFICANCE * self.standard_error[largest]
            and size[largest] > LEAST_AGREEMENT * self.disagreement.size.max()
        )


@dataclass(frozen=True)
class _Equations:
    """Weighted normal equations of the coefficients, and the variance of their right side."""

    normal: NDArray[np.float64]
    gradient: NDArray[np.float64]
    variance: NDArray[np.float64]

    def solve(self) -> tuple[EchoPhases, NDArray[np.float64]]:
        """Return the coefficients that are seen, and their covariance."""
        values, vectors = np.linalg.eigh(self.normal)
        seen = values > NULL_SHARE * values[-1]
        inverse = (vectors[:, seen] / values[seen]) @ vectors[:, seen].T
        return EchoPhases((inverse @ self.gradient).reshape(4, -1)), inverse @ self.variance @ inverse


def estimate(method: Method, voxels: Voxels, solution: Solution, noise: float) -> Evidence | None:
    """Return the phase errors that the residuals of a solution tell of, after one step.

    None if too few voxels can be asked.
    """
    some = watery(solution)
    places = positions(voxels, some)
    block = voxels.indices(some) // BLOCK
    odd = block.sum(axis=0) % 2 == 1
    if some.size < LEAST_VOXELS or min(odd.sum(), (~odd).sum()) < LEAST_VOXELS // 4:
        return None
    lin = linearise(method.train, method.fat_phase, voxels.signals.part(some), solution.part(some))
    found = score(lin, 1j * lin.model[:, :, np.newaxis] * np.eye(method.train.count))
    weight = 1 / (noise + solution.residual[some] / method.train.degrees_of_freedom + 1e-12)
    phases, covariance = _equations(found, weight, places, noise).solve()
    one, other = (
        _equations(found.part(half), weight[half], places[:, half], noise).solve()[0] for half in (odd, ~odd)
    )
    deviation = EchoPhases(np.sqrt(np.diag(covariance).clip(0)).reshape(4, -1))
    return Evidence(phases, deviation.size, EchoPhases((one.coefficients - other.coefficients) / 2))


def _equations(
    found: Score, weight: NDArray[np.floating], places: NDArray[np.float64], noise: float
) -> _Equations:
    """Return the normal equations from what some voxels say."""

    def information(weight: NDArray[np.floating]) -> NDArray[np.float64]:
        total = np.einsum("v,av,bv,vnm->anbm", weight, places, places, found.information, optimize=True)
        size = total.shape[0] * total.shape[1]
        return np.asarray(total.reshape(size, size))

    gradient = np.einsum("v,av,vn->an", weight, places, found.gradient, optimize=True)
    return _Equations(information(weight), gradient.reshape(-1), noise * information(weight**2))


def remove(voxels: Voxels, phases: EchoPhases) -> Voxels:
    """Return the voxels with the phases of the echoes turned back."""
    echoes = np.empty_like(voxels.signals.echoes)
    for start in range(0, voxels.count, CHUNK_VOXELS):
        part = slice(start, start + CHUNK_VOXELS)
        turn = np.exp(-1j * phases.at(voxels, part)).astype(np.complex64)
        np.multiply(voxels.signals.echoes[:, part], turn, out=echoes[:, part])
    return replace(voxels, signals=replace(voxels.signals, echoes=echoes))


def positions(voxels: Voxels, some: slice | NDArray[np.intp]) -> NDArray[np.float64]:
    """Return 1 and the coordinates of some voxels, -1 to 1 over the bounding box, (4, voxels)."""
    places = voxels.indices(some).astype(np.float64)
    half = (np.array(voxels.inside.shape)[:, np.newaxis] - 1) / 2
    scaled = np.where(half > 0, places / np.maximum(half, 0.5) - 1, 0.0)
    return np.concatenate([np.ones((1, places.shape[1])), scaled])
