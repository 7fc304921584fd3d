"""Fat spectra: where the peaks of a triglyceride lie beside water and how large they are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.errors import QmriError

GAMMA_MHZ_PER_T = 42.577478
"""Gyromagnetic ratio of the proton over 2 pi, MHz/T."""

NINE_PEAKS_PPM = (0.90, 1.30, 1.60, 2.02, 2.24, 2.75, 4.20, 5.19, 5.29)


@dataclass(frozen=True)
class FatModel:
    """A fat spectrum.

    Attributes
    ----------
    id
        Name under which the spectrum is recorded beside every result.
    ppm
        Chemical shift of each peak, ppm.
    amplitudes
        Relative amplitude of each peak; any positive scale, normalised to sum 1 where it is used.
    relative_to_water
        Whether ``ppm`` counts from water (fat negative) instead of from tetramethylsilane. The
        distance to water of such a spectrum is as published, whatever the temperature.
    source
        Tissue and publication.
    temperature_c
        Temperature at which a spectrum that counts from water was measured, None where it is not known.

    Raises
    ------
    QmriError
        If there are no peaks, their numbers differ, or an amplitude is negative.
    """

    id: str
    ppm: tuple[float, ...]
    amplitudes: tuple[float, ...]
    relative_to_water: bool = False
    source: str = "given by the user"
    temperature_c: float | None = None

    def __post_init__(self) -> None:
        valid = np.isfinite((*self.ppm, *self.amplitudes)).all() and min(self.amplitudes, default=-1) >= 0
        if len(self.ppm) != len(self.amplitudes) or not valid or sum(self.amplitudes) <= 0:
            raise QmriError(
                f"fat spectrum {self.id!r} is not a list of peaks",
                found=f"{len(self.ppm)} shifts, amplitudes {self.amplitudes}",
                expected="one non-negative amplitude for each shift in ppm, their sum above zero",
            )

    def at(self, temperature_c: float) -> FatModel:
        """Return the spectrum for water at a temperature, degrees Celsius.

        Fat hardly moves with temperature, water does (`water_position`): only a spectrum that counts
        from water changes.

        Parameters
        ----------
        temperature_c
            Degrees Celsius.

        Returns
        -------
        FatModel
            The spectrum, its shifts moved where they count from water.

        Raises
        ------
        QmriError
            If it counts from water and the temperature at which it was measured is not known.
        """
        if not self.relative_to_water:
            return self
        if self.temperature_c is None:
            raise QmriError(
                f"fat spectrum {self.id!r} cannot be taken to another temperature",
                found="shifts that count from water, measured at an unknown temperature",
                expected="a spectrum in ppm from tetramethylsilane, or one with its temperature",
                remedy="leave the temperature out (fit.water_temperature_c: null) to use them as published",
            )
        moved = water_position(self.temperature_c) - water_position(temperature_c)
        shifts = tuple(shift + moved for shift in self.ppm)
        return replace(self, ppm=shifts, temperature_c=temperature_c)


_MODELS = (
    FatModel(
        "ren9",
        NINE_PEAKS_PPM,
        (0.090, 0.584, 0.060, 0.085, 0.060, 0.015, 0.040, 0.010, 0.057),
        source="bone marrow, Ren 2008 (10.1194/jlr.D800010-JLR200), peaks as in 10.1002/jmri.25453",
    ),
    FatModel(
        "toolbox6",
        (-3.80, -3.40, -2.60, -1.94, -0.39, 0.60),
        (0.087, 0.693, 0.128, 0.004, 0.039, 0.048),
        relative_to_water=True,
        source="ISMRM fat-water challenge 2012",
    ),
    FatModel(
        "hamilton6",
        (5.3, 4.2, 2.75, 2.1, 1.3, 0.9),
        (0.047, 0.039, 0.006, 0.120, 0.700, 0.088),
        source="liver, Hamilton 2011 (10.1002/nbm.1622)",
    ),
    FatModel(
        "hamilton9",
        NINE_PEAKS_PPM,
        (0.088, 0.642, 0.058, 0.062, 0.058, 0.006, 0.039, 0.010, 0.037),
        source="liver, Hamilton 2016 (10.1002/jmri.25453)",
    ),
    FatModel(
        "karampinos8",
        (0.90, 1.30, 1.59, 2.00, 2.25, 2.77, 4.20, 5.31),
        (0.087, 0.568, 0.058, 0.092, 0.058, 0.027, 0.038, 0.073),
        source="vertebral bone marrow, Karampinos 2014 (10.1002/mrm.24775)",
    ),
    FatModel(
        "hernando_phantom6",
        (-3.9, -3.5, -2.7, -2.04, -0.49, 0.50),
        (0.087, 0.694, 0.128, 0.004, 0.039, 0.048),
        relative_to_water=True,
        source="peanut oil phantom at room temperature, Hernando 2017 (10.1002/mrm.26228)",
        temperature_c=22.9,
    ),
)
FAT_MODELS: dict[str, FatModel] = {model.id: model for model in _MODELS}


def fat_model(spectrum: str | FatModel) -> FatModel:
    """Return the fat spectrum of an id; a spectrum given by the user passes through.

    Parameters
    ----------
    spectrum
        One of the ids of `FAT_MODELS`, or a spectrum.

    Returns
    -------
    FatModel
        The spectrum.

    Raises
    ------
    QmriError
        If no spectrum has that id; the message names the nearest.
    """
    if isinstance(spectrum, FatModel):
        return spectrum
    if spectrum not in FAT_MODELS:
        near = difflib.get_close_matches(spectrum, FAT_MODELS, n=1)
        raise QmriError(
            f"there is no fat spectrum {spectrum!r}",
            expected=f"{near[0]}, perhaps" if near else "one of " + ", ".join(FAT_MODELS),
        )
    return FAT_MODELS[spectrum]


def triglyceride(chain_length: float, double_bonds: float, methylene_interrupted: float) -> FatModel:
    """Return the nine-peak spectrum of a triglyceride from its mean structure.

    The proton counts, in order of shift, are 9, 6 (CL - 4) - 8 ndb + 2 nmidb, 6,
    4 (ndb - nmidb), 6, 2 nmidb, 4, 1 and 2 ndb (Hamilton 2011, 10.1002/nbm.1622).

    Parameters
    ----------
    chain_length
        Mean number of carbons in a fatty acid chain, CL.
    double_bonds
        Number of double bonds in the molecule, ndb.
    methylene_interrupted
        Number of double bonds with one CH2 between them, nmidb.

    Returns
    -------
    FatModel
        Nine peaks in ppm from tetramethylsilane.
    """
    cl, ndb, nmidb = chain_length, double_bonds, methylene_interrupted
    counts = (9, 6 * (cl - 4) - 8 * ndb + 2 * nmidb, 6, 4 * (ndb - nmidb), 6, 2 * nmidb, 4, 1, 2 * ndb)
    return FatModel(
        f"triglyceride(CL={cl:g},ndb={ndb:g},nmidb={nmidb:g})",
        NINE_PEAKS_PPM,
        tuple(float(count) for count in counts),
        source="proton counts of Hamilton 2011 (10.1002/nbm.1622)",
    )


def water_position(temperature_c: float) -> float:
    """Return the chemical shift of water at a temperature.

    ``delta_w = 1.3 + 3.748 - 0.01085 T``: the distance to methylene at 1.3 ppm is 3.347 ppm
    at 37 degrees and 3.50 ppm at 22.9 (Hernando 2014, 10.1002/mrm.24951).

    Parameters
    ----------
    temperature_c
        Temperature of the tissue, degrees Celsius.

    Returns
    -------
    float
        ppm from tetramethylsilane.
    """
    return 1.3 + 3.748 - 0.01085 * temperature_c


def water_temperature(water_ppm: float) -> float:
    """Return the temperature at which water has a chemical shift: the inverse of `water_position`.

    Parameters
    ----------
    water_ppm
        ppm from tetramethylsilane.

    Returns
    -------
    float
        Degrees Celsius.
    """
    return (1.3 + 3.748 - water_ppm) / 0.01085


WATER_PPM_37C = water_position(37.0)


def fat_frequencies(
    spectrum: str | FatModel, imaging_frequency: float, *, water_ppm: float = WATER_PPM_37C
) -> NDArray[np.float64]:
    """Return the frequency of each fat peak relative to water.

    Parameters
    ----------
    spectrum
        Fat spectrum or its id.
    imaging_frequency
        Centre frequency of the scanner, MHz (not the nominal field: a "3 T" scanner may be 2.894 T).
    water_ppm
        Chemical shift of water; without effect on spectra that count from water.

    Returns
    -------
    ndarray
        Hz, shape (peaks,); negative for peaks below water.
    """
    model = fat_model(spectrum)
    shift_ppm = np.asarray(model.ppm, dtype=np.float64)
    if not model.relative_to_water:
        shift_ppm = shift_ppm - water_ppm
    return shift_ppm * imaging_frequency


def fat_phasor(
    spectrum: str | FatModel,
    echo_times: ArrayLike,
    imaging_frequency: float,
    *,
    water_ppm: float = WATER_PPM_37C,
) -> NDArray[np.complex128]:
    """Return the signal of one unit of fat on the water resonance.

    ``c(t) = sum_p a_p exp(i 2 pi f_p t)`` with ``sum_p a_p = 1`` and ``f_p = (delta_p - delta_w) nu_0``.

    Parameters
    ----------
    spectrum
        Fat spectrum or its id.
    echo_times
        Echo times, s, shape (echoes,).
    imaging_frequency
        Centre frequency, MHz.
    water_ppm
        Chemical shift of water; without effect on spectra that count from water.

    Returns
    -------
    ndarray
        Complex phasor of shape (echoes,); 1 at echo time 0.
    """
    model = fat_model(spectrum)
    amplitudes = np.asarray(model.amplitudes, dtype=np.float64)
    frequencies = fat_frequencies(model, imaging_frequency, water_ppm=water_ppm)
    times = np.asarray(echo_times, dtype=np.float64)
    phasor: NDArray[np.complex128] = np.exp(2j * np.pi * np.multiply.outer(times, frequencies)) @ (
        amplitudes / amplitudes.sum()
    )
    return phasor
