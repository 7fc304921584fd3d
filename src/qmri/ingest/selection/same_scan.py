"""Which images are of one scan: by what their headers say, and what tells repetitions apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.kinds import DESCRIPTIONS, ENDINGS

SAME_NUMBER = 0.01
SAME_MOMENT_S = 10.0
"""Maps have the time of the scan that they are of; scans that follow each other differ by more."""
REPETITION, FLIP_ANGLE = "RepetitionTime (0018,0080)", "FlipAngle (0018,1314)"
SEQUENCE = (REPETITION, FLIP_ANGLE)
TIME, PROTOCOL = "AcquisitionDate (0008,0022) or AcquisitionTime (0008,0032)", "ProtocolName (0018,1030)"
POSITION = "TemporalPositionIdentifier (0020,0100)"
EVERYTHING = (*SEQUENCE, TIME, PROTOCOL, POSITION)


def differences(one: Frame, two: Frame, elements: tuple[str, ...] = EVERYTHING) -> dict[str, str]:
    """Return the elements in which two images contradict each other, with their values; silence does not.

    Times and protocols, which may tell of a person, are not shown.
    """
    first, second = one.sequence, two.sequence
    numbers = {
        REPETITION: (first.repetition_time_ms, second.repetition_time_ms),
        FLIP_ANGLE: (first.flip_angle_deg, second.flip_angle_deg),
        POSITION: (one.temporal_position, two.temporal_position),
    }
    found = {
        element: f"{mine:g} and {theirs:g}"
        for element, (mine, theirs) in numbers.items()
        if mine is not None and theirs is not None and abs(mine - theirs) > SAME_NUMBER * abs(mine)
    }
    apart = seconds_apart(one.time, two.time)
    if apart is not None and apart > SAME_MOMENT_S:
        found[TIME] = f"{apart:.0f} s apart"
    if one.hints.protocol and two.hints.protocol and one.hints.protocol != two.hints.protocol:
        found[PROTOCOL] = "two protocols"
    return {element: values for element, values in found.items() if element in elements}


def differences_in_words(found: dict[str, str]) -> str:
    """Return the differences as text."""
    return "; ".join(f"{element}: {values}" for element, values in found.items())


def seconds_apart(one: str, two: str) -> float | None:
    """Return how far apart two moments YYYYMMDDHHMMSS.F are, None where one has no time of day."""
    moments = [
        re.fullmatch(r"(\d{8})?(\d\d)(\d\d)(\d\d(?:\.\d*)?)(?:[-+]\d{4})?", text) for text in (one, two)
    ]
    if not moments[0] or not moments[1]:
        return None
    seconds = [int(m[2]) * 3600 + int(m[3]) * 60 + float(m[4]) for m in moments if m]
    days = {m[1] for m in moments if m} - {None}
    return abs(seconds[0] - seconds[1]) + (86400.0 if len(days) > 1 else 0.0)


def same_protocol(one: Frame, two: Frame) -> bool:
    """Tell whether descriptions agree but for the words that tell the type."""
    return _stem(one) == _stem(two)


def _stem(frame: Frame) -> str:
    text = frame.hints.description
    for pattern, _ in DESCRIPTIONS:
        text = pattern.sub("", text, count=1) if pattern.match(text) else text
    for pattern, _ in ENDINGS:
        text = pattern.sub("", text, count=1)
    return re.sub(r"[\W_]", "", text.casefold())


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
