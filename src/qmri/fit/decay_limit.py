"""Where the signal decays faster than the echoes can tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.echoes import EchoTrain
from qmri.fit.estimate import Estimate
from qmri.fit.method import R2STAR_RANGE
from qmri.fit.voxels import Voxels

NEIGHBOURHOOD = 7
"""Edge of the cube that decides together, voxels."""
FAST = 0.5
"""Decay between two echoes, as an exponent, from which little is left of the later ones."""
STANDARD_DEVIATIONS = 2.0
UNDECIDED = 0.5
"""Mean swap risk above which the data speak against the water and fat that were taken."""


def beyond_the_echoes(estimate: Estimate, voxels: Voxels, train: EchoTrain) -> NDArray[np.bool_]:
    """Return the voxels whose fast decay the echoes do not carry, (voxels,).

    There R2* is large and yet does not differ from 0 by two standard deviations, or the few early
    echoes that are left do not tell water from fat: they are as well those of another mixture with
    another decay. R2* and the deviation stated with it are then too small. The means of a cube decide
    for the voxels in it, because a voxel's own noise would leave the small values and take the large.
    """
    fast = np.float32(FAST / train.spacing)
    r2star = _within_range(estimate.solution.r2star)
    sd = _within_range(np.sqrt(estimate.local_noise * estimate.solution.r2star_variance))
    width = np.float32(STANDARD_DEVIATIONS) * sd
    risk = estimate.swap_risk
    doubtful = (r2star > fast) & ((width > r2star) | (risk > UNDECIDED))
    if not doubtful.any():
        return np.zeros(r2star.size, dtype=bool)
    count, mean, mean_width, mean_risk = (
        voxels.from_box(ndimage.uniform_filter(voxels.on_box(values), NEIGHBOURHOOD, mode="constant"))
        for values in (np.ones_like(r2star), r2star, width, risk)
    )
    unknown = (mean_width > mean) | (mean_risk > np.float32(UNDECIDED) * count)
    return np.asarray(unknown & (mean > fast * count) & (r2star + 2 * width > fast))


def _within_range(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values from 0 to the largest R2*; what is not a number as the largest."""
    highest = np.float32(R2STAR_RANGE[1])
    return np.asarray(np.clip(np.where(np.isnan(values), highest, values), 0, highest), dtype=np.float32)
