"""What a mode of fitting makes of the voxels."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qmri.fit.phase.echo_phases import EchoPhases
from qmri.fit.phase.phase_sign import PhaseSign
from qmri.fit.solve.solution import Solution

Real = NDArray[np.float32]
Shares = tuple[float | None, float | None, float | None]


class Mode(StrEnum):
    """How the signal is modelled."""

    COMPLEX = "complex"
    FREE = "complex, free phases"
    HYBRID = "hybrid"
    MAGNITUDE = "magnitude"


@dataclass(frozen=True)
class Estimate:
    """The estimate of the voxels, in units in which the signal is about 1.

    Attributes
    ----------
    mode
        How it was made.
    solution
        Of every voxel.
    noise
        Variance of the noise of one channel in the whole volume.
    local_noise
        The same around each voxel, float32 of shape (voxels,).
    degrees_of_freedom
        Of one voxel.
    swap_risk
        Risk of each voxel, float32 of shape (voxels,).
    trusted
        Which echoes have a phase that was used, bool of shape (echoes,).
    fat_phase, phase_spread
        Phase of fat ahead of water, and how much it differs over the volume, rad.
    independent_shares
        Share of voxels along x, y and z whose noise is independent, None where it is not known.
    echo_phases
        Smooth phase errors of the echoes that were removed, or None.
    r2star_shift
        What was added to the R2* of least squares of each voxel so that its median is free of noise, 1/s;
        None where nothing was.
    sign
        What the data say about the sign of the phases; None where it was given, or there are none.
    noise_between
        Variance of one channel from differences of neighbours, None where it is not known.
    echo_shares
        Share of the residuals that each echo's own amplitude and phase would explain, or empty.
    """

    mode: Mode
    solution: Solution
    noise: float
    local_noise: Real
    degrees_of_freedom: int
    swap_risk: Real
    trusted: NDArray[np.bool_]
    fat_phase: float = 0.0
    phase_spread: float = 0.0
    echo_phases: EchoPhases | None = None
    independent_shares: Shares = (None, None, None)
    r2star_shift: Real | None = None
    sign: PhaseSign | None = None
    noise_between: float | None = None
    echo_shares: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
