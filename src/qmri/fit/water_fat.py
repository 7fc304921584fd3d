"""The fit from end to end: each step is a module of its own.

The echoes are checked (`echoes`), the voxels gathered (`foreground`, `voxels`), fitted in the way that
the data call for (`modes`) and put back on the grid (`maps`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.errors import QmriError
from qmri.fit.arguments import (
    MODES,
    SIGNS,
    checked_edges,
    checked_mask,
    checked_signal,
    checked_threads,
    checked_word,
)
from qmri.fit.chunks import thread_pool
from qmri.fit.echoes import LARGEST_PDFF_SD, EchoTrain, echo_train
from qmri.fit.foreground import Reason, background_noise, foreground, reasons, root_mean_square
from qmri.fit.maps import codes_of, decisions_of, maps_of
from qmri.fit.modes.magnitude import LEAST_ECHOES as LEAST_MAGNITUDES
from qmri.fit.modes.mode_choice import estimate
from qmri.fit.precision.decay_limit import volume_verdict
from qmri.fit.precision.misfit import misfit
from qmri.fit.result import WaterFatResult
from qmri.fit.solve.method import Method
from qmri.fit.voxels import gather
from qmri.signal import WATER_PPM_37C, FatModel, water_position
from qmri.signal import fat_model as find_fat_model

LARGEST_TEMPERATURE_C = 50.0


def fit_water_fat(
    signal: ArrayLike,
    echo_times: ArrayLike,
    imaging_frequency: float,
    *,
    voxel_size: ArrayLike | None = None,
    fat_model: str | FatModel = "ren9",
    water_ppm: float | None = None,
    temperature: float | None = None,
    mask: ArrayLike | None = None,
    mode: Literal["auto", "magnitude"] = "auto",
    phase_sign: Literal["auto", "standard", "conjugate"] = "auto",
    largest_pdff_sd: float = LARGEST_PDFF_SD,
    threads: int = 1,
) -> WaterFatResult:
    """Estimate water, fat, PDFF, R2* and field of every voxel.

    Parameters
    ----------
    signal
        Complex echoes of shape (x, y, z, echo), (x, y, echo) or (x, echo), fat turning as
        ``exp(+i 2 pi f t)`` with f negative; or real magnitudes of that shape. Any real, integer or
        complex type.
    echo_times
        s, shape (echo,), ascending.
    imaging_frequency
        Centre frequency of the scanner, MHz.
    voxel_size
        Edge lengths of a voxel along the spatial axes, mm, shape (3,) or one for each axis; sets how smooth
        the field is along each. Without it all edges count as 2 mm.
    fat_model
        Fat spectrum or its id.
    water_ppm
        Chemical shift of water; that at 37 degrees without it. Spectra that count from water do not
        change with it.
    temperature
        Temperature of the tissue instead, degrees Celsius (`qmri.signal.water_position`). Spectra that
        count from water are taken to it too (`qmri.signal.FatModel.at`).
    mask
        Voxels to fit, of the spatial shape; the automatic foreground without it.
    mode
        "auto" lets the data choose among a common phase, free phases, hybrid and magnitude;
        "magnitude" uses magnitudes alone, as is done with real input.
    phase_sign
        "standard" if the phases are known to have the sign above, "conjugate" if the opposite one;
        then the data are not asked. With "auto" they are taken as given unless the data contradict.
    largest_pdff_sd
        Echoes are refused from which noise makes PDFF less precise than this, points (`echo_train`).
    threads
        Number of threads. The result has the same bits with any number.

    Returns
    -------
    WaterFatResult
        Maps and decisions.

    Raises
    ------
    QmriError
        If an argument is not what it should be, the echoes cannot separate water and fat, or the data
        say that the phases have the opposite sign.
    """
    spectrum, water_ppm = _at_temperature(find_fat_model(fat_model), water_ppm, temperature)
    n_threads = checked_threads(threads)
    sign = checked_word("phase_sign", phase_sign, SIGNS)
    magnitude = checked_word("mode", mode, MODES) == "magnitude"
    train = echo_train(
        spectrum, echo_times, imaging_frequency, water_ppm=water_ppm, largest_pdff_sd=largest_pdff_sd
    )
    volume = checked_signal(signal, echo_times)
    grid = volume.shape[:-1]
    given = checked_mask(mask, grid)
    edges = checked_edges(voxel_size, len(grid))
    magnitude = magnitude or not np.iscomplexobj(volume)
    if magnitude:
        _check_magnitudes(volume, train)
    volume = volume.reshape(*grid, *(1,) * (4 - volume.ndim), train.count)
    rms = root_mean_square(volume)
    stands_out = foreground(rms)
    reason = reasons(rms, stands_out if given is None else given.reshape(rms.shape))
    voxels = gather(volume, reason == Reason.FITTED, edges)
    del signal, volume
    if sign == "conjugate":
        voxels = replace(voxels, signals=voxels.signals.conjugate())
    air = background_noise(rms, stands_out)
    background = None if air is None else (air / voxels.scale) ** 2
    # Arithmetic that fails leaves NaN in single voxels, which becomes their reason code.
    with thread_pool(n_threads) as pool, np.errstate(all="ignore"):
        found = estimate(
            Method.of(train, pool),
            voxels,
            magnitude=magnitude,
            sign_known=sign != "auto",
            background=background,
        )
    against = misfit(
        voxels,
        found.solution.residual,
        degrees_of_freedom=found.degrees_of_freedom,
        background=background,
        between=found.noise_between,
        shares=found.echo_shares,
    )
    verdict = volume_verdict(found, voxels, train)
    decisions = decisions_of(
        found,
        train,
        voxels,
        spectrum_id=spectrum.id,
        water_ppm=water_ppm,
        mask_source="automatic" if given is None else "given",
        background=air,
        misfit=against,
        verdict=verdict,
    )
    reason[voxels.mask] = codes_of(found, voxels, train, verdict)
    return maps_of(found, voxels, reason, grid, rchi2=against.rchi2, decisions=decisions)


def _at_temperature(
    spectrum: FatModel, water_ppm: float | None, temperature: float | None
) -> tuple[FatModel, float]:
    """Return the spectrum and the chemical shift of water that are used."""
    if temperature is None:
        return spectrum, WATER_PPM_37C if water_ppm is None else water_ppm
    if water_ppm is not None:
        raise QmriError(
            "the position of water is given twice",
            found=f"water_ppm={water_ppm:g} and temperature={temperature:g}",
            expected="one of them",
        )
    if not 0 <= temperature <= LARGEST_TEMPERATURE_C:
        raise QmriError(
            "the temperature is not one of tissue or of a phantom",
            found=f"{temperature:g}",
            expected=f"0-{LARGEST_TEMPERATURE_C:g} degrees Celsius",
        )
    return spectrum.at(temperature), water_position(temperature)


def _check_magnitudes(volume: NDArray[np.number], train: EchoTrain) -> None:
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
