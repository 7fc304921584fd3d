"""What the phases of a volume mean: their sign, and the phase of fat ahead of water.

Water and fat leave excitation with one phase if the sequence treats them alike; pulses that do not
turn one of them everywhere. Scanners differ in the sign of phases. Both are seen in how well a sample
of voxels can be fitted at all.
"""

from __future__ import annotations

import numpy as np

from qmri.errors import QmriError
from qmri.fit.candidates import minima
from qmri.fit.common_phase import Sums, common_phase_fit
from qmri.fit.costs import sample
from qmri.fit.method import Method, Start
from qmri.fit.refine import information, step
from qmri.fit.voxels import Signals, Voxels

SAMPLE_VOXELS = 3000
STEPS = 2
FLOOR = 1e-5
"""Share of the signal's energy below which residuals are alike."""
WRONG_SIGN_GAIN = 0.1
"""Drop of the mean log residual with all phases reversed that only a wrong sign explains."""
OFFSET_STEP = np.deg2rad(15.0)
MAX_OFFSET_STEPS = 6
LEAST_OFFSET = np.deg2rad(10.0)
"""A smaller offset biases PDFF by less than 0.1 pp, and a wrong spectrum may feign it."""
LEAST_GAIN = 0.01
"""Least drop of the mean log residual that is no accident of the sample."""


class Misfit:
    """Mean log residual of a sample of voxels, as a function of the phase of fat ahead of water."""

    def __init__(self, method: Method, signals: Signals) -> None:
        self._method = method
        self._energy = signals.energy
        self._signals = signals.repeated(method.n_candidates)
        field, r2star, self._found = minima(method, signals)
        self._start = Start(field.reshape(-1), r2star.reshape(-1))

    def __call__(self, fat_phase: float = 0.0) -> float:
        """Return the mean log residual at a phase in rad, each voxel at its best candidate."""
        sums, place = Sums.of(self._method.train, fat_phase), self._start
        for _ in range(STEPS):
            info = information(common_phase_fit(sums, self._signals, *place))
            place = Start(*step(info, *place, self._method.limits))
        captured = common_phase_fit(sums, self._signals, *place).physical_energy()
        residual = np.maximum(self._energy - captured.reshape(self._found.shape), 0)
        least = np.where(self._found, residual, np.inf).min(axis=0)
        return float(np.nanmean(np.log(least / self._energy + FLOOR)))


def check_sign(method: Method, voxels: Voxels) -> None:
    """Check that fat turns as ``exp(+i 2 pi f t)`` with f negative, if the spacing shows it well.

    Raises
    ------
    QmriError
        If the complex conjugate fits far better. PDFF would look right and be wrong.
    """
    if method.train.warnings:
        return
    signals = _some(voxels)
    as_given, reversed_ = (Misfit(method, each)() for each in (signals, signals.conjugate()))
    if as_given - reversed_ > WRONG_SIGN_GAIN:
        raise QmriError(
            "the phases have the opposite sign",
            found=f"a residual {np.exp((as_given - reversed_) / 2):.2f} times that of the complex conjugate",
            expected="fat turning as exp(+i 2 pi f t), f negative",
            remedy="give the complex conjugate of the signal",
        )


def water_fat_phase(method: Method, voxels: Voxels) -> float:
    """Return the phase of fat ahead of water at echo time 0 that fits the volume best, rad.

    The misfit is followed downhill from 0 in steps of 15 degrees, then interpolated. An offset
    below 10 degrees is taken as none.
    """
    misfit = Misfit(method, _some(voxels))
    found = {steps: misfit(steps * OFFSET_STEP) for steps in (-1, 0, 1)}
    best = min(found, key=found.__getitem__)
    while best != 0 and abs(best) < MAX_OFFSET_STEPS:
        beyond = best + int(np.sign(best))
        found[beyond] = misfit(beyond * OFFSET_STEP)
        if found[beyond] >= found[best]:
            break
        best = beyond
    if found[0] - found[best] < LEAST_GAIN or not {best - 1, best + 1} <= found.keys():
        return 0.0
    left, centre, right = (found[best + shift] for shift in (-1, 0, 1))
    offset = OFFSET_STEP * (best + 0.5 * (left - right) / (left + right - 2 * centre))
    return float(offset) if abs(offset) >= LEAST_OFFSET else 0.0


def _some(voxels: Voxels) -> Signals:
    return voxels.signals.part(sample(voxels.count, SAMPLE_VOXELS))
