"""What the network says of the images of one examination, made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.segment.detect.channels import normalise
from qmri.segment.detect.detector import SpineImages
from qmri.segment.detect.session import WEIGHTS, predict
from qmri.segment.detect.working_grid import WorkingGrid, to_working, working_grid


@dataclass(frozen=True)
class NetworkMaps:
    """The network's answer.

    Attributes
    ----------
    values
        (OUTPUT_CHANNELS, x, y, z) float32: probabilities of `NetworkClass` and, last, the centre map.
    muscles
        (MUSCLE_CHANNELS, x, y, z) float32: probabilities of no muscle and of each.
    grid
        Where its voxels lie.
    """

    values: NDArray[np.float32]
    muscles: NDArray[np.float32]
    grid: WorkingGrid


def network_maps(images: SpineImages, weights: tuple[Path, ...] = WEIGHTS) -> NetworkMaps:
    """Run the network on images; asked again for the same object, the same answer."""
    return _network_maps(images, weights)


@lru_cache(maxsize=1)
def _network_maps(images: SpineImages, weights: tuple[Path, ...]) -> NetworkMaps:
    grid = working_grid(images.affine, images.water.shape)
    fat = fat_of(images)
    channels = normalise(to_working(grid, images.water), None if fat is None else to_working(grid, fat))
    answer = predict(channels, weights)
    return NetworkMaps(answer.maps, answer.muscles, grid)


def fat_of(images: SpineImages) -> NDArray[np.floating] | None:
    """Return the fat signal (x, y, z), from water and PDFF where it is not given, None where neither is."""
    if images.fat is not None:
        return images.fat
    if images.pdff is None:
        return None
    share = np.clip(np.nan_to_num(images.pdff) / 100, 0.0, 0.98)
    return np.asarray(images.water * share / (1 - share))
