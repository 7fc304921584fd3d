"""The phase of fat relative to water: a common offset, and whether it differs from place to place.

Water and fat leave excitation with one phase if the sequence treats them alike. Pulses that do not
excite them alike turn one of them everywhere; motion, flow and eddy currents may turn it here
and there. Both bias PDFF where it is neither 0 nor 100 %.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.fit.candidates import minima
from qmri.fit.common_phase import Sums, common_phase_fit
from qmri.fit.costs import sample
from qmri.fit.field_prior import neighbourhood
from qmri.fit.linearise import linearise, score
from qmri.fit.method import Method, Start
from qmri.fit.refine import information, step
from qmri.fit.solution import Solution
from qmri.fit.voxels import Signals, Voxels

OFFSET_VOXELS = 3000
OFFSET_STEP = np.deg2rad(15.0)
MAX_OFFSET_STEPS = 6
LEAST_OFFSET = np.deg2rad(10.0)
"""A smaller offset biases PDFF by less than 0.1 pp, and a wrong spectrum may feign it."""
LEAST_GAIN = 0.01
"""Least drop of the mean log residual that is no accident of the sample."""
FLOOR = 1e-5
"""Share of the signal's energy below which residuals are alike."""

SPREAD_VOXELS = 5000
WELL_DETERMINED = np.deg2rad(20.0)
LEAST_VOXELS = 100
UNKNOWN = 100.0
"""Variance that stands for an unknown phase, rad^2."""

Real = NDArray[np.float32]


def water_fat_phase(method: Method, voxels: Voxels) -> float:
    """Return the phase of fat ahead of water at echo time 0 that fits the volume best, rad.

    The mean log residual of a sample of voxels is followed downhill from 0 in steps of 15 degrees,
    then interpolated. An offset below 10 degrees is taken as none.
    """
    some = sample(voxels.count, OFFSET_VOXELS)
    signals, energy = voxels.signals.part(some), voxels.energy[some]
    with np.errstate(all="ignore"):
        field, r2star, found = minima(method.table, signals, method.n_candidates)
        repeated = signals.repeated(method.n_candidates)

        def misfit(steps: int) -> float:
            sums = Sums.of(method.train, steps * OFFSET_STEP)
            place = Start(field.reshape(-1), r2star.reshape(-1))
            for _ in range(2):
                info = information(common_phase_fit(sums, repeated, *place))
                place = Start(*step(info, *place, method.limits))
            captured = common_phase_fit(sums, repeated, *place).physical_energy().reshape(field.shape)
            residual = np.where(found, np.maximum(energy - captured, 0), np.inf).min(axis=0)
            return float(np.nanmean(np.log(residual / energy + FLOOR)))

        misfits = {steps: misfit(steps) for steps in (-1, 0, 1)}
        best = min(misfits, key=misfits.__getitem__)
        while best != 0 and abs(best) < MAX_OFFSET_STEPS:
            beyond = best + int(np.sign(best))
            misfits[beyond] = misfit(beyond)
            if misfits[beyond] >= misfits[best]:
                break
            best = beyond
    if misfits[0] - misfits[best] < LEAST_GAIN or not {best - 1, best + 1} <= misfits.keys():
        return 0.0
    left, centre, right = (misfits[best + shift] for shift in (-1, 0, 1))
    offset = OFFSET_STEP * (best + 0.5 * (left - right) / (left + right - 2 * centre))
    return float(offset) if abs(offset) >= LEAST_OFFSET else 0.0


def phase_spread(method: Method, voxels: Voxels, solution: Solution, noise: float) -> float:
    """Return how much the phase differs over the volume beyond its noise, a standard deviation in rad.

    Taken from the voxels of a sample whose own phase is known well, by their inner 68 %.
    """
    some = sample(voxels.count, SPREAD_VOXELS)
    phase, variance = _voxel_phases(method, voxels.signals.part(some), solution.part(some))
    sd = np.sqrt(noise * variance)
    good = np.isfinite(phase) & (sd < WELL_DETERMINED)
    if good.sum() < LEAST_VOXELS:
        return 0.0
    low, high = np.percentile(phase[good], [16, 84])
    expected = float(np.median(sd[good]))
    return float(np.sqrt(max(((high - low) / 2) ** 2 - expected**2, 0.0)))


def phase_map(method: Method, voxels: Voxels, solution: Solution, noise: float) -> Real:
    """Return the phase of fat ahead of water in every voxel, float32 of shape (voxels,), rad.

    Each voxel's own estimate and the mean of its neighbours are weighted with their inverse
    variances, so that the phase is as free as the data make it.
    """
    phase, variance = (np.empty(voxels.count, dtype=np.float32) for _ in range(2))

    def work(part: slice) -> None:
        phase[part], variance[part] = _voxel_phases(method, voxels.signals.part(part), solution.part(part))

    method.team.for_each(work, voxels.count)
    if voxels.signals.fat_phase is not None:
        phase += voxels.signals.fat_phase
    known = np.isfinite(phase) & (variance > 0) & np.isfinite(variance)
    phase = np.where(known, phase, np.float32(0))
    variance = np.where(known, np.float32(noise) * variance, np.float32(UNKNOWN))
    variance = np.clip(variance, 1e-6, np.float32(UNKNOWN))
    near = neighbourhood(voxels, phase, variance, 2 * np.pi, np.pi / 2)
    trust = variance / (variance + near.variance)
    return np.where(np.isfinite(near.variance), phase - near.deviation * trust, phase).astype(np.float32)


def _voxel_phases(method: Method, signals: Signals, solution: Solution) -> tuple[Real, Real]:
    """Return the phase that each voxel has beyond the model, rad, and its variance for unit noise."""
    lin = linearise(method.train, method.fat_phase, signals, solution)
    found = score(lin, 1j * lin.fat[..., np.newaxis])
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = 1 / found.information[:, 0, 0]
        phase = np.clip(found.gradient[:, 0] * variance, -np.pi / 2, np.pi / 2)
    return phase.astype(np.float32), variance.astype(np.float32)
