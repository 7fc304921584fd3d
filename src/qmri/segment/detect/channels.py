"""What the network takes and distinguishes: its channels, its classes, its grid."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from qmri.spine.tissue_labels import MUSCLES


class NetworkClass(IntEnum):
    """Classes of the network's output, in the order of its channels."""

    BACKGROUND = 0
    BODY = 1
    LOWEST_BODY = 2
    S1 = 3
    SACRUM = 4
    DISC = 5
    CANAL = 6
    POSTERIOR = 7


CENTRE_CHANNEL = len(NetworkClass)
"""The channel after the classes: a peak at the centre of each body and of S1."""

OUTPUT_CHANNELS = len(NetworkClass) + 1

MUSCLE_CHANNELS = 1 + len(MUSCLES)
"""Channels of the second output: no muscle, then those of `MUSCLES`, right and left alike."""

SPACING_MM = (4.0, 2.0, 2.0)
"""Working grid along right, anterior, superior."""

SLICE_OFFSETS = (-6, -4, -2, -1, 0, 1, 2, 4, 6)
"""Sagittal slices that the network sees around the one that it labels."""

GRID_MULTIPLE = 32
"""In-plane sizes are padded to a multiple of this."""

BRIGHT_QUANTILE = 0.98
CEILING = 2.5
INPUT_CHANNELS = 2 * len(SLICE_OFFSETS)


def normalise(water: NDArray[np.float32], fat: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return (2, x, y, z): roots of the water and fat signal, each over its bright end; no fat gives 0."""
    channels = [_tame(water), np.zeros_like(water) if fat is None else _tame(fat)]
    return np.stack(channels)


def _tame(image: NDArray[np.float32]) -> NDArray[np.float32]:
    bright = float(np.quantile(image[image > 0], BRIGHT_QUANTILE)) if np.any(image > 0) else 1.0
    return np.asarray(np.sqrt(np.clip(image / np.float32(bright), 0, CEILING)), dtype=np.float32)


def pad_in_plane(channels: NDArray[np.float32], multiple: int = GRID_MULTIPLE) -> NDArray[np.float32]:
    """Pad the last two axes of (..., y, z) at their ends with zeros to a multiple, in voxels."""
    grow = [(0, 0)] * (channels.ndim - 2) + [(0, -size % multiple) for size in channels.shape[-2:]]
    return np.pad(channels, grow)


def stack_slices(channels: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """Return (channels, y, z) around a sagittal slice of (2, x, y, z); voxels off the end repeat the last."""
    slices = np.clip(np.array(SLICE_OFFSETS) + number, 0, channels.shape[1] - 1)
    return np.asarray(channels[:, slices].reshape(INPUT_CHANNELS, *channels.shape[2:]), dtype=np.float32)
