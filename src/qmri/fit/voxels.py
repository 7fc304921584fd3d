"""The voxels of a mask as columns of one matrix, scaled so that signals are about 1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qmri.fit.foreground import bounding_box

Real = NDArray[np.float32]


@dataclass(frozen=True)
class Voxels:
    """Signals of the voxels to be fitted, and where they lie.

    Attributes
    ----------
    signal
        complex64 of shape (echoes, voxels).
    energy
        ``sum_n |s_n|^2``, float32 of shape (voxels,).
    mask
        Their places, of shape (x, y, z), in C order.
    voxel_size
        mm along x, y and z.
    scale
        Power of two by which the input was divided.
    """

    signal: NDArray[np.complex64]
    energy: Real
    mask: NDArray[np.bool_]
    voxel_size: tuple[float, float, float]
    scale: float

    @property
    def count(self) -> int:
        """Number of voxels."""
        return int(self.energy.size)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """The mask within its bounding box."""
        return self.mask[bounding_box(self.mask)]

    def on_box(self, values: NDArray[np.float32]) -> Real:
        """Return values (..., voxels) as maps (..., x, y, z) on the bounding box, 0 outside the mask."""
        maps = np.zeros((*values.shape[:-1], *self.inside.shape), dtype=np.float32)
        maps[..., self.inside] = values
        return maps

    def from_box(self, maps: NDArray[np.float32]) -> Real:
        """Return the values (..., voxels) of maps on the bounding box."""
        values: Real = maps[..., self.inside]
        return values


def gather(
    volume: NDArray[np.complexfloating], mask: NDArray[np.bool_], voxel_size: tuple[float, float, float]
) -> Voxels:
    """Return the voxels of a mask from a volume (x, y, z, echo)."""
    box = bounding_box(mask)
    inside, cropped = mask[box], volume[box]
    typical = float(np.median(np.abs(cropped[..., 0][inside]))) if inside.any() else 0.0
    scale = float(2.0 ** np.round(np.log2(typical))) if typical > 0 else 1.0
    signal = np.empty((volume.shape[-1], int(inside.sum())), dtype=np.complex64)
    for echo in range(volume.shape[-1]):
        signal[echo] = cropped[..., echo][inside] / scale
    energy = np.zeros(signal.shape[1], dtype=np.float32)
    for echo_signal in signal:
        energy += echo_signal.real**2 + echo_signal.imag**2
    return Voxels(signal, energy, mask, voxel_size, scale)
