"""The few fields that a voxel could have: the deepest minima of its residual, refined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.fit.echoes import EchoTrain
from qmri.fit.solve.common_phase import common_phase_fit
from qmri.fit.solve.method import Method
from qmri.fit.solve.refine import expected_gain, information, step
from qmri.fit.voxels import Signals, Voxels
from qmri.signal.variable_projection import energies, features

Real = NDArray[np.float32]


@dataclass(frozen=True)
class Candidates:
    """Candidate solutions of every voxel, best first by free-phase residual.

    Attributes
    ----------
    field, r2star
        Hz and 1/s, float32 of shape (candidates, voxels).
    residual
        Residual energy with a common phase and neither water nor fat negative, as expected of a
        Gauss-Newton step to that place, same shape; infinite where a voxel has fewer minima.
    """

    field: Real
    r2star: Real
    residual: Real


def find_candidates(method: Method, voxels: Voxels) -> Candidates:
    """Return the candidates of every voxel."""
    count = method.n_candidates
    result = Candidates(*(np.empty((count, voxels.count), dtype=np.float32) for _ in range(3)))

    def work(part: slice) -> None:
        signals = voxels.signals.part(part)
        field, r2star, found = minima(method, signals)
        start = (field.reshape(-1), r2star.reshape(-1))
        fit = common_phase_fit(method.sums, signals.repeated(count), *start)
        info = information(fit)
        flat = step(info, *start, method.limits)
        captured = fit.physical_energy() + expected_gain(info, *start, *flat)
        residual = voxels.energy[part] - captured.reshape(field.shape)
        result.field[:, part], result.r2star[:, part] = (values.reshape(field.shape) for values in flat)
        result.residual[:, part] = np.where(found, np.maximum(residual, 0), np.inf)

    method.pool.for_each(work, voxels.count)
    return result


def minima(method: Method, signals: Signals) -> tuple[Real, Real, NDArray[np.bool_]]:
    """Return field and R2* of the deepest minima on the grid, (candidates, voxels), and whether they exist.

    Where a voxel has fewer minima, because those of water and fat have run into one, the fields a
    fat shift to either side of the deepest are tried.
    """
    table, count = method.table, method.n_candidates
    energy, rate_index = energies(table, features(signals.echoes))
    peaks = _peaks(energy)
    rows = np.arange(energy.shape[0])
    first = rows * energy.shape[1]
    flat, flat_rate = energy.ravel(), rate_index.ravel()
    field = np.empty((count, rows.size), dtype=np.float32)
    r2star = np.empty_like(field)
    found = np.empty(field.shape, dtype=np.bool_)
    for k in range(count):
        place = peaks.argmax(axis=1)
        found[k] = peaks[rows, place] > 0
        peaks[rows, place] = 0
        at = first + place
        left, centre, right = flat[at - 1], flat[at], flat[at + 1]
        curvature = np.maximum(2 * centre - left - right, np.finfo(np.float32).tiny)
        offset = np.clip((right - left) / (2 * curvature), -0.5, 0.5)
        field[k] = table.field[place] + np.float32(table.step) * offset
        r2star[k] = table.r2star[flat_rate[at]]
    for k in range(1, count):
        _fill(method.train, k, field, r2star, found)
    return field, r2star, found


def _peaks(energy: Real) -> Real:
    """Return the energies (voxels, fields) that exceed both neighbours, 0 elsewhere."""
    peaks = np.zeros_like(energy)
    flat, peak = energy.ravel(), peaks.ravel()
    rising = flat[1:] > flat[:-1]
    np.multiply(flat[1:-1], rising[:-1] & ~rising[1:], out=peak[1:-1])
    peaks[:, 0] = peaks[:, -1] = 0
    return peaks


def _fill(train: EchoTrain, k: int, field: Real, r2star: Real, found: NDArray[np.bool_]) -> None:
    """Put a field a fat shift away from the deepest minimum where there is no candidate k, in place."""
    lacking = ~found[k]
    field[k, lacking] = field[0, lacking] + np.float32(train.fat_shift * (-1) ** k)
    r2star[k, lacking] = r2star[0, lacking]
    distance = np.abs(field[k] - field[:k])
    if train.even:
        distance = np.abs(distance - np.float32(train.period) * np.rint(distance / np.float32(train.period)))
    new = (distance > np.float32(0.5 * abs(train.fat_shift))) | ~found[:k]
    found[k] |= lacking & new.all(axis=0)
