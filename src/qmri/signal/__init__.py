"""The physics: fat spectra, the water-fat signal and the precision it allows. Numpy alone.

Examples
--------
The echoes of a voxel that is 40 % fat, and how precisely they can tell it from noise of 1 %:

>>> import numpy as np
>>> from qmri.signal import WaterFatModel, cramer_rao
>>> echo_times = 0.0012 + 0.001 * np.arange(6)  # s
>>> model = WaterFatModel.at("ren9", echo_times, 127.7)  # spectrum, s, MHz
>>> np.abs(model.forward(water=60, fat=40, r2star=80)).round(1)
array([27.5, 74.2, 39. , 48.2, 40.4, 31.2])
>>> cramer_rao(model, water=60, fat=40, r2star=80, noise_sd=1).pdff.round(2)
np.float64(0.52)
"""

from qmri.signal.model import PARAMETERS, Parameter, WaterFatModel
from qmri.signal.precision import Precision, cramer_rao
from qmri.signal.spectra import (
    FAT_MODELS,
    GAMMA_MHZ_PER_T,
    WATER_PPM_37C,
    FatModel,
    fat_frequencies,
    fat_model,
    fat_phasor,
    triglyceride,
    water_position,
    water_temperature,
)
from qmri.signal.t1_weighting import (
    MARROW_T1_S,
    corrected_error,
    marrow_t1,
    marrow_t1_spread,
    t1_bias,
    without_t1_bias,
)

__all__ = [
    "FAT_MODELS",
    "GAMMA_MHZ_PER_T",
    "MARROW_T1_S",
    "PARAMETERS",
    "WATER_PPM_37C",
    "FatModel",
    "Parameter",
    "Precision",
    "WaterFatModel",
    "corrected_error",
    "cramer_rao",
    "fat_frequencies",
    "fat_model",
    "fat_phasor",
    "marrow_t1",
    "marrow_t1_spread",
    "t1_bias",
    "triglyceride",
    "water_position",
    "water_temperature",
    "without_t1_bias",
]
