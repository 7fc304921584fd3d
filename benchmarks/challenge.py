"""Real echoes with a published reference: the water-fat challenge of the ISMRM of 2012, where it is.

Every ``caseNN.npz`` of the folder ismrm2012 of the real data is fitted with the spectrum of the challenge and
scored as it was there: the share of voxels of its mask within 10 points of its PDFF. The reference lies
between 0 and 100, while a signed PDFF does not where noise is all there is; so the score is told for PDFF
cut to 0-100 and as it is. Of the voxels outside -10 to 110 it is told how many the stated standard
deviations of all voxels let expect, how dim they are, how large that deviation is there, how badly the
model fits them and how many are right when cut. The same is told with noise added, a share of the signal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peers import PEERS
from scipy.special import ndtr

from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T

ROOT = Path(__file__).resolve().parents[1]
CASES = Path(os.environ.get("QMRI_SHARED_DATA", ROOT.parent / "shared" / "data")) / "ismrm2012"
SPECTRUM = "toolbox6"
NEAR, OUTSIDE = 10.0, (-10.0, 110.0)
USUAL_EDGES = (2.0, 2.0, 2.0)
"""The cases do not tell the edges of their voxels, mm."""
ADDED_NOISE = (0.0, 0.04)
"""Standard deviation of each channel, as a share of the median signal of the mask."""
Row = dict[str, object]


def rows() -> Iterator[Row]:
    """Yield one row for each case and fit; none where the cases are not on this machine."""
    for path in sorted(CASES.glob("case*.npz")):
        with np.load(path) as data:
            case = dict(data)
        for added in ADDED_NOISE:
            name = "qmri" if not added else f"qmri, noise of {100 * added:g} % added"
            yield {"case": path.stem, "fit": name, **_own(case, added)}
        for name, fit in PEERS.items():
            start = time.perf_counter()
            maps = fit(
                case["signal"], case["echo_times"], float(case["field_strength"]), SPECTRUM, USUAL_EDGES
            )
            seconds = time.perf_counter() - start
            yield {"case": path.stem, "fit": name, **_score(case, maps["pdff"]), "s": seconds}


def _own(case: dict[str, NDArray[np.generic]], added: float) -> Row:
    mask, signal = case["mask"], _noisier(case["signal"], case["mask"], added)
    start = time.perf_counter()
    frequency = float(case["field_strength"]) * GAMMA_MHZ_PER_T
    result = fit_water_fat(
        signal, case["echo_times"], frequency, fat_model=SPECTRUM, mask=mask, voxel_size=USUAL_EDGES
    )
    seconds = time.perf_counter() - start
    pdff, sd = result.pdff[mask], result.pdff_sd[mask]
    size = _size(signal)[mask]
    known = np.isfinite(pdff) & np.isfinite(sd)
    away = outside(pdff) & known
    right = np.abs(np.clip(pdff, 0, 100) - case["reference_pdff"][mask]) < NEAR

    def there(values: NDArray[np.floating]) -> float:
        return float(np.median(values[away])) if away.any() else np.nan

    return {
        **_score(case, result.pdff),
        "s": seconds,
        "outside %": 100 * away.mean(),
        "expected %": 100 * expected_outside(pdff[known], sd[known]),
        "signal there / median": there(size) / np.median(size),
        "sd there, pp": there(sd),
        "chi2 there / median": there(result.rchi2[mask]) / np.nanmedian(result.rchi2[mask]),
        "right there when cut %": 100 * right[away].mean() if away.any() else np.nan,
        "no value %": 100 * np.isnan(pdff).mean(),
    }


def _size(signal: NDArray[np.complexfloating]) -> NDArray[np.floating]:
    return np.sqrt(np.mean(np.abs(signal) ** 2, axis=-1))


def _noisier(
    signal: NDArray[np.complexfloating], mask: NDArray[np.bool_], added: float
) -> NDArray[np.complex64]:
    noise = np.random.default_rng(0).normal(size=(2, *signal.shape))
    sd = added * np.median(_size(signal)[mask])
    return (signal + sd * (noise[0] + 1j * noise[1])).astype(np.complex64)


def _score(case: dict[str, NDArray[np.generic]], pdff: NDArray[np.floating]) -> Row:
    mask = case["mask"]
    found, reference = pdff[mask], case["reference_pdff"][mask]

    def near(values: NDArray[np.floating]) -> float:
        return float(np.mean(np.abs(values - reference) < NEAR))

    return {"voxels": int(mask.sum()), "cut to 0-100": near(np.clip(found, 0, 100)), "as it is": near(found)}


def outside(pdff: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which values lie beyond what water and fat can be, noise of 10 points allowed for."""
    return (pdff < OUTSIDE[0]) | (pdff > OUTSIDE[1])


def expected_outside(pdff: NDArray[np.floating], sd: NDArray[np.floating]) -> float:
    """Return the share of values that normal noise of their stated deviations takes outside."""
    truth = np.clip(pdff, 0, 100)
    low, high = OUTSIDE
    return float(np.mean(ndtr((low - truth) / sd) + ndtr((truth - high) / sd)))
