"""The vendor's maps against a coarse fit of the echoes beside them: a wrong scale or scan shows there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.grid import Grid
from qmri.ingest.values.alignment import offset_between
from qmri.ingest.values.complex_data import body_voxels
from qmri.signal import WaterFatModel
from qmri.signal.variable_projection import decaying_basis, energies, energy_table, features

FAT_MODEL = "ren9"
FIELD_STEPS_PER_CYCLE, WIDEST_FIELD_HZ = 16, 700.0
SAMPLE = 1000
RATES = np.geomspace(12.0, 600.0, 18)
MEASURED_RATES = (20.0, 300.0)
"""Rates that a few echoes measure well enough to compare with."""
SAME_RATE = 1.6
"""Ratio of the medians up to which a map is of the echoes; the vendor's spectrum and noise make up to 1.3."""
SAME_FRACTION = 15.0
FEWEST = 100


@dataclass(frozen=True)
class CoarseFit:
    """Decay and fat fraction of some voxels of the body.

    Attributes
    ----------
    places
        (n, 3) RAS+ mm.
    r2star, pdff
        (n,) 1/s and percent.
    """

    places: NDArray[np.float64]
    r2star: NDArray[np.float64]
    pdff: NDArray[np.float64]


def coarse_fit(
    signal: NDArray[np.complex64], echo_times: NDArray[np.float64], imaging_frequency: float, grid: Grid
) -> CoarseFit:
    """Return the best of a grid of fields and rates for a sample of the body.

    For a given field and R2* water and fat are a projection (Hernando 2008, 10.1002/mrm.21522).

    Parameters
    ----------
    signal
        (x, y, z, echo) in the convention of the model.
    echo_times, imaging_frequency
        s, MHz.
    grid
        Where the voxels are.
    """
    body = np.argwhere(body_voxels(np.abs(signal[..., 0])))
    chosen = body[np.sort(np.random.default_rng(0).permutation(len(body))[:SAMPLE])]
    voxels = signal[tuple(chosen.T)]
    model = WaterFatModel.at(FAT_MODEL, echo_times, imaging_frequency)
    widest = min(WIDEST_FIELD_HZ, 0.5 / float(np.diff(echo_times).min()))
    fields = np.arange(-widest, widest, 1.0 / (FIELD_STEPS_PER_CYCLE * (echo_times[-1] - echo_times[0])))
    energy, rate_index = energies(energy_table(model, fields, RATES), features(voxels.T))
    best = energy.argmax(axis=1)
    rate = rate_index[np.arange(len(best)), best]
    turned = voxels * np.exp(-2j * np.pi * np.multiply.outer(fields[best], echo_times))
    inverses = np.stack([np.linalg.pinv(decaying_basis(model, each)) for each in RATES])
    water, fat = np.abs(np.einsum("vkn,vn->kv", inverses[rate], turned))
    pdff = 100.0 * fat / np.maximum(water + fat, 1e-9)
    return CoarseFit(grid.to_mm(chosen), RATES[rate], pdff)


def scale_beside(fit: CoarseFit, rates: NDArray[np.floating[Any]], grid: Grid) -> float | None:
    """Return how many times faster a map decays than the echoes do, None where too few voxels tell.

    Map (x, y, z) in 1/s.
    """
    values = _at(fit.places, rates, grid)
    low, high = MEASURED_RATES
    there = np.isfinite(values) & (values > 0) & (fit.r2star > low) & (fit.r2star < high)
    if there.sum() < FEWEST:
        return None
    return float(np.exp(np.median(np.log(values[there] / fit.r2star[there]))))


def fraction_beside(fit: CoarseFit, pdff: NDArray[np.floating[Any]], grid: Grid) -> float | None:
    """Return the median distance of a fat fraction map from that of the echoes, percent; map (x, y, z)."""
    values = _at(fit.places, pdff, grid)
    there = np.isfinite(values)
    return float(np.median(np.abs(values - fit.pdff)[there])) if there.sum() >= FEWEST else None


def check_still(magnitude: NDArray[np.floating[Any]], where: str) -> None:
    """Check that the body lies in the same place in all echoes.

    Parameters
    ----------
    magnitude
        (x, y, z, echo).
    where
        Name of the series, for messages.

    Raises
    ------
    QmriError
        If an echo fits the first clearly better when it is shifted.
    """
    for echo in range(1, magnitude.shape[-1]):
        offset = offset_between(magnitude[..., 0], magnitude[..., echo])
        if offset.distance >= 1:
            raise QmriError(
                "the body moved between the echoes, or they are not of one acquisition",
                where=where,
                found=f"echo {echo + 1} fits the first one shifted by {offset.voxels} voxels (column, row)",
                expected="the same place in all echoes",
                remedy="use another acquisition of the examination; echoes of one repetition cannot move",
            )


def _at(
    places: NDArray[np.float64], values: NDArray[np.floating[Any]], grid: Grid
) -> NDArray[np.floating[Any]]:
    """Return the values of the voxels nearest to some places; NaN outside."""
    index = np.rint(grid.to_index(places)).astype(int)
    inside = np.all((index >= 0) & (index < values.shape), axis=1)
    found = np.full(len(places), np.nan)
    found[inside] = values[tuple(index[inside].T)]
    return found
