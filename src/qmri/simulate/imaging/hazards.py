"""What goes wrong in real examinations: motion, exchanged water and fat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qmri.images.grid import Grid
from qmri.simulate.dicom.ge_dicom import ScannerMaps

GHOST_SHIFT_SHARE = 0.17
"""Distance of a ghost as a share of the field of view: breathing against the time of a phase encoding."""


def ghosted(echoes: NDArray[np.complex128], strength_rad: float) -> NDArray[np.complex128]:
    """Return echoes with the ghosts of a periodic motion along the columns, the phase encoding.

    The phase of the k-space lines swings by ``strength_rad`` as the patient breathes; ghosts of
    relative size ``strength_rad / 2`` appear at a fixed distance to either side (Haacke and Patrick
    1986, 10.1016/0730-725X(86)91046-5).

    Parameters
    ----------
    echoes
        Complex signal (column, row, slice, echo).
    strength_rad
        Amplitude of the swing.
    """
    columns = echoes.shape[0]
    line = np.fft.fftfreq(columns) * columns
    swing = np.exp(1j * strength_rad * np.sin(2.0 * np.pi * GHOST_SHIFT_SHARE * line))
    lines = np.fft.fft(echoes, axis=0) * swing[:, np.newaxis, np.newaxis, np.newaxis]
    moved: NDArray[np.complex128] = np.fft.ifft(lines, axis=0)
    return moved


def exchanged(maps: ScannerMaps, region: NDArray[np.bool_]) -> ScannerMaps:
    """Return maps in which a region has water for fat and fat for water; region (x, y, z)."""
    return replace(
        maps,
        water=np.where(region, maps.fat, maps.water),
        fat=np.where(region, maps.water, maps.fat),
        pdff=np.where(region, 100.0 - maps.pdff, maps.pdff),
    )


def around(
    point_mm: NDArray[np.float64], radii_mm: tuple[float, float, float], grid: Grid
) -> NDArray[np.float64]:
    """Return a bump around a point: 1 at it, 0.5 on an ellipsoid with these RAS radii, 0 far away.

    Centre (3,) mm; (x, y, z).
    """
    place = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    squared = np.sum(((place - point_mm) / np.asarray(radii_mm)) ** 2, axis=-1)
    bump: NDArray[np.float64] = np.exp2(-squared)
    return bump
