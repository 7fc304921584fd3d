"""The signal of water and fat in a gradient echo: one model that simulates and is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.signal.spectra import WATER_PPM_37C, FatModel, fat_phasor


@dataclass(frozen=True)
class Parameter:
    """A parameter of the signal.

    Attributes
    ----------
    name, unit
        Unit "1" for a pure number, "arbitrary" for a signal.
    bounds
        Values that have a meaning.
    plausible
        Values met in the body at 1.5-3 T, for simulations and checks.
    """

    name: str
    unit: str
    bounds: tuple[float, float]
    plausible: tuple[float, float]


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("water", "arbitrary", (0.0, np.inf), (0.0, np.inf)),
    Parameter("fat", "arbitrary", (0.0, np.inf), (0.0, np.inf)),
    Parameter("r2star", "1/s", (0.0, np.inf), (10.0, 800.0)),
    Parameter("field", "Hz", (-np.inf, np.inf), (-1000.0, 1000.0)),
    Parameter("phase", "rad", (-np.pi, np.pi), (-np.pi, np.pi)),
)


@dataclass(frozen=True)
class WaterFatModel:
    """Water and fat with one R2*, at given echo times and field.

    ``s(t) = (W + F c(t)) exp((i 2 pi psi - R2*) t + i phi)`` with the fat phasor ``c(t)``
    (Yu 2008, 10.1002/mrm.21737; Bydder 2008, 10.1016/j.mri.2007.08.012).

    Attributes
    ----------
    echo_times
        Echo times, s, shape (echoes,).
    fat_phasor
        Complex signal of one unit of fat, shape (echoes,).
    """

    echo_times: NDArray[np.float64]
    fat_phasor: NDArray[np.complex128]

    @classmethod
    def at(
        cls,
        spectrum: str | FatModel,
        echo_times: ArrayLike,
        imaging_frequency: float,
        *,
        water_ppm: float = WATER_PPM_37C,
    ) -> WaterFatModel:
        """Return the model of a fat spectrum at echo times.

        Parameters
        ----------
        spectrum
            Fat spectrum or its id.
        echo_times
            s, shape (echoes,).
        imaging_frequency
            Centre frequency, MHz.
        water_ppm
            Chemical shift of water, ppm; without effect on spectra that count from water.

        Returns
        -------
        WaterFatModel
            Echo times and fat phasor.
        """
        times = np.asarray(echo_times, dtype=np.float64)
        return cls(times, fat_phasor(spectrum, times, imaging_frequency, water_ppm=water_ppm))

    def forward(
        self,
        water: ArrayLike,
        fat: ArrayLike,
        r2star: ArrayLike = 0.0,
        field: ArrayLike = 0.0,
        phase: ArrayLike = 0.0,
    ) -> NDArray[np.complex128]:
        """Return the signal without noise.

        Parameters
        ----------
        water, fat
            Signals at echo time 0; complex where water and fat do not share a phase.
        r2star
            Decay rate, 1/s.
        field
            Off-resonance of water, Hz.
        phase
            Phase common to water and fat at echo time 0, rad.
            All five broadcast against each other.

        Returns
        -------
        ndarray
            Signal of the broadcast shape with the echoes as one more, last axis.
        """
        water, fat, r2star, field, phase = (
            np.asarray(value)[..., np.newaxis] for value in (water, fat, r2star, field, phase)
        )
        evolution = np.exp((2j * np.pi * field - r2star) * self.echo_times + 1j * phase)
        signal: NDArray[np.complex128] = (water + fat * self.fat_phasor) * evolution
        return signal

    def jacobian(
        self,
        water: ArrayLike,
        fat: ArrayLike,
        r2star: ArrayLike = 0.0,
        field: ArrayLike = 0.0,
        phase: ArrayLike = 0.0,
    ) -> NDArray[np.complex128]:
        """Return the derivatives of `forward`, with the axes (..., echo, parameter).

        The parameters are water, fat, R2*, field and phase, in the units of `forward`.
        """
        signal = self.forward(water, fat, r2star, field, phase)
        unit = self.forward(np.ones_like(water), 0.0, r2star, field, phase)
        t = self.echo_times
        return np.stack(
            np.broadcast_arrays(
                unit, unit * self.fat_phasor, -t * signal, 2j * np.pi * t * signal, 1j * signal
            ),
            axis=-1,
        )
