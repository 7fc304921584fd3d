"""Other fits with one call each, where they are installed; none of them is needed by the project.

Both are run in an environment of their own that sees this package too (`PYTHONPATH=src`):

    pip install pycsemri       # Python 3.8-3.12: look-up table
    pip install mri-fatwater   # Python 3.14: multi-scale graph cuts (Berglund 2017, 10.1002/mrm.26479)

A fit takes the signal (x, y, z, echo), echo times in s, the field in T, a fat spectrum and the edges of a
voxel in mm, and returns the maps pdff (percent), r2star (1/s) and field (Hz).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.signal import GAMMA_MHZ_PER_T, fat_frequencies, fat_model

Maps = dict[str, NDArray[np.floating]]
Edges = tuple[float, float, float]
Fit = Callable[[NDArray[np.complexfloating], NDArray[np.float64], float, str, Edges], Maps]

PEERS: dict[str, Fit] = {}
LARGEST_R2STAR = 500.0
FIELDS, FIELD_PERIODS = 241, 0.6
"""Of the look-up table: number of fields, and their range in periods of 1/spacing to either side."""
GRAPH_CUT_R2STAR = (20.0, 60.0, 130.0, 250.0)
"""Values among which the graph cut chooses with the field; its own single 40 1/s exchanges more."""


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what a fit says, compiled parts included, out of the tables."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w", encoding="ascii") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


def _peaks(spectrum: str, field_strength: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shifts from water, ppm, and the amplitudes of a spectrum."""
    frequency = field_strength * GAMMA_MHZ_PER_T
    amplitudes = np.array(fat_model(spectrum).amplitudes)
    return fat_frequencies(spectrum, frequency) / frequency, amplitudes / amplitudes.sum()


if find_spec("pycsemri"):
    from pycsemri.VARPRO_LUT import VARPRO_LUT

    def look_up_table(signal, times, field_strength, spectrum, edges) -> Maps:
        """Fit slice by slice."""
        shifts, amplitudes = _peaks(spectrum, field_strength)
        widest = FIELD_PERIODS / float(np.diff(times).mean())
        water = {"relAmps": np.array([1.0]), "frequency": np.array([0.0])}
        options = {
            "species": [water, {"relAmps": amplitudes, "frequency": shifts}],
            "SUBSAMPLE": 1,
            "range_fm": [-widest, widest],
            "NUM_FMS": FIELDS,
            "range_r2star": [0, LARGEST_R2STAR],
            "NUM_R2STARS": 26,
        }
        shared = {"TE": times, "FieldStrength": field_strength, "PrecessionIsClockwise": 1}
        with _silence():
            slices = [
                VARPRO_LUT({"images": signal[:, :, z], **shared}, options) for z in range(signal.shape[2])
            ]
        water, fat, r2star, field = (
            np.stack([each[name] for each in slices], axis=2)
            for name in ("water_amp", "fat_amp", "r2s_init", "fm")
        )
        with np.errstate(all="ignore"):
            pdff = 100 * np.abs(fat) / (np.abs(water) + np.abs(fat))
        return {"pdff": pdff, "r2star": r2star, "field": field}

    PEERS["pycsemri, look-up table"] = look_up_table


if find_spec("mri_fatwater") and find_spec("thinqpbo"):
    from mri_fatwater import fatwater

    def graph_cut(signal, times, field_strength, spectrum, edges) -> Maps:
        """Fit in three dimensions; PDFF free of the bias of magnitudes."""
        shifts, amplitudes = _peaks(spectrum, field_strength)
        with _silence():
            found = fatwater.separate(
                np.moveaxis(signal, -1, 0).copy(),
                data_params={"t": tuple(times), "B0": field_strength, "voxelsize": edges},
                algo_params={
                    "algorithm": "QPBO",
                    "R2max": LARGEST_R2STAR,
                    "nR2": 101,
                    "R2cand": GRAPH_CUT_R2STAR,
                    "magnitudeDiscrimination": True,
                    "autocrop": False,
                    "output": ("ff", "B0map", "R2map"),
                },
                model_params={"watCS": 0.0, "fatCS": tuple(shifts), "relAmps": tuple(amplitudes)},
            )
        return {"pdff": found["ff"], "r2star": found["R2map"], "field": found["B0map"]}

    PEERS["mri-fatwater, graph cut"] = graph_cut
