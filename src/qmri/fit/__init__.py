"""Water, fat, R2* and field from complex echoes, with their precision and their risks."""

from qmri.fit.foreground import Reason
from qmri.fit.precision.sensitivity import SpectrumEffect, spectrum_sensitivity
from qmri.fit.result import Decisions, WaterFatResult
from qmri.fit.water_fat import fit_water_fat

__all__ = ["Decisions", "Reason", "SpectrumEffect", "WaterFatResult", "fit_water_fat", "spectrum_sensitivity"]
