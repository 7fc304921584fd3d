"""Echoes that disagree: phase errors of bipolar readouts and eddy currents, and echoes that are wrong.

Every family is put on every phantom at every acquisition, with both signs of the phases, and the fit is
judged: *right* (median error in marrow at most 3 points, fewer than 2 % of the voxels wrong by 25),
*refused*, *reported* (not right, and a warning says that something is wrong) or *WRONG*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from phantoms import Phantom, body, spine

from qmri.errors import QmriError
from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T

MARROW_PDFF, MARROW_R2STAR = (15.0, 90.0), (60.0, 200.0)
MEDIAN_ERROR, WRONG_BY, WRONG_SHARE = 3.0, 25.0, 0.02
ACQUISITIONS = ((3.0, 0.9e-3), (3.0, 1.0e-3), (1.5, 1.6e-3))
VERDICTS = ("right", "refused", "reported", "WRONG")
ALARMS = ("does not describe", "do not tell the sign", "MAGNITUDE ONLY")

Signal = NDArray[np.complexfloating]
Change = Callable[[Signal], NDArray[np.generic]]


def alternating(degrees: float, slope: float = 0.0, axis: int = 1) -> Change:
    """Return the phase of a bipolar readout: even against odd echoes, linear along the readout."""

    def change(signal: Signal) -> Signal:
        along = np.linspace(-1, 1, signal.shape[axis]) if signal.shape[axis] > 1 else np.zeros(1)
        ramp = np.deg2rad(degrees + slope * along.reshape([-1 if i == axis else 1 for i in range(3)]))
        return signal * np.exp(1j * ramp[..., np.newaxis] * (-1.0) ** np.arange(signal.shape[-1]))

    return change


def of_echoes(*degrees: float) -> Change:
    """Return the phases of the first echoes, as eddy currents turn them."""

    def change(signal: Signal) -> Signal:
        turns = np.zeros(signal.shape[-1])
        turns[: len(degrees)] = np.deg2rad(degrees)
        return signal * np.exp(1j * turns)

    return change


def dead(echo: int) -> Change:
    """Return an echo of zeros."""
    return lambda signal: signal * (np.arange(signal.shape[-1]) != echo)


def exchanged(one: int, other: int) -> Change:
    """Return two echoes in each other's place."""

    def change(signal: Signal) -> Signal:
        order = np.arange(signal.shape[-1])
        order[[one, other]] = order[[other, one]]
        return signal[..., order]

    return change


def moved(echo: int, voxels: int) -> Change:
    """Return one echo shifted in the plane, as by motion."""

    def change(signal: Signal) -> Signal:
        result = signal.copy()
        result[..., echo] = np.roll(signal[..., echo], voxels, axis=1)
        return result

    return change


def whole_numbers(signal: Signal) -> NDArray[np.generic]:
    """Return magnitudes as a scanner stores them."""
    size = np.abs(signal)
    return (size * (20000 / size.max())).astype(np.int16)


FAMILIES: dict[str, Change] = {
    "none": lambda signal: signal,
    **{f"even/odd {size}": alternating(size) for size in (5, 10, 20, 30, -20)},
    "even/odd 15, along the readout 25": alternating(15, 25),
    "even/odd 0, along the readout 40": alternating(0, 40),
    **{f"first echo {size}": of_echoes(size) for size in (10, 20, 30, -20)},
    "first echoes 20, 10": of_echoes(20, 10),
    "dead echo 1": dead(0),
    "dead echo 3": dead(2),
    "echoes 2 and 3 exchanged": exchanged(1, 2),
    "echoes 1 and 6 exchanged": exchanged(0, 5),
    "echo 4 moved by 3 voxels": moved(3, 3),
    "magnitudes, int16": whole_numbers,
}


def phantoms(small: bool = False) -> dict[str, Phantom]:
    """Return a spine, one of its slices, and a trunk."""
    whole = spine((8, 64, 64) if small else (16, 112, 112))
    middle = whole.mask.shape[0] // 2
    parts = ("pdff", "r2star", "field", "amplitude", "phase", "mask")
    one = replace(whole, **{name: getattr(whole, name)[middle : middle + 1] for name in parts})
    trunk = body((48, 40, 10) if small else (84, 66, 16))
    return {"spine": whole, "slice of it": one, "trunk": trunk}


@dataclass(frozen=True)
class Outcome:
    """What a fit made of a fault.

    Attributes
    ----------
    verdict
        "right", "refused", "reported" or "WRONG".
    median
        Median error of PDFF in marrow, points; NaN where refused.
    wrong
        Share of voxels wrong by 25 points or without a value.
    words
        The refusal, or the warnings.
    """

    verdict: str
    median: float
    wrong: float
    words: str


def judge(
    phantom: Phantom,
    change: Change,
    field_strength: float,
    spacing: float,
    *,
    snr: float = 30.0,
    conjugate: bool = False,
    seed: int = 1,
) -> Outcome:
    """Fit a phantom with a fault and judge the result."""
    times = tuple(1.2e-3 + spacing * np.arange(6))
    signal = change(phantom.signal(times, field_strength, snr, seed=seed).astype(np.complex128))
    try:
        result = fit_water_fat(
            np.conj(signal) if conjugate else signal,
            times,
            field_strength * GAMMA_MHZ_PER_T,
            voxel_size=phantom.voxel_size,
            mask=phantom.mask,
        )
    except QmriError as refusal:
        return Outcome("refused", np.nan, np.nan, refusal.reason)
    error = result.pdff - phantom.pdff
    low, high = MARROW_PDFF
    marrow = phantom.mask & (phantom.pdff > low) & (phantom.pdff < high)
    marrow &= (phantom.r2star > MARROW_R2STAR[0]) & (phantom.r2star < MARROW_R2STAR[1])
    median = float(np.nanmedian(error[marrow]))
    wrong = float(np.mean(~(np.abs(error[phantom.mask]) < WRONG_BY)))
    warnings = result.decisions.warnings
    reported = any(alarm in text for text in warnings for alarm in ALARMS)
    right = abs(median) <= MEDIAN_ERROR and wrong < WRONG_SHARE
    verdict = "right" if right else "reported" if reported else "WRONG"
    return Outcome(verdict, median, wrong, "; ".join(warnings))


def rows(small: bool = True) -> Iterator[dict[str, object]]:
    """Yield one row for each family: how many fits of each verdict, and the worst figures of the right."""
    subjects = phantoms(small)
    for name, change in FAMILIES.items():
        found = [
            judge(phantom, change, strength, spacing)
            for phantom in subjects.values()
            for strength, spacing in ACQUISITIONS
        ]
        against = [
            judge(phantom, change, strength, spacing, conjugate=True)
            for phantom in subjects.values()
            for strength, spacing in ACQUISITIONS
        ]
        right = [each for each in found if each.verdict == "right"]
        yield {
            "family": name,
            **{kind: sum(each.verdict == kind for each in found) for kind in VERDICTS},
            "worst median": max((abs(each.median) for each in right), default=np.nan),
            "worst wrong %": 100 * max((each.wrong for each in right), default=np.nan),
            "conjugated: refused or reported": sum(
                each.verdict in ("refused", "reported") for each in against
            ),
            "conjugated: WRONG": sum(each.verdict == "WRONG" for each in against),
        }
