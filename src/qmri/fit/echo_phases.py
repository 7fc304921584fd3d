"""Phase errors of single echoes that vary slowly in space: bipolar readouts and eddy currents.

A readout of changing polarity turns even and odd echoes against each other, by a phase that is
linear along the readout (Peterson 2013, 10.1002/mrm.24657); eddy currents turn the first echoes.
Such an error ``e_n(x) = a_n + b_n . x`` of echo n is estimated from a sample of voxels by the score
test of `linearise`, and removed. What the field and the common phase can imitate, a constant and
a term linear in echo time, is not seen and does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmri.fit.costs import sample
from qmri.fit.linearise import linearise, score
from qmri.fit.method import Method
from qmri.fit.solution import Solution
from qmri.fit.voxels import Voxels

LEAST_ECHOES = 4
SAMPLE_VOXELS = 3000
LEAST_VOXELS = 200
WATERY = (-20.0, 30.0)
"""Percent."""
NULL_SHARE = 1e-6
"""Eigenvalues below this share of the largest belong to errors that cannot be seen."""


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
        return self.coefficients.T @ _positions(voxels)[:, some]

    @property
    def size(self) -> NDArray[np.float64]:
        """Root mean square over the bounding box of each echo's error, rad."""
        mean_square = self.coefficients[0] ** 2 + np.sum(self.coefficients[1:] ** 2, axis=0) / 3
        return np.asarray(np.sqrt(mean_square))

    def plus(self, other: EchoPhases) -> EchoPhases:
        """Return the sum of two."""
        return EchoPhases(self.coefficients + other.coefficients)


def watery(solution: Solution) -> NDArray[np.intp]:
    """Return a sample of voxels with more water than fat, by far.

    There an error of the fat spectrum hardly shows, so that what shows is one of the phases.
    """
    candidates = np.flatnonzero((solution.pdff > WATERY[0]) & (solution.pdff < WATERY[1]))
    return candidates[sample(candidates.size, SAMPLE_VOXELS)]


def estimate(method: Method, voxels: Voxels, solution: Solution, noise: float) -> EchoPhases:
    """Return the phase errors that the residuals of a solution tell of, after one step."""
    some = watery(solution)
    if some.size < LEAST_VOXELS:
        return EchoPhases(np.zeros((4, method.train.count)))
    lin = linearise(method.train, method.fat_phase, voxels.signals.part(some), solution.part(some))
    found = score(lin, 1j * lin.model[:, :, np.newaxis] * np.eye(method.train.count))
    k = method.train.degrees_of_freedom
    weight = 1 / (noise + solution.residual[some] / k + 1e-12)
    positions = _positions(voxels)[:, some]
    normal = np.einsum("v,av,bv,vnm->anbm", weight, positions, positions, found.information, optimize=True)
    gradient = np.einsum("v,av,vn->an", weight, positions, found.gradient, optimize=True)
    size = gradient.size
    values, vectors = np.linalg.eigh(normal.reshape(size, size))
    seen = values > NULL_SHARE * values[-1]
    basis = vectors[:, seen]
    coefficients = basis @ ((basis.T @ gradient.reshape(-1)) / values[seen])
    return EchoPhases(coefficients.reshape(gradient.shape))


def remove(voxels: Voxels, phases: EchoPhases) -> Voxels:
    """Return the voxels with the phases of the echoes turned back."""
    echoes = voxels.signals.echoes * np.exp(-1j * phases.at(voxels, slice(None))).astype(np.complex64)
    return replace(voxels, signals=replace(voxels.signals, echoes=echoes))


def _positions(voxels: Voxels) -> NDArray[np.float64]:
    """Return 1 and the coordinates of every voxel, -1 to 1 over the bounding box, (4, voxels)."""
    places = np.argwhere(voxels.inside).T.astype(np.float64)
    half = (np.array(voxels.inside.shape)[:, np.newaxis] - 1) / 2
    scaled = np.where(half > 0, places / np.maximum(half, 0.5) - 1, 0.0)
    return np.concatenate([np.ones((1, voxels.count)), scaled])
