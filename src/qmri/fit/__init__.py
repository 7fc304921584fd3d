"""Water, fat, R2* and field from complex echoes, with their precision and their risks.

Examples
--------
An image is fitted in five lines. Here its echoes are simulated, in columns of 10 to 60 % fat:

>>> import numpy as np
>>> from qmri.fit import fit_water_fat
>>> from qmri.signal import WaterFatModel
>>> echo_times = 0.0012 + 0.001 * np.arange(6)  # s
>>> fat = np.linspace(10, 60, 20) * np.ones((20, 1))
>>> signal = WaterFatModel.at("ren9", echo_times, 127.7).forward(100 - fat, fat, r2star=80, field=30)
>>> maps = fit_water_fat(signal, echo_times, 127.7)  # (x, y, echo), s, MHz
>>> bool(np.abs(maps.pdff - fat).max() < 0.01)
True
>>> maps.decisions.mode, maps.decisions.fat_model_id
('complex', 'ren9')
"""

from qmri.fit.foreground import Reason
from qmri.fit.precision.sensitivity import SpectrumEffect, spectrum_sensitivity
from qmri.fit.result import Decisions, WaterFatResult
from qmri.fit.water_fat import fit_water_fat

__all__ = ["Decisions", "Reason", "SpectrumEffect", "WaterFatResult", "fit_water_fat", "spectrum_sensitivity"]
