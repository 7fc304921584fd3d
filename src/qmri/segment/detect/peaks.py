"""From the network's maps to points that may be centres of bodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter

from qmri.segment.detect.channels import CENTRE_CHANNEL, NetworkClass
from qmri.segment.detect.working_grid import WorkingGrid

LEAST_PEAK = 0.12
# A peak is the highest within this many voxels to each side; the same box around it is averaged.
REACH = (4, 3, 2)
BONE = (NetworkClass.BODY, NetworkClass.LOWEST_BODY, NetworkClass.S1, NetworkClass.SACRUM)
FLOOR = 1e-4


@dataclass(frozen=True)
class Peak:
    """A point that may be the centre of a body or of S1.

    Attributes
    ----------
    centre_mm
        (3,) RAS+ mm.
    score
        Height of the centre map times the probability of bone there, in [0, 1].
    shares
        (4,) probabilities, given that it is bone, of an ordinary body, the one on the sacrum, S1 and a lower
        sacral body.
    assumed
        The network saw nothing here; the spacing of its neighbours says that something is.
    """

    centre_mm: NDArray[np.float64]
    score: float
    shares: NDArray[np.float64]
    assumed: bool = False


def find_peaks(maps: NDArray[np.float32], grid: WorkingGrid) -> list[Peak]:
    """Return the local maxima of the centre map among (maps, x, y, z) probabilities, cranial to caudal."""
    centres = gaussian_filter(maps[CENTRE_CHANNEL], (0.7, 0.7, 0.7))
    highest = maximum_filter(centres, size=[2 * reach + 1 for reach in REACH], mode="constant")
    found = np.argwhere((centres == highest) & (centres > LEAST_PEAK))
    peaks = [_measure(maps, centres, index, grid) for index in found]
    return sorted(peaks, key=lambda peak: -float(peak.centre_mm[2]))


def _measure(
    maps: NDArray[np.float32], centres: NDArray[np.float32], index: NDArray[np.intp], grid: WorkingGrid
) -> Peak:
    box = tuple(
        slice(max(0, int(i) - reach), int(i) + reach + 1) for i, reach in zip(index, REACH, strict=True)
    )
    weights = np.clip(centres[box] - 0.5 * centres[tuple(index)], 0, None).astype(np.float64)
    weights /= weights.sum()
    offsets = np.stack(
        np.meshgrid(
            *[np.arange(part.start, part.start + n) for part, n in zip(box, weights.shape, strict=True)],
            indexing="ij",
        ),
        axis=-1,
    )
    place = (offsets * weights[..., None]).sum(axis=(0, 1, 2))
    shares = np.array([float((maps[member][box] * weights).sum()) for member in BONE]) + FLOOR
    bone = min(1.0, float(shares.sum()))
    return Peak(
        centre_mm=grid.to_mm(place),
        score=float(min(1.0, maps[CENTRE_CHANNEL][tuple(index)])) * bone,
        shares=shares / shares.sum(),
    )
