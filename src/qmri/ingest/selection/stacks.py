"""Stacks: images that lie parallel on the same rows and columns, and whether they are complete."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.image_type import Verdict
from qmri.ingest.headers.plane import Plane, StackGrid, make_grid, same_stack
from qmri.ingest.headers.series_names import remedy_for, series_name
from qmri.ingest.selection.same_scan import condition, telling_apart


def stacks_of(frames: Sequence[Frame]) -> dict[Frame, int]:
    """Return the number of the stack of every image that says where it lies."""
    representatives: dict[tuple[str, int, int], list[tuple[int, Plane]]] = defaultdict(list)
    known: dict[tuple[object, ...], int] = {}
    stacks: dict[Frame, int] = {}
    count = 0
    for frame in frames:
        plane = frame.plane
        if plane is None:
            continue
        shape = frame.study, frame.pixels.rows, frame.pixels.columns
        key = *shape, plane.orientation, plane.spacing, plane.frame_of_reference
        if key not in known:
            same = (number for number, other in representatives[shape] if same_stack(plane, other))
            number = next(same, None)
            if number is None:
                number = count
                count += 1
                representatives[shape].append((number, plane))
            known[key] = number
        stacks[frame] = known[key]
    return stacks


def grid_of(frames: Sequence[Frame]) -> StackGrid:
    """Return the grid of the images of one stack.

    Raises
    ------
    QmriError
        If they are not the even slices of one stack.
    """
    planes = [frame.plane for frame in frames if frame.plane is not None]
    pixels = frames[0].pixels
    where = series_name(frames[0])
    return make_grid(planes, pixels.columns, pixels.rows, where, backwards=_written_backwards(frames))


def centre_of(frames: Sequence[Frame]) -> NDArray[np.float64]:
    """Return the mean of the centres of images, DICOM LPS+, mm; (3,)."""
    centres = []
    for frame in frames:
        if frame.plane is not None:
            row, column = np.array(frame.plane.orientation[:3]), np.array(frame.plane.orientation[3:])
            along_row = row * frame.plane.spacing[1] * (frame.pixels.columns - 1) / 2
            along_column = column * frame.plane.spacing[0] * (frame.pixels.rows - 1) / 2
            centres.append(np.array(frame.plane.position) + along_row + along_column)
    centre: NDArray[np.float64] = np.mean(centres, axis=0)
    return centre


def _written_backwards(frames: Sequence[Frame]) -> bool:
    """Tell whether most steps from one instance number to the next go against the normal."""
    order = sorted(frames, key=lambda frame: (frame.series, frame.instance_number or 0, frame.index))
    depths = [round(frame.plane.depth, 2) for frame in order if frame.plane]
    steps = [two - one for one, two in pairwise(depths) if two != one]
    return sum(step < 0 for step in steps) > sum(step > 0 for step in steps)


def missing_slices(frames: Sequence[Frame], grid: StackGrid, what: str) -> list[int]:
    """Return the slices, counted from 1, of which there is no image.

    Parameters
    ----------
    frames
        The images of one volume.
    grid
        The grid that they should fill.
    what
        The volume, for messages.

    Raises
    ------
    QmriError
        If a slice has several images.
    """
    by_slice: dict[int, list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame.plane is not None:
            by_slice[grid.slice_of(frame.plane)].append(frame)
    for twins in by_slice.values():
        if len(twins) > 1:
            _refuse_one_position(frames, what)
            _refuse_twice(sorted(twins, key=_in_time), what)
    return [index + 1 for index in range(grid.shape[2]) if index not in by_slice]


def _in_time(frame: Frame) -> tuple[object, ...]:
    """Return by what repetitions of an image are ordered."""
    numbers = frame.temporal_position, frame.acquisition_number, frame.instance_number
    return frame.time, *(number or 0 for number in numbers), frame.index


def _refuse_one_position(frames: Sequence[Frame], what: str) -> None:
    """Refuse images that should be slices and all lie in one place."""
    if len({round(frame.plane.depth, 2) for frame in frames if frame.plane}) == 1:
        raise QmriError(
            f"{len(frames)} images of the {what} give the same position",
            where=series_name(frames[0]),
            found="one ImagePositionPatient (0020,0032) for all",
            expected="a position for each slice",
            remedy="export the series again from the scanner or the archive, without resampling",
        )


def _refuse_twice(twins: Sequence[Frame], what: str) -> None:
    """Refuse several images that claim to be the same slice of the same volume."""
    key, values = telling_apart(twins)
    raise QmriError(
        f"{len(twins)} images claim to be the same slice of the {what}",
        where=series_name(twins[0]),
        found="different images at one position" + (f"; they differ in {values}" if values else ""),
        expected="one image for each slice, or an ImageType (0008,0008) that tells them apart",
        remedy="leave the others out: " + remedy_for(twins[-1], "ignore", condition(twins[-1], key))
        if key
        else "export the series again, each acquisition in a folder of its own",
    )


def check_whole_series(
    frames: Sequence[Frame], used: Sequence[Frame], verdicts: Mapping[Frame, Verdict]
) -> None:
    """Check that a series of which images are used holds nothing but whole volumes.

    A single image of another type, place or shape in such a series is a sign of damage: it is
    probably the one that would be missing elsewhere.

    Raises
    ------
    QmriError
        If an image belongs to no whole volume.
    """
    chosen = set(used)
    slices = {frame.series: 0 for frame in used}
    for series in slices:
        slices[series] = len({round(f.plane.depth, 2) for f in used if f.series == series and f.plane})
    leftover: dict[tuple[str, object], list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame.series in slices and frame not in chosen:
            leftover[frame.series, verdicts[frame].kind].append(frame)
    for (series, _), members in leftover.items():
        places = Counter(round(frame.plane.depth, 2) for frame in members if frame.plane)
        whole = len(places) == slices[series] and len(set(places.values())) == 1
        if not whole or any(frame.plane is None for frame in members):
            raise QmriError(
                "a series from which images are used holds others that form no whole volume",
                where=series_name(members[0]),
                found=f"{len(members)} images of type "
                f"{verdicts[members[0]].kind or 'unknown'}, of another shape or in another place",
                expected=f"whole volumes of {slices[series]} slices",
                remedy="export the series again; or, if they are meant to be there, "
                + remedy_for(members[0], "ignore"),
            )
