"""Where the signal decays faster than the echoes can tell, or there is none.

Single places are judged by their neighbourhood, and the volume as a whole: where most of it decays fast,
neighbours are no help, and a sign of the phases or an offset of fat that noise suggested is wrong everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.chunks import typical
from qmri.fit.echoes import EchoTrain
from qmri.fit.foreground import Reason
from qmri.fit.solve.estimate import Estimate, Mode
from qmri.fit.solve.method import R2STAR_RANGE
from qmri.fit.solve.symmetric import TINY
from qmri.fit.voxels import Voxels

NEIGHBOURHOOD = 7
"""Edge of the cube that decides together, voxels."""
FAST = 0.5
"""Decay between two echoes, as an exponent, from which little is left of the later ones."""
STANDARD_DEVIATIONS = 2.0
UNDECIDED = 0.5
"""Mean swap risk above which the data speak against the water and fat that were taken."""
MUCH, UNDECIDED_VOLUME = 0.3, 0.25
"""Share of voxels that decay fast, and their mean swap risk, above which a volume does not help them."""
NOTHING = 1.25
"""Median energy of the voxels, over that of noise alone, below which there is no signal in them."""


@dataclass(frozen=True)
class Verdict:
    """Why voxels of a whole volume have no value: which, their reason, and words for a reader."""

    voxels: NDArray[np.bool_]
    reason: Reason
    words: str


def volume_verdict(estimate: Estimate, voxels: Voxels, train: EchoTrain) -> Verdict | None:
    """Return the verdict on a volume that is noise, or that decays too fast as a whole; None for others.

    Fast decay alone is none: where the data tell the sign of their phases, they tell water from fat.
    """
    if voxels.count == 0 or estimate.mode == Mode.MAGNITUDE:
        return None
    noise = max(estimate.noise, estimate.noise_between or 0.0)
    energy = typical(voxels.energy) / max(2 * train.count * noise, float(TINY))
    if energy < NOTHING:
        return Verdict(
            np.ones(voxels.count, dtype=bool),
            Reason.NO_SIGNAL,
            f"the voxels of the mask hold no more than noise (their median energy is {energy:.2f} times that "
            "of noise): none has a value",
        )
    fast = FAST / train.spacing
    r2star = _within_range(estimate.solution.r2star)
    above = r2star > np.float32(fast)
    share = float(np.mean(above))
    if share <= MUCH or (estimate.sign is not None and estimate.sign.clear):
        return None
    risk = float(np.mean(estimate.swap_risk[above]))
    if not risk > UNDECIDED_VOLUME:
        return None
    return Verdict(
        r2star + np.float32(STANDARD_DEVIATIONS) * _deviation(estimate) > fast,
        Reason.R2STAR_AT_LIMIT,
        f"R2* is above {fast:.0f} 1/s, half the echo rate, in {100 * share:.0f} % of the voxels, and what is "
        f"left of the echoes does not tell water from fat (mean swap risk {risk:.2f}): what may decay so "
        "fast has no value",
    )


def beyond_the_echoes(estimate: Estimate, voxels: Voxels, train: EchoTrain) -> NDArray[np.bool_]:
    """Return the voxels whose fast decay the echoes do not carry, (voxels,).

    There R2* is large and yet does not differ from 0 by two standard deviations, or the few early
    echoes that are left do not tell water from fat: they are as well those of another mixture with
    another decay. R2* and the deviation stated with it are then too small. The means of a cube decide
    for the voxels in it, because a voxel's own noise would leave the small values and take the large.
    """
    fast = np.float32(FAST / train.spacing)
    r2star = _within_range(estimate.solution.r2star)
    sd = _deviation(estimate)
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


def _deviation(estimate: Estimate) -> NDArray[np.float32]:
    """Return the standard deviation of R2*; a variance that is none counts as the largest."""
    with np.errstate(invalid="ignore"):
        return _within_range(np.sqrt(estimate.local_noise * estimate.solution.r2star_variance))


def _within_range(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values from 0 to the largest R2*; what is not a number as the largest."""
    highest = np.float32(R2STAR_RANGE[1])
    return np.asarray(np.clip(np.where(np.isnan(values), highest, values), 0, highest), dtype=np.float32)
