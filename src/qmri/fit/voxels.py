"""The voxels of a mask as columns of one matrix, scaled so that signals are about 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qmri.fit.chunks import typical
from qmri.fit.foreground import bounding_box

Real = NDArray[np.float32]


@dataclass(frozen=True)
class Signals:
    """Echoes of some voxels.

    Attributes
    ----------
    echoes
        complex64 of shape (echoes, voxels).
    fat_phase
        Phase of fat ahead of water in each voxel at echo time 0, rad, float32 of shape (voxels,);
        None where it is the same everywhere.
    """

    echoes: NDArray[np.complex64]
    fat_phase: Real | None = None

    def part(self, voxels: slice | NDArray[np.intp]) -> Signals:
        """Return the echoes of some of the voxels, a slice or their numbers (n,)."""
        phase = None if self.fat_phase is None else self.fat_phase[voxels]
        return Signals(self.echoes[:, voxels], phase)

    def conjugate(self) -> Signals:
        """Return the echoes with all phases reversed."""
        return Signals(self.echoes.conj(), self.fat_phase)

    def repeated(self, times: int) -> Signals:
        """Return the voxels one after the other, several times."""
        phase = None if self.fat_phase is None else np.tile(self.fat_phase, times)
        return Signals(np.tile(self.echoes, times), phase)

    @property
    def energy(self) -> Real:
        """``sum_n |s_n|^2``, float32 of shape (voxels,)."""
        result = np.zeros(self.echoes.shape[1], dtype=np.float32)
        for echo in self.echoes:
            result += echo.real**2 + echo.imag**2
        return result


@dataclass(frozen=True)
class Voxels:
    """Signals of the voxels to be fitted, and where they lie.

    Attributes
    ----------
    signals
        Their echoes.
    energy
        ``sum_n |s_n|^2``, float32 of shape (voxels,).
    mask
        Their places, of shape (x, y, z), in C order.
    voxel_size
        mm along x, y and z.
    scale
        Power of two by which the input was divided.
    """

    signals: Signals
    energy: Real
    mask: NDArray[np.bool_]
    voxel_size: tuple[float, float, float]
    scale: float

    def with_fat_phase(self, fat_phase: Real) -> Voxels:
        """Return the voxels with a phase of fat ahead of water in each, rad, (voxels,)."""
        return replace(self, signals=replace(self.signals, fat_phase=fat_phase))

    @property
    def count(self) -> int:
        """Number of voxels."""
        return int(self.energy.size)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """The mask within its bounding box, (x, y, z)."""
        return self.mask[bounding_box(self.mask)]

    @cached_property
    def numbers(self) -> NDArray[np.intp]:
        """The number (voxels,) within the bounding box, in C order, of each voxel."""
        return np.flatnonzero(self.inside)

    def indices(self, some: slice | NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the indices along the axes of the bounding box of some voxels, (3, voxels)."""
        return np.stack(np.unravel_index(self.numbers[some], self.inside.shape))

    @cached_property
    def _number_at(self) -> NDArray[np.int32]:
        """The number of the voxel at each place of the bounding box, -1 outside the mask."""
        numbers = np.full(self.inside.shape, -1, dtype=np.int32)
        numbers.flat[self.numbers] = np.arange(self.count, dtype=np.int32)
        return numbers

    def beside(self, some: NDArray[np.intp], axis: int, lag: int) -> NDArray[np.int32]:
        """Return the numbers of the voxels ``lag`` further along an axis than some (n,), -1 where none is."""
        there = self.indices(some)
        there[axis] += lag
        within = there[axis] < self.inside.shape[axis]
        there[axis, ~within] = 0
        return np.where(within, self._number_at[tuple(there)], np.int32(-1))

    def on_box(self, values: NDArray[np.float32]) -> Real:
        """Return values (..., voxels) as maps (..., x, y, z) on the bounding box, 0 outside the mask."""
        maps = np.zeros((*values.shape[:-1], self.inside.size), dtype=np.float32)
        for lead in np.ndindex(values.shape[:-1]):
            maps[lead][self.numbers] = values[lead]
        return maps.reshape(*values.shape[:-1], *self.inside.shape)

    def from_box(self, maps: NDArray[np.float32]) -> Real:
        """Return the values (..., voxels) of maps on the bounding box."""
        flat = maps.reshape(*maps.shape[:-3], -1)
        values: Real = flat.take(self.numbers, axis=-1)
        return values


def gather(
    volume: NDArray[np.number], mask: NDArray[np.bool_], voxel_size: tuple[float, float, float]
) -> Voxels:
    """Return the voxels of a mask from a volume (x, y, z, echo)."""
    box = bounding_box(mask)
    inside, cropped = mask[box], volume[box]
    size = typical(np.abs(cropped[..., 0][inside]))
    scale = float(2.0 ** np.round(np.log2(size))) if size > 0 else 1.0
    echoes = np.empty((volume.shape[-1], int(inside.sum())), dtype=np.complex64)
    end = np.cumsum(inside.sum(axis=(1, 2)))
    for plane, chosen, last in zip(cropped, inside, end, strict=True):
        some = plane[chosen].T
        np.divide(some, scale, out=echoes[:, last - some.shape[1] : last], casting="same_kind")
    signals = Signals(echoes)
    return Voxels(signals, signals.energy, mask, voxel_size, scale)
