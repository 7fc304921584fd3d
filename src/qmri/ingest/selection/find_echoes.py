"""The multi-echo acquisitions of a folder, distinguished by place, sequence and repetition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.image_type import Verdict
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.series_names import remedy_for, series_name
from qmri.ingest.selection.echo_set import FEWEST_ECHOES, EchoSet
from qmri.ingest.selection.echo_times import same_times

LARGEST_SILENT_MS = 1e-6
"""Echo times that differ by a nanosecond or less are the same number."""


def find_echo_sets(
    frames: Sequence[Frame], verdicts: Mapping[Frame, Verdict], stacks: Mapping[Frame, int]
) -> list[EchoSet]:
    """Return the multi-echo gradient echo acquisitions of a folder, complete or not.

    Raises
    ------
    QmriError
        If a series has several echoes but one echo time for all of them.
    """
    groups: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        kind = verdicts[frame].kind
        if kind is not None and kind.is_component and frame in stacks and frame.echo_time_ms is not None:
            groups[stacks[frame], _sequence_key(frame)].append(frame)
    found = []
    for members in groups.values():
        first = members[0]
        if first.sequence.scanning_sequence.split("\\")[0] in ("SE", "EP", "IR"):
            continue
        known = same_times(frame.echo_time_ms or 0.0 for frame in members)
        times = {frame: known[round(frame.echo_time_ms or 0.0, 6)] for frame in members}
        _refuse_one_echo_time(members, verdicts, times)
        for part in _split_repeats(members, verdicts, times):
            if len({times[frame] for frame in part}) >= FEWEST_ECHOES:
                found.append(_make(part, verdicts, times))
    return found


def _make(
    frames: Sequence[Frame], verdicts: Mapping[Frame, Verdict], times: Mapping[Frame, float]
) -> EchoSet:
    images: dict[tuple[Kind, float], list[Frame]] = defaultdict(list)
    for frame in frames:
        kind = verdicts[frame].kind
        if kind is not None:
            images[kind, times[frame]].append(frame)
    apart = [abs(times[frame] - (frame.echo_time_ms or 0.0)) for frame in frames]
    changed = sum(each > LARGEST_SILENT_MS for each in apart)
    warning = (
        f"EchoTime (0018,0081) of {changed} images differs by up to {max(apart):.3g} ms from that of their "
        "echo, as rounding would make it; the most precise value of each echo was used"
    )
    return EchoSet({key: tuple(members) for key, members in images.items()}, (warning,) if changed else ())


def _sequence_key(frame: Frame) -> tuple[object, ...]:
    """Return what tells one sequence from another; numbers to three digits, as vendors round them."""
    sequence = frame.sequence
    numbers = (
        None if value is None else f"{value:.3g}"
        for value in (sequence.repetition_time_ms, sequence.flip_angle_deg)
    )
    return sequence.scanning_sequence, sequence.name, *numbers


def _split_repeats(
    frames: Sequence[Frame], verdicts: Mapping[Frame, Verdict], times: Mapping[Frame, float]
) -> list[list[Frame]]:
    """Return one group; or one for each series where series repeat the same images."""
    by_series: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_series[frame.series].append(frame)
    keys = [
        (verdicts[f].kind, times[f], round(f.plane.depth, 1), series)
        for series, members in by_series.items()
        for f in members
        if f.plane
    ]
    within_series, across_series = set(keys), {key[:3] for key in keys}
    return list(by_series.values()) if len(across_series) < len(within_series) else [list(frames)]


def _refuse_one_echo_time(
    frames: Sequence[Frame], verdicts: Mapping[Frame, Verdict], times: Mapping[Frame, float]
) -> None:
    by_series: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_series[frame.series].append(frame)
    for members in by_series.values():
        if len({times[frame] for frame in members}) > 1:
            continue
        places = {(verdicts[f].kind, round(f.plane.depth, 2)) for f in members if f.plane}
        declared = max(frame.sequence.declared_echoes or 0 for frame in members)
        numbered = len({frame.echo_number for frame in members})
        if len(members) > len(places) > 1 and (
            declared > 1 or numbered > 1 or _make(members, verdicts, times).is_water_fat
        ):
            raise QmriError(
                "the series has several echoes but one echo time for all of them: EchoTime (0018,0081)",
                where=series_name(members[0]),
                found=f"{times[members[0]]:g} ms in all {len(members)} images",
                expected="the echo time of each echo in its header",
                remedy="export the images again with true echo times; or leave them out: "
                + remedy_for(members[0], "ignore"),
            )
