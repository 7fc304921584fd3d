"""The echo train: what its spacing allows, refuses and makes ambiguous."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.errors import QmriError
from qmri.signal import WATER_PPM_37C, FatModel, WaterFatModel, cramer_rao, fat_frequencies, fat_model

MIN_ECHOES = 3
MAX_ECHO_TIME_S = 0.2
FREQUENCY_RANGE_MHZ = (8.0, 500.0)
EVEN_TOLERANCE = 0.012
"""Largest departure from even spacing, as a share of the spacing (rounded headers stay below)."""
EVEN_TOLERANCE_S = 15e-6
LARGEST_PDFF_SD = 10.0
"""Percentage points; where the Cramer-Rao bound of a voxel is larger, water and fat are not separated."""
JUDGED_SNR, JUDGED_R2STAR, JUDGED_FAT = 30.0, 60.0, (0.1, 0.3, 0.5, 0.7, 0.9)
"""Where the bound is taken: signal over noise, R2* (1/s), and shares of fat, the worst of which counts."""
POORLY_SEPARABLE = 0.15
"""Turns that fat makes against water between two echoes, whole turns left out, below which it is reported."""
APERIODIC_RANGE_PPM = 5.5


class InseparableError(QmriError):
    """The echo times cannot separate water and fat, whatever the signal."""


@dataclass(frozen=True)
class EchoTrain:
    """Echo times with the signal model and the field ambiguity that belong to them.

    Attributes
    ----------
    model
        Spectrum and echo times (s).
    spectrum, water_ppm, imaging_frequency
        Fat spectrum, chemical shift of water, and centre frequency (MHz) behind the model.
    fat_shift
        Frequency of the main fat peak relative to water, Hz (negative).
    spacing
        Mean echo spacing, s.
    even
        Whether the spacing is constant, so that fields 1/spacing apart cannot be distinguished.
    half_range
        Fields between plus and minus this value are considered, Hz.
    warnings
        What the spacing makes uncertain.
    """

    model: WaterFatModel
    spectrum: FatModel
    water_ppm: float
    imaging_frequency: float
    fat_shift: float
    spacing: float
    even: bool
    half_range: float
    warnings: tuple[str, ...]

    @property
    def times(self) -> NDArray[np.float64]:
        """Echo times, s, shape (echoes,)."""
        return self.model.echo_times

    @property
    def period(self) -> float:
        """Field difference that cannot be seen, Hz; infinite for uneven spacing."""
        return 1.0 / self.spacing if self.even else np.inf

    @property
    def count(self) -> int:
        """Number of echoes."""
        return int(self.times.size)

    @property
    def degrees_of_freedom(self) -> int:
        """Real data less the parameters W, F, R2*, field and phase."""
        return 2 * self.count - 5

    def part(self, some: NDArray[np.bool_]) -> EchoTrain:
        """Return the train of some of the echoes, a mask (echoes,)."""
        return _described(self.spectrum, self.times[some], self.imaging_frequency, self.water_ppm)

    def stretched(self, factor: float) -> EchoTrain:
        """Return the train if its times were longer by a factor: fat turns that much faster."""
        return _described(self.spectrum, self.times, factor * self.imaging_frequency, self.water_ppm)


def echo_train(
    spectrum: str | FatModel,
    echo_times: ArrayLike,
    imaging_frequency: float,
    *,
    water_ppm: float = WATER_PPM_37C,
    largest_pdff_sd: float = LARGEST_PDFF_SD,
) -> EchoTrain:
    """Return the echo train of an acquisition after checking that it can separate water and fat.

    Parameters
    ----------
    spectrum
        Fat spectrum or its id.
    echo_times
        Echo times, s, shape (echoes,), ascending, three or more.
    imaging_frequency
        Centre frequency, MHz.
    water_ppm
        Chemical shift of water, ppm.
    largest_pdff_sd
        Largest standard deviation of PDFF that noise may give a voxel at an SNR of 30, points.

    Raises
    ------
    QmriError
        If there are fewer than three echoes, they do not ascend, or units look wrong.
    InseparableError
        If the echoes cannot separate water and fat, as where fat makes whole turns between them.
    """
    times = np.asarray(echo_times, dtype=np.float64)
    _check(times, imaging_frequency)
    train = _described(fat_model(spectrum), times, imaging_frequency, water_ppm)
    _check_separation(train, largest_pdff_sd)
    return train


def _described(
    fat: FatModel, times: NDArray[np.float64], imaging_frequency: float, water_ppm: float
) -> EchoTrain:
    frequencies = fat_frequencies(fat, imaging_frequency, water_ppm=water_ppm)
    fat_shift = float(frequencies[np.argmax(fat.amplitudes)])
    model = WaterFatModel.at(fat, times, imaging_frequency, water_ppm=water_ppm)
    spacing = float((times[-1] - times[0]) / (times.size - 1))
    line = times[0] + spacing * np.arange(times.size)
    departure = float(np.abs((times - line) - np.mean(times - line)).max())
    even = departure <= min(EVEN_TOLERANCE * spacing, EVEN_TOLERANCE_S)
    half_range = 0.5 / spacing
    if not even:
        half_range = max(0.75 / float(np.diff(times).min()), APERIODIC_RANGE_PPM * imaging_frequency)
    warnings = _separation_warnings(fat_shift, spacing) if even else ()
    return EchoTrain(model, fat, water_ppm, imaging_frequency, fat_shift, spacing, even, half_range, warnings)


def _check(times: NDArray[np.float64], imaging_frequency: float) -> None:
    if times.ndim != 1 or times.size < MIN_ECHOES:
        raise QmriError(
            "water, fat, R2* and field cannot be determined from so few echoes",
            found=f"{times.size} echo times",
            expected=f"{MIN_ECHOES} or more",
        )
    if not np.isfinite(times).all() or times[0] < 0 or (np.diff(times) <= 0).any():
        raise QmriError(
            "echo times do not ascend",
            found=", ".join(f"{time:g}" for time in times),
            expected="ascending, s",
        )
    if times[-1] > MAX_ECHO_TIME_S:
        raise QmriError(
            "echo times are too long for gradient echoes",
            found=f"{times[-1]:g} s",
            expected=f"below {MAX_ECHO_TIME_S} s",
            remedy="give them in seconds",
        )
    low, high = FREQUENCY_RANGE_MHZ
    if not low <= imaging_frequency <= high:
        raise QmriError(
            "the imaging frequency is not one of proton MRI",
            found=f"{imaging_frequency:g}",
            expected=f"{low:g}-{high:g} MHz (DICOM 0018,0084), 127.7 at 3 T",
        )


def _check_separation(train: EchoTrain, largest_pdff_sd: float) -> None:
    fat = np.array(JUDGED_FAT)
    with np.errstate(all="ignore"):
        try:
            sd = float(np.max(cramer_rao(train.model, 1 - fat, fat, JUDGED_R2STAR, 1 / JUDGED_SNR).pdff))
        except np.linalg.LinAlgError:
            sd = np.inf
    if sd <= largest_pdff_sd:
        return
    turns = abs(train.fat_shift) * train.spacing
    near_whole = abs(turns - round(turns)) < POORLY_SEPARABLE
    whole = f"fat makes {'whole turns' if round(turns) else 'almost no turn'} between echoes"
    raise InseparableError(
        "the echoes cannot separate water and fat" + (f": {whole}" if near_whole else ""),
        found=f"{train.count} echoes {1e3 * train.spacing:.3f} ms apart, fat at {train.fat_shift:.0f} Hz "
        f"({turns:.2f} turns); at an SNR of {JUDGED_SNR:g} the standard deviation of PDFF is "
        + (f"{sd:.0f} points" if sd < 1000 else "without bound"),
        expected=f"{largest_pdff_sd:g} points or less, by a spacing whose turns are not near a whole number",
        remedy="acquire with another echo spacing; for this examination adopt the vendor's maps "
        "(fit.source: vendor)",
    )


def _separation_warnings(fat_shift: float, spacing: float) -> tuple[str, ...]:
    turns = abs(fat_shift) * spacing
    if abs(turns - round(turns)) < POORLY_SEPARABLE:
        return (
            f"echo spacing {1e3 * spacing:.3f} ms separates water and fat poorly (fat turns {turns:.2f} "
            "times between echoes): expect more swaps and noise",
        )
    return ()
