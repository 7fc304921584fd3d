"""The fit from end to end: each step is a module of its own.

The echoes are checked (`echoes`), the voxels gathered (`foreground`, `voxels`), fitted in the way that
the data call for (`modes`) and put back on the grid (`maps`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.errors import QmriError
from qmri.fit.chunks import workers
from qmri.fit.echoes import EchoTrain, echo_train
from qmri.fit.foreground import Reason, background_noise, foreground, reasons, root_mean_square
from qmri.fit.magnitude import LEAST_ECHOES as LEAST_MAGNITUDES
from qmri.fit.maps import decisions_of, maps_of
from qmri.fit.method import Method
from qmri.fit.modes import estimate
from qmri.fit.result import WaterFatResult
from qmri.fit.voxels import gather
from qmri.signal import WATER_PPM_37C, FatModel
from qmri.signal import fat_model as find_fat_model

USUAL_VOXEL_MM = 2.0


def fit_water_fat(
    signal: ArrayLike,
    echo_times: ArrayLike,
    imaging_frequency: float,
    *,
    voxel_size: tuple[float, float, float] | None = None,
    fat_model: str | FatModel = "ren9",
    water_ppm: float = WATER_PPM_37C,
    mask: ArrayLike | None = None,
    mode: Literal["auto", "magnitude"] = "auto",
    threads: int = 1,
) -> WaterFatResult:
    """Estimate water, fat, PDFF, R2* and field of every voxel.

    Parameters
    ----------
    signal
        Complex echoes of shape (x, y, z, echo), (x, y, echo) or (x, echo), fat turning as
        ``exp(+i 2 pi f t)`` with f negative; or real magnitudes of that shape.
    echo_times
        s, shape (echo,), ascending.
    imaging_frequency
        Centre frequency of the scanner, MHz.
    voxel_size
        Edge lengths of a voxel along the spatial axes, mm; sets how smooth the field is along
        each axis. Without it all edges count as 2 mm.
    fat_model
        Fat spectrum or its id.
    water_ppm
        Chemical shift of water (`qmri.signal.water_position`).
    mask
        Voxels to fit, of the spatial shape; the automatic foreground without it.
    mode
        "auto" lets the data choose among a common phase, free phases, hybrid and magnitude;
        "magnitude" uses magnitudes alone, as is done with real input.
    threads
        Number of threads. The result has the same bits with any number.

    Returns
    -------
    WaterFatResult
        Maps and decisions.

    Raises
    ------
    QmriError
        If the shapes do not agree, the echoes cannot separate water and fat, or the phases have the
        opposite sign.
    """
    spectrum = find_fat_model(fat_model)
    train = echo_train(spectrum, echo_times, imaging_frequency, water_ppm=water_ppm)
    volume = np.asarray(signal)
    given = None if mask is None else np.asarray(mask, dtype=bool)
    magnitude = mode == "magnitude" or not np.iscomplexobj(volume)
    _check(volume, given, train, magnitude)
    grid = volume.shape[:-1]
    volume = volume.reshape(*grid, *(1,) * (4 - volume.ndim), train.count)
    rms = root_mean_square(volume)
    stands_out = foreground(rms)
    reason = reasons(rms, stands_out if given is None else given.reshape(rms.shape))
    sizes = (*(voxel_size or ()), USUAL_VOXEL_MM, USUAL_VOXEL_MM, USUAL_VOXEL_MM)
    voxels = gather(volume, reason == Reason.FITTED, (sizes[0], sizes[1], sizes[2]))
    # Arithmetic that fails leaves NaN in single voxels, which becomes their reason code.
    with workers(threads) as team, np.errstate(all="ignore"):
        found = estimate(Method.of(train, team), voxels, magnitude=magnitude)
    decisions = decisions_of(
        found,
        train,
        voxels,
        spectrum_id=spectrum.id,
        water_ppm=water_ppm,
        mask_source="automatic" if given is None else "given",
        background=background_noise(rms, stands_out),
    )
    return maps_of(found, voxels, reason, grid, decisions)


def _check(
    volume: NDArray[np.generic], mask: NDArray[np.bool_] | None, train: EchoTrain, magnitude: bool
) -> None:
    if not 2 <= volume.ndim <= 4 or volume.shape[-1] != train.count:
        raise QmriError(
            "the signal does not have the shape that is fitted",
            found=f"shape {volume.shape} with {train.count} echo times",
            expected="spatial axes first (one to three), one entry for each echo time last",
        )
    if volume.dtype.kind not in "fciu":
        raise QmriError(
            "the signal is not numbers", found=str(volume.dtype), expected="complex or real echoes"
        )
    if mask is not None and mask.shape != volume.shape[:-1]:
        raise QmriError(
            "the mask is on another grid than the signal",
            found=f"shape {mask.shape}",
            expected=f"{volume.shape[:-1]}",
        )
    if not magnitude:
        return
    if train.count < LEAST_MAGNITUDES:
        raise QmriError(
            "magnitudes of so few echoes do not tell water, fat and R2*",
            found=f"{train.count} echoes without phase",
            expected=f"{LEAST_MAGNITUDES} or more, or complex echoes",
            remedy="export the phase, or real and imaginary images",
        )
    if not np.iscomplexobj(volume) and np.nanmin(volume, initial=0) < 0:
        raise QmriError(
            "the signal is real but holds negative values",
            expected="magnitudes, or complex echoes",
            remedy="give real and imaginary parts together as complex numbers",
        )
