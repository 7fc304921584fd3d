"""How the images of an examination were acquired: the part of the headers that numbers depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Acquisition:
    """Facts read from the headers, in the units of the fit; None where the headers are silent.

    Attributes
    ----------
    echo_times_s
        Echo times in seconds, ascending; empty where only maps were exported.
    imaging_frequency_mhz
        Centre frequency (0018,0084).
    field_strength_t
        Nominal field (0018,0087).
    flip_angle_deg, repetition_time_s
        Of the gradient echo sequence; they set the T1 bias of the fat fraction.
    vendor, model, software
        Manufacturer, model name and software version of the scanner.
    acquired_matrix
        Number of samples along (frequency, phase), before interpolation.
    """

    echo_times_s: tuple[float, ...] = ()
    imaging_frequency_mhz: float | None = None
    field_strength_t: float | None = None
    flip_angle_deg: float | None = None
    repetition_time_s: float | None = None
    vendor: str | None = None
    model: str | None = None
    software: str | None = None
    acquired_matrix: tuple[int, int] | None = None
