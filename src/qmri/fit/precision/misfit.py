"""How far the model is from the echoes, against a noise that the fit has no part in.

The noise comes from voxels of air. Parallel imaging makes that of the body larger, and some scanners
cut the air off, so that the residuals of voxels a little apart are compared as well: what
the model gets wrong is much the same in both, the noise is not. The larger of the two counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qmri.fit.candidates.choice import noise_variance
from qmri.fit.chunks import sample
from qmri.fit.solve.linearise import linearise, score
from qmri.fit.solve.method import Method
from qmri.fit.solve.solution import Solution
from qmri.fit.voxels import Voxels

Real = NDArray[np.float32]

SAMPLE_PAIRS, SAMPLE_VOXELS = 1000, 200
LEAST_PAIRS = 200
APART = 2
"""Distance of the voxels that are compared; neighbours may share their noise by interpolation."""
MODEL_ERROR = 0.03
"""Error of the model that is taken as usual, as a share of the signal."""
LARGE = 3.0
"""Median reduced chi-square above which the model does not describe the echoes."""
LARGE_IN_PLACES = 10.0
"""The same of the 90th percentile."""


@dataclass(frozen=True)
class Misfit:
    """How well the model describes the echoes of an examination.

    Attributes
    ----------
    noise
        Variance of the noise of one channel.
    source
        "background", "neighbours" or, where there is neither, "residuals".
    rchi2
        Reduced chi-square of each voxel.
    shares
        Share of the residual energy that each echo's own amplitude and phase would explain,
        (echoes,); empty where there are too few voxels.
    """

    noise: float
    source: str
    rchi2: Real
    shares: NDArray[np.float64]

    @cached_property
    def median(self) -> float:
        """Median reduced chi-square; 0 without voxels."""
        return self._percentile(50) if self.rchi2.size else 0.0

    @property
    def describes(self) -> bool:
        """Whether the model describes the echoes."""
        return not self.median > LARGE

    @property
    def places(self) -> bool:
        """Whether the model fails in a part of the voxels, as at edges that moved between echoes."""
        return bool(self.rchi2.size and self._percentile(90) > LARGE_IN_PLACES)

    def _percentile(self, percent: float) -> float:
        return float(np.nanpercentile(self.rchi2[sample(self.rchi2.size)], percent))

    @property
    def words(self) -> str:
        """What is wrong, for a reader."""
        worst = int(np.argmax(self.shares)) if self.shares.size else None
        echo = (
            ""
            if worst is None
            else f"; echo {worst + 1} disagrees most with the others "
            f"({100 * self.shares[worst]:.0f} % of the residual)"
        )
        if self.describes:
            extent = "a tenth of these echoes (motion, a wrong phase): there the reduced chi-square is above "
            extent += f"{self._percentile(90):.0f}"
        else:
            extent = f"these echoes: the median reduced chi-square is {self.median:.1f}"
        return (
            f"the model does not describe {extent} against the noise of the {self.source} and "
            f"{100 * MODEL_ERROR:.0f} % of the signal{echo}"
        )


def misfit(
    voxels: Voxels,
    residual: Real,
    *,
    degrees_of_freedom: int,
    background: float | None,
    between: float | None,
    shares: NDArray[np.float64],
) -> Misfit:
    """Return how well a solution describes the echoes.

    ``chi^2 / k = (J / k) / (sigma^2 + (0.03)^2 e / 2N)`` with the residual energy J and the energy e of a
    voxel of N echoes.

    Parameters
    ----------
    voxels
        What was fitted.
    residual
        (voxels,) residual energy, in units of the signal squared.
    degrees_of_freedom
        k, of one voxel.
    background, between
        Variance of one channel in voxels of air, and from `noise_between_neighbours`; or None.
    shares
        (echoes,) from `echo_shares`.
    """
    k = degrees_of_freedom
    known = {"background": background, "neighbours": between}
    noise = {name: value for name, value in known.items() if value is not None}
    if not noise:
        noise = {"residuals": noise_variance(residual, voxels.energy, k) if voxels.count else 0.0}
    source = max(noise, key=noise.__getitem__)
    usual = np.float32(MODEL_ERROR**2 / (2 * len(voxels.signals.echoes))) * voxels.energy
    tiny = np.finfo(np.float32).tiny
    rchi2 = residual / np.float32(k) / (np.float32(noise[source]) + usual + tiny)
    return Misfit(noise[source], source, np.asarray(rchi2, dtype=np.float32), shares)


def _turned_residuals(
    method: Method, voxels: Voxels, solution: Solution, some: NDArray[np.intp]
) -> NDArray[np.complex128]:
    """Return the residuals of voxels seen from the phase of their model, (voxels, echoes)."""
    lin = linearise(method.train, method.fat_phase, voxels.signals.part(some), solution.part(some))
    size = np.abs(lin.model)
    return lin.residual * np.where(size > 0, lin.model.conj() / np.where(size > 0, size, 1.0), 1.0)


def noise_between_neighbours(method: Method, voxels: Voxels, solution: Solution) -> float | None:
    """Return the noise variance from the residuals of voxels apart along the longest edge of a voxel."""
    inside = voxels.inside
    wide = [axis for axis in range(3) if inside.shape[axis] > APART]
    if not wide:
        return None
    axis = max(wide, key=lambda each: voxels.voxel_size[each])
    one = sample(voxels.count, 4 * SAMPLE_PAIRS)
    other = voxels.beside(one, axis, APART).astype(np.intp)
    pairs = np.flatnonzero(other >= 0)
    if pairs.size < LEAST_PAIRS:
        return None
    pairs = pairs[sample(pairs.size, SAMPLE_PAIRS)]
    one, other = one[pairs], other[pairs]
    left, right = (_turned_residuals(method, voxels, solution, some) for some in (one, other))
    energy = voxels.energy
    ratio = np.sqrt(energy[one] / np.maximum(energy[other], np.finfo(np.float32).tiny)).astype(np.float64)
    difference = (left - ratio[:, np.newaxis] * right) / np.sqrt(1 + ratio**2)[:, np.newaxis]
    squares = np.sum(np.abs(difference) ** 2, axis=1).astype(np.float32)
    return noise_variance(squares, energy[one], method.train.degrees_of_freedom)


def echo_shares(method: Method, voxels: Voxels, solution: Solution) -> NDArray[np.float64]:
    """Return the share of the residual energy that each echo's own amplitude and phase would explain.

    Shares 0-1, (echoes,); empty where there are too few voxels to tell.
    """
    some = sample(voxels.count, SAMPLE_VOXELS)
    if some.size < LEAST_PAIRS:
        return np.empty(0)
    lin = linearise(method.train, method.fat_phase, voxels.signals.part(some), solution.part(some))
    explained = np.zeros(method.train.count)
    for echo, only in enumerate(np.eye(method.train.count)):
        effect = (lin.model * only)[:, :, np.newaxis]
        found = score(lin, np.concatenate([effect, 1j * effect], axis=2))
        solved = np.einsum("vij,vj->vi", np.linalg.pinv(found.information), found.gradient)
        explained[echo] = np.nansum(np.einsum("vi,vi->v", found.gradient, solved))
    total = float(np.nansum(np.abs(lin.residual) ** 2))
    return explained / total if total > 0 else explained
