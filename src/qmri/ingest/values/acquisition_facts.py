"""The facts of the acquisition that numbers depend on, and what a reader must know about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qmri.errors import QmriError
from qmri.images.acquisition import Acquisition
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.series_names import series_name
from qmri.ingest.selection.echo_set import EchoSet
from qmri.ingest.selection.map_set import MapSet
from qmri.ingest.selection.overrides import Overrides
from qmri.signal import GAMMA_MHZ_PER_T, marrow_t1, t1_bias

SANE_FREQUENCY_MHZ = (8.0, 500.0)
FIELD_TOLERANCE = 0.05
LARGE_T1_BIAS = 2.0
REFERENCE_PDFF = 50.0
WIDE_GAP = 1.7
"""Times the usual distance of echoes from which one is missing between them."""


def read_acquisition(echoes: EchoSet | None, maps: MapSet | None, overrides: Overrides) -> Acquisition:
    """Return the facts of an examination.

    Raises
    ------
    QmriError
        If there are echoes and no imaging frequency, or one that contradicts the field.
    """
    frame = echoes.frames[0] if echoes else maps.frames[0] if maps else None
    if frame is None:
        raise ValueError("there are echoes or maps")
    sequence = frame.sequence
    _check_agreement(echoes.frames if echoes else maps.images[Kind.PDFF] if maps else ())
    frequency = overrides.imaging_frequency_mhz or sequence.imaging_frequency_mhz
    if echoes is not None:
        nominal = None if overrides.imaging_frequency_mhz else sequence.field_strength_t
        _check_frequency(frequency, nominal, frame)
    elif frequency is not None and not SANE_FREQUENCY_MHZ[0] <= frequency <= SANE_FREQUENCY_MHZ[1]:
        frequency = None
    repetition = sequence.repetition_time_ms
    return Acquisition(
        echo_times_s=tuple(round(time * 1e-3, 9) for time in echoes.echo_times_ms) if echoes else (),
        imaging_frequency_mhz=frequency,
        field_strength_t=sequence.field_strength_t,
        flip_angle_deg=sequence.flip_angle_deg,
        repetition_time_s=None if repetition is None else round(repetition * 1e-3, 9),
        vendor=sequence.vendor or None,
        model=sequence.model or None,
        software=sequence.software or None,
        acquired_matrix=sequence.acquired_matrix,
    )


def acquisition_warnings(
    acquisition: Acquisition, echoes: EchoSet | None, maps: MapSet | None
) -> tuple[list[str], dict[str, object]]:
    """Return sentences about what limits the numbers, and the figures behind them."""
    warnings: list[str] = []
    figures: dict[str, object] = {}
    angle, repetition = acquisition.flip_angle_deg, acquisition.repetition_time_s
    t1 = marrow_t1(acquisition.field_strength_t, acquisition.imaging_frequency_mhz)
    if angle and repetition and t1 is None:
        warnings.append(
            "the T1 bias of PDFF is not estimated: T1 of water and fat in marrow is not known at this field "
            "(MagneticFieldStrength (0018,0087))"
        )
    elif angle and repetition and t1:
        bias = t1_bias(REFERENCE_PDFF, angle, repetition, t1)
        figures["t1_bias_at_pdff_50_percent"] = round(bias, 2)
        if bias > LARGE_T1_BIAS:
            warnings.append(
                f"T1 raises a PDFF of 50 % by about {bias:.1f} percentage points "
                f"(flip angle {angle:g} degrees, TR {1e3 * repetition:g} ms)"
            )
    frames = [*(echoes.frames if echoes else ()), *(maps.frames if maps else ())]
    first = frames[0]
    if acquisition.acquired_matrix and max(first.pixels.rows, first.pixels.columns) > max(
        acquisition.acquired_matrix
    ):
        warnings.append(
            f"images of {first.pixels.columns} x {first.pixels.rows} were interpolated from "
            f"{acquisition.acquired_matrix[0]} x {acquisition.acquired_matrix[1]} samples"
        )
    if any(frame.sequence.deep_learning for frame in frames):
        warnings.append("images were reconstructed by deep learning (Recon DL); noise figures do not hold")
    if maps is not None and _filters(maps, Kind.WATER) != _filters(maps, Kind.FAT):
        warnings.append("water and fat images were filtered differently")
    locations = first.sequence.locations
    slices = (echoes or maps).grid.shape[2] if echoes or maps else 0  # type: ignore[union-attr]
    if locations and locations > slices:
        warnings.append(f"the scanner acquired {locations} slices and {slices} were exported")
    if echoes is not None:
        warnings += _echo_warnings(echoes)
        if maps is not None and maps.grid.shape[2] != echoes.grid.shape[2]:
            warnings.append(
                f"the echoes have {echoes.grid.shape[2]} slices and the vendor's maps {maps.grid.shape[2]}"
            )
    if acquisition.echo_times_s and repetition and acquisition.echo_times_s[-1] > repetition:
        warnings.append("the last echo time is longer than the repetition time in the header")
    return warnings, figures


def _echo_warnings(echoes: EchoSet) -> list[str]:
    """Return sentences about echoes that seem to be missing."""
    warnings = []
    declared = max(frame.sequence.declared_echoes or 0 for frame in echoes.frames)
    count = len(echoes.echo_times_ms)
    if declared > count:
        warnings.append(f"(0019,107E) says that {declared} echoes were acquired, and {count} were exported")
    gaps = np.diff(echoes.echo_times_ms)
    wide = gaps > WIDE_GAP * np.median(gaps)
    if wide.any() and np.ptp(gaps[~wide]) < 0.1 * np.median(gaps):
        warnings.append(
            "echo times are evenly spaced but for a gap of "
            f"{gaps.max():.3g} ms: an echo may be missing, or EchoTime (0018,0081) be wrong"
        )
    return warnings


def _check_agreement(frames: Sequence[Frame]) -> None:
    facts = {(frame.sequence.imaging_frequency_mhz, frame.sequence.field_strength_t) for frame in frames}
    if any(len({fact[part] for fact in facts} - {None}) > 1 for part in (0, 1)):
        raise QmriError(
            "the images of one acquisition do not agree about field and frequency, "
            "ImagingFrequency (0018,0084) and MagneticFieldStrength (0018,0087)",
            where=series_name(frames[0]),
            found="; ".join(
                f"{frequency} MHz at {field} T" for frequency, field in sorted(facts, key=str)[:4]
            ),
            expected="one value for all of them",
            remedy="export the series again from the scanner",
        )


def _check_frequency(frequency: float | None, field: float | None, frame: Frame) -> None:
    low, high = SANE_FREQUENCY_MHZ
    if frequency is None or not low <= frequency <= high:
        raise QmriError(
            "the imaging frequency is missing; the shift of fat depends on it",
            where=series_name(frame),
            found="nothing" if frequency is None else f"{frequency:g} MHz",
            expected=f"ImagingFrequency (0018,0084) from {low:g} to {high:g} MHz",
            remedy="give imaging_frequency_mhz: VALUE in the override file",
        )
    if field and abs(frequency / GAMMA_MHZ_PER_T / field - 1) > FIELD_TOLERANCE:
        raise QmriError(
            "the imaging frequency contradicts the field strength: ImagingFrequency (0018,0084), "
            "MagneticFieldStrength (0018,0087)",
            where=series_name(frame),
            found=f"{frequency:g} MHz at {field:g} T",
            expected=f"about {GAMMA_MHZ_PER_T * field:.1f} MHz",
            remedy="give imaging_frequency_mhz: VALUE in the override file",
        )


def _filters(maps: MapSet, kind: Kind) -> object:
    """Return what the headers of a map say about filters; None where the map is not there."""
    if Kind.WATER not in maps.images or Kind.FAT not in maps.images:
        return None
    sequence = maps.images[kind][0].sequence
    options = {word for word in sequence.options.split("\\") if "FILTER" in word}
    return sequence.filters, frozenset(options)
