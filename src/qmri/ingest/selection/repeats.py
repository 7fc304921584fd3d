"""What tells repetitions of one image apart, in the words of the override file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from qmri.ingest.headers.header import Frame


def time_of_day(frame: Frame) -> str:
    """Return the acquisition time as HHMMSS, without the date; empty where there is none."""
    found = re.fullmatch(r"(?:\d{8})?(\d{6})(?:\.\d*)?(?:[-+]\d{4})?", frame.time)
    return found[1] if found else ""


# Key of `match` in an override file: its value, and the element that it is.
TELLING: dict[str, tuple[Callable[[Frame], object], str]] = {
    "series_number": (lambda frame: frame.series_number, "SeriesNumber (0020,0011)"),
    "ge_variant": (lambda frame: frame.hints.ge_variant, "(0043,1030)"),
    "temporal_position": (lambda frame: frame.temporal_position, "TemporalPositionIdentifier (0020,0100)"),
    "acquisition_number": (lambda frame: frame.acquisition_number, "AcquisitionNumber (0020,0012)"),
    "acquisition_time": (time_of_day, "AcquisitionTime (0008,0032)"),
    "instance_number": (lambda frame: frame.instance_number, "InstanceNumber (0020,0013)"),
}


def telling_apart(frames: Sequence[Frame]) -> tuple[str, str]:
    """Return the first key of an override rule that tells all images apart, and the values, as text.

    Empty where nothing does.
    """
    for key, (value, element) in TELLING.items():
        values = [value(frame) for frame in frames]
        if len(set(values)) == len(frames) and None not in values and "" not in values:
            return key, f"{element}: {', '.join(sorted(str(each) for each in values))}"
    return "", ""


def condition(frame: Frame, key: str) -> str:
    """Return the condition of a rule that is for this one of several images."""
    value = TELLING[key][0](frame)
    return f'{key}: "{value}"' if isinstance(value, str) else f"{key}: {value}"
