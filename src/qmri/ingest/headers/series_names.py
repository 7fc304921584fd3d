"""How series are named to a user: by number and description, without what identifies a person."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.selection.same_scan import condition, telling_apart


def shown_description(frame: Frame) -> str:
    """Return the series description without words that also stand in the patient's data."""
    text = frame.hints.description
    for word in sorted(frame.private_words, key=len, reverse=True):
        # Letters of an alphabet stand in words; ideographs stand beside each other without a space.
        whole = rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word)
        text = re.sub(whole, "***", text, flags=re.IGNORECASE)
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:64]


def series_name(frame: Frame) -> str:
    """Return e.g. ``series 5 "WATER: Sag IDEAL IQ"``."""
    number = "without number" if frame.series_number is None else str(frame.series_number)
    description = shown_description(frame)
    return f'series {number} "{description}"' if description else f"series {number}"


def series_number(frame: Frame) -> str:
    """Return e.g. ``series 5``: the name for what is written into results, where no free text belongs."""
    return f"series {'without number' if frame.series_number is None else frame.series_number}"


def series_names(frames: Sequence[Frame]) -> str:
    """Return the names of all series among some images."""
    return ", ".join(sorted({series_name(frame) for frame in frames}))


def remedy_for(
    frame: Frame, kind: str = "", also: str = "", *, by_number: bool = False, entry: str = ""
) -> str:
    """Return what to write into the override file for the series of an image.

    Parameters
    ----------
    frame
        One of its images.
    kind
        The type to write; by default the user is to choose.
    also
        A further condition, e.g. ``ge_variant: VALUE``; one of a whole acquisition stands alone.
    by_number
        Whether to name the series by its number rather than by its description.
    entry
        What to say about the images instead of their type, e.g. ``bits_stored: 16``.
    """
    choices = ", ".join(known.value for known in Kind)
    entry = entry or "type: " + (kind or f"TYPE   # TYPE is one of {choices}")
    whole_acquisition = also.split(":", maxsplit=1)[0] in (
        "acquisition_number",
        "temporal_position",
        "acquisition_time",
    )
    series = "" if whole_acquisition else _match(frame, by_number=by_number)
    match = ", ".join(condition for condition in (series, also) if condition)
    return (
        "write into a file overrides.yaml and give it with --overrides "
        "(in a study: ingest.overrides in config.yaml)\n"
        "            series:\n"
        f"              - match: {{{match}}}\n"
        f"                {entry}"
    )


def remedy_to_choose(frames: Sequence[Frame]) -> str:
    """Return how to leave out all but one of several series of the same kind.

    Parameters
    ----------
    frames
        An image of each. Their descriptions are often the same, so numbers must tell them apart.
    """
    key, values = telling_apart(frames)
    if len({frame.study for frame in frames}) > 1 or not key or key == "instance_number":
        return "put each examination into a folder of its own"
    last = max(frames, key=lambda frame: (frame.time, frame.series_number or 0))
    by_number = key == "series_number"
    also = "" if by_number else condition(last, key)
    return f"they differ in {values}; leave the others out: " + remedy_for(
        last, Kind.IGNORE.value, also, by_number=True
    )


def _match(frame: Frame, *, by_number: bool) -> str:
    description = shown_description(frame)
    if not by_number and description and description == frame.hints.description:
        pattern = re.sub(r'[*?\["\\]', "?", description)
        return f'description: "{pattern}"'
    return "" if frame.series_number is None else f"series_number: {frame.series_number}"
