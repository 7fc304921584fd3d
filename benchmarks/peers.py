"""Other fits with one call each, where they are installed; none of them is needed by the project.

pycsemri (pip install pycsemri) fits by a look-up table and spatial coupling. A fit takes the signal
(x, y, echo), echo times in s and the field in T, and returns the maps pdff (percent), r2star (1/s)
and field (Hz).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from qmri.signal import FAT_MODELS, WATER_PPM_37C

Maps = dict[str, NDArray[np.floating]]
Fit = Callable[[NDArray[np.complexfloating], NDArray[np.float64], float], Maps]

PEERS: dict[str, Fit] = {}

if find_spec("pycsemri"):
    from pycsemri.VARPRO_LUT import VARPRO_LUT

    def _parameters(signal, times, field_strength):
        fat = FAT_MODELS["ren9"]
        amplitudes = np.array(fat.amplitudes) / sum(fat.amplitudes)
        species = [
            {"relAmps": np.array([1.0]), "frequency": np.array([0.0])},
            {"relAmps": amplitudes, "frequency": np.array(fat.ppm) - WATER_PPM_37C},
        ]
        data = {"images": signal, "TE": times, "FieldStrength": field_strength, "PrecessionIsClockwise": 1}
        options = {
            "species": species,
            "SUBSAMPLE": 1,
            "range_fm": [-600, 600],
            "NUM_FMS": 241,
            "range_r2star": [0, 500],
            "NUM_R2STARS": 26,
        }
        return data, options

    def _maps(water, fat, r2star, field) -> Maps:
        total = np.abs(water) + np.abs(fat)
        with np.errstate(all="ignore"):
            return {"pdff": 100 * np.abs(fat) / total, "r2star": r2star, "field": field}

    def look_up_table(signal, times, field_strength) -> Maps:
        found = VARPRO_LUT(*_parameters(signal, times, field_strength))
        return _maps(found["water_amp"], found["fat_amp"], found["r2s_init"], found["fm"])

    PEERS["pycsemri, look-up table"] = look_up_table
