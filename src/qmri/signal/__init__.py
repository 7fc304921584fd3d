"""The physics: fat spectra, the water-fat signal and the precision it allows. Numpy alone."""

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

__all__ = [
    "FAT_MODELS",
    "GAMMA_MHZ_PER_T",
    "PARAMETERS",
    "WATER_PPM_37C",
    "FatModel",
    "Parameter",
    "Precision",
    "WaterFatModel",
    "cramer_rao",
    "fat_frequencies",
    "fat_model",
    "fat_phasor",
    "triglyceride",
    "water_position",
    "water_temperature",
]
