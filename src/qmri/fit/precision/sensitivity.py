"""How much PDFF and R2* depend on the fat spectrum that is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.fit.foreground import Reason
from qmri.fit.result import WaterFatResult
from qmri.fit.water_fat import fit_water_fat
from qmri.signal import FAT_MODELS, WATER_PPM_37C, FatModel, fat_model

BANDS_PCT = (-100.0, 20.0, 40.0, 60.0, 80.0, 200.0)


@dataclass(frozen=True)
class SpectrumEffect:
    """What a spectrum changes against the reference, in one band of PDFF.

    Attributes
    ----------
    spectrum_id
        The spectrum that was fitted instead of the reference.
    band_pct
        Range of PDFF under the reference spectrum, percent.
    n_voxels
        Number of voxels in the band.
    pdff_difference_pp
        Median of PDFF less that of the reference, percentage points.
    r2star_difference_per_s
        Median of R2* less that of the reference, 1/s.
    residual_ratio
        Median residual over that of the reference; below 1 where the spectrum fits better.
    """

    spectrum_id: str
    band_pct: tuple[float, float]
    n_voxels: int
    pdff_difference_pp: float
    r2star_difference_per_s: float
    residual_ratio: float


def spectrum_sensitivity(
    signal: ArrayLike,
    echo_times: ArrayLike,
    imaging_frequency: float,
    *,
    reference: str | FatModel = "ren9",
    spectra: Sequence[str | FatModel] = tuple(FAT_MODELS),
    voxel_size: tuple[float, float, float] | None = None,
    water_ppm: float = WATER_PPM_37C,
    mask: ArrayLike | None = None,
    threads: int = 1,
) -> tuple[SpectrumEffect, ...]:
    """Fit a volume with several fat spectra and return what each changes, by band of PDFF.

    Parameters
    ----------
    signal
        Complex echoes or magnitudes, arbitrary unit, shape (x, y, z, echo), (x, y, echo) or (x, echo).
    echo_times
        s, shape (echo,), ascending.
    imaging_frequency
        Centre frequency of the scanner, MHz.
    reference
        Spectrum against which the others are compared.
    spectra
        Spectra to compare; the reference itself is left out.
    voxel_size, water_ppm, threads
        As in `fit_water_fat`.
    mask
        Voxels to fit, bool of the spatial shape; the automatic foreground without it.

    Returns
    -------
    tuple of SpectrumEffect
        One for each spectrum and each band of PDFF that has voxels.

    Raises
    ------
    QmriError
        As in `fit_water_fat`.
    """

    def fit(spectrum: FatModel) -> WaterFatResult:
        return fit_water_fat(
            signal,
            echo_times,
            imaging_frequency,
            voxel_size=voxel_size,
            fat_model=spectrum,
            water_ppm=water_ppm,
            mask=mask,
            threads=threads,
        )

    base = fat_model(reference)
    first = fit(base)
    others = [fat_model(spectrum) for spectrum in spectra]
    return tuple(
        effect for other in others if other.id != base.id for effect in _effects(other.id, fit(other), first)
    )


def _effects(spectrum_id: str, other: WaterFatResult, first: WaterFatResult) -> list[SpectrumEffect]:
    both = (other.reason == Reason.FITTED) & (first.reason == Reason.FITTED)
    effects = []
    for low, high in pairwise(BANDS_PCT):
        inside = both & (first.pdff >= low) & (first.pdff < high)
        if inside.any():
            effects.append(
                SpectrumEffect(
                    spectrum_id,
                    (low, high),
                    int(inside.sum()),
                    _median((other.pdff - first.pdff)[inside]),
                    _median((other.r2star - first.r2star)[inside]),
                    _median(other.residual[inside] / np.maximum(first.residual[inside], 1e-6)),
                )
            )
    return effects


def _median(values: NDArray[np.float32]) -> float:
    return float(np.median(values))
