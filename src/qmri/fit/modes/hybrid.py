"""The fit where the phase of an echo is of no use: the others tell water from fat, its magnitude helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qmri.fit.candidates.costs import noise_variance
from qmri.fit.field.neighbourhood import with_neighbours
from qmri.fit.modes.assisted import Trust, assisted_solve
from qmri.fit.precision.noise_level import local_noise_variance
from qmri.fit.solve.estimate import Estimate, Mode
from qmri.fit.solve.first_pass import first_pass, with_offset
from qmri.fit.solve.method import Method
from qmri.fit.voxels import Signals, Voxels


def estimate_hybrid(method: Method, voxels: Voxels, trusted: NDArray[np.bool_]) -> Estimate:
    """Fit the echoes with a trusted phase, then those and the magnitudes of the others together.

    Parameters
    ----------
    method, voxels
        How to fit, and what.
    trusted
        Which echoes have a phase that can be trusted, bool of shape (echoes,).
    """
    signals = Signals(voxels.signals.echoes[trusted])
    some = replace(voxels, signals=signals, energy=signals.energy)
    part = with_offset(method.with_echoes(trusted), some)
    first = first_pass(part, some)
    start = with_neighbours(part, some, first.solution, first.noise)
    solution = assisted_solve(method.with_fat_phase(part.fat_phase), voxels.signals, start, Trust(trusted))
    k = method.train.degrees_of_freedom - int(np.sum(~trusted))
    noise = noise_variance(solution.residual, voxels.energy, k)
    return Estimate(
        mode=Mode.HYBRID,
        solution=solution,
        noise=noise,
        local_noise=local_noise_variance(solution.residual, voxels, k, noise),
        degrees_of_freedom=k,
        swap_risk=first.swap_risk,
        trusted=trusted,
        fat_phase=part.fat_phase,
    )
