"""UIDs as anonymisers leave them: one for every image, or one for all; other elements then group images."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from qmri.ingest.headers.header import Frame

FEWEST = 3
STRAY_SHARE = 0.1
"""A UID of at most this share of the images of a series, or of one, is a stray."""


def settle(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[str, ...]]:
    """Return the images with study, series and frame of reference that group them, and what was ignored.

    A UID that is absent, that each image has of its own, that a single image has otherwise than the rest of
    its series, or that several series share, cannot be what groups images. Series number and description
    then do, which a scanner gives to every image of a series.
    """
    warnings: list[str] = []
    settled = list(frames)
    for step in (_split_shared_series, _join_studies, _join_series, _join_frames_of_reference):
        settled = step(settled, warnings)
    return settled, tuple(warnings)


def _label(frame: Frame) -> tuple[object, ...]:
    return frame.series_number, frame.hints.description


def _split_shared_series(frames: list[Frame], warnings: list[str]) -> list[Frame]:
    """Split images with one series UID by series number, if several numbers have several images."""
    numbers: dict[str, Counter[int | None]] = defaultdict(Counter)
    for frame in frames:
        numbers[frame.series][frame.series_number] += 1
    shared = {
        series for series, counts in numbers.items() if sum(count >= FEWEST for count in counts.values()) > 1
    }
    if not shared - {""}:
        return frames
    warnings.append("SeriesInstanceUID (0020,000E) is shared by several series; series numbers were used")
    return [
        replace(frame, series=f"{frame.series} {frame.series_number}") if frame.series in shared else frame
        for frame in frames
    ]


def _join_series(frames: list[Frame], warnings: list[str]) -> list[Frame]:
    """Join images of one series number and description whose series UIDs are strays."""
    return _joined(
        frames,
        warnings,
        group=lambda frame: (frame.patient, frame.study, *_label(frame)),
        uid=lambda frame: frame.series,
        changed=lambda frame, uid: replace(frame, series=uid),
        name="SeriesInstanceUID (0020,000E)",
        instead="series number and description were used",
    )


def _join_studies(frames: list[Frame], warnings: list[str]) -> list[Frame]:
    """Join the studies of the images of one series; and all of a folder if each image has its own."""
    frames = _study_of_frame_of_reference(frames, warnings)
    own = len({frame.study for frame in frames}) > len(frames) / 2 >= FEWEST / 2
    return _joined(
        frames,
        warnings,
        group=lambda frame: (frame.patient,) if own else (frame.patient, frame.series, *_label(frame)),
        uid=lambda frame: frame.study,
        changed=lambda frame, uid: replace(frame, study=uid),
        name="StudyInstanceUID (0020,000D)",
        instead="they were taken as one study",
    )


def _study_of_frame_of_reference(frames: list[Frame], warnings: list[str]) -> list[Frame]:
    """Join studies of one person and day that share a frame of reference, which is of one study."""
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        day = re.match(r"\d{8}", frame.time)
        if frame.plane and frame.plane.frame_of_reference and day:
            groups[frame.patient, frame.plane.frame_of_reference, day[0]].append(index)
    result, joined = list(frames), 0
    for members in groups.values():
        usual = max(
            Counter(frames[index].study for index in members).items(), key=lambda e: (bool(e[0]), e[1])
        )
        for index in members:
            if frames[index].study != usual[0]:
                result[index] = replace(frames[index], study=usual[0])
                joined += 1
    if joined:
        warnings.append(
            f"StudyInstanceUID (0020,000D) of {joined} images is not that of others in the same frame of "
            "reference; they were taken as one study"
        )
    return result


def _join_frames_of_reference(frames: list[Frame], warnings: list[str]) -> list[Frame]:
    """Join the frames of reference of a series, and of series of one acquisition that lie alike."""

    def changed(frame: Frame, uid: str) -> Frame:
        if frame.plane is None or frame.plane.frame_of_reference == uid:
            return frame
        return replace(frame, plane=replace(frame.plane, frame_of_reference=uid))

    def uid(frame: Frame) -> str:
        return frame.plane.frame_of_reference if frame.plane else ""

    name, instead = "FrameOfReferenceUID (0020,0052)", "place and time were used"
    frames = _joined(
        frames, warnings, group=lambda f: (f.series,), uid=uid, changed=changed, name=name, instead=instead
    )
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        if frame.plane is not None and frame.time:
            orientation = tuple(round(value, 3) for value in frame.plane.orientation)
            corner = tuple(np.round(np.reshape(frame.plane.orientation, (2, 3)) @ frame.plane.position, 1))
            sequence = frame.sequence.repetition_time_ms, frame.sequence.flip_angle_deg
            groups[frame.study, frame.time, sequence, orientation, frame.plane.spacing, corner].append(index)
    for members in groups.values():
        known = sorted({uid(frames[index]) for index in members} - {""})
        if len(known) > 1:
            warnings.append(f"{name} differs between series of one acquisition; {instead}")
        for index in members if known else ():
            frames[index] = changed(frames[index], known[0])
    return frames


def _joined(
    frames: list[Frame],
    warnings: list[str],
    *,
    group: Callable[[Frame], tuple[object, ...]],
    uid: Callable[[Frame], str],
    changed: Callable[[Frame, str], Frame],
    name: str,
    instead: str,
) -> list[Frame]:
    """Give the images of each group the UID that most of them have, where another one is a stray."""
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        groups[group(frame)].append(index)
    result, strays = list(frames), 0
    for members in groups.values():
        counts = Counter(uid(frames[index]) for index in members)
        usual = max(counts, key=lambda each: (bool(each), counts[each], each))
        few = max(1, STRAY_SHARE * len(members))
        shattered = len(members) >= FEWEST and len(counts) > len(members) / 2
        for index in members:
            own = uid(frames[index])
            if own != usual and (not own or shattered or (counts[own] <= few and len(members) > FEWEST)):
                result[index] = changed(frames[index], usual)
                strays += 1
    if strays:
        warnings.append(f"{name} of {strays} images is absent or its own for an image; {instead}")
    return result
