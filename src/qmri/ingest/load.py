"""Read the pixels of the planned images into arrays, every file once."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.ingest.echo_set import EchoSet
from qmri.ingest.header import Frame, ValueScale
from qmri.ingest.kinds import Kind
from qmri.ingest.map_set import MapSet
from qmri.ingest.naming import series_name
from qmri.ingest.pixels import check_lossless, decode


@dataclass(frozen=True)
class Stored:
    """The stored values of a volume and what turns them into quantities.

    Attributes
    ----------
    values
        float32 array (x, y, z) or (x, y, z, echo), stored values without any scale.
    scale
        The same for every image of the volume.
    frame
        One of its images, for what all of them share.
    """

    values: NDArray[np.float32]
    scale: ValueScale
    frame: Frame


@dataclass(frozen=True)
class Loaded:
    """What was read.

    Attributes
    ----------
    echoes
        Part of complex data to its values, echoes ascending in time.
    maps
        Kind of map to its values.
    digests
        SHA-256 of every file that was read, in ascending order.
    """

    echoes: dict[Kind, Stored]
    maps: Mapping[Kind, Stored]
    digests: tuple[str, ...]


@dataclass(frozen=True)
class _Target:
    frame: Frame
    plane: NDArray[np.float32]


def load(
    echoes: EchoSet | None, maps: MapSet | None, copies: Mapping[tuple[str, int], Sequence[Frame]]
) -> Loaded:
    """Read the images of a plan.

    Parameters
    ----------
    echoes, maps
        What was planned.
    copies
        Further files of an instance; they must hold the same pixels.

    Raises
    ------
    QmriError
        If pixels do not fit their header, were compressed with loss, or copies differ.
    """
    targets: list[_Target] = []
    echo_volumes = _echo_volumes(echoes, targets) if echoes else {}
    map_volumes = _map_volumes(maps, targets) if maps else {}
    by_file: dict[Path, list[_Target]] = defaultdict(list)
    for target in targets:
        check_lossless(target.frame)
        by_file[target.frame.path].append(target)
    digests: list[str] = []
    for path, wanted in by_file.items():
        content = _content(path, wanted[0].frame)
        digests.append(hashlib.sha256(content).hexdigest())
        stored = decode(content, wanted[0].frame)
        for target in wanted:
            target.plane[:] = stored[target.frame.index]
            _check_copies(stored[target.frame.index], target.frame, copies)
    return Loaded(echo_volumes, map_volumes, tuple(sorted(digests)))


def _echo_volumes(echoes: EchoSet, targets: list[_Target]) -> dict[Kind, Stored]:
    columns, rows, slices = echoes.grid.shape
    times = echoes.echo_times_ms
    volumes = {}
    for kind in sorted({*echoes.used_kinds, *(echoes.kinds & {Kind.MAGNITUDE})}):
        # Laid out as the files are, image by image; the transpose is (x, y, z, echo).
        block = np.empty((len(times), slices, rows, columns), dtype=np.float32)
        frames: list[Frame] = []
        for echo, time in enumerate(times):
            for frame in echoes.images[kind, time]:
                frames.append(frame)
                targets.append(_Target(frame, block[echo, _slice(echoes, frame)]))
        volumes[kind] = Stored(block.T, _common_scale(frames, kind), frames[0])
    return volumes


def _map_volumes(maps: MapSet, targets: list[_Target]) -> dict[Kind, Stored]:
    columns, rows, slices = maps.grid.shape
    volumes = {}
    for kind, frames in maps.images.items():
        block = np.empty((slices, rows, columns), dtype=np.float32)
        targets.extend(_Target(frame, block[_slice(maps, frame)]) for frame in frames)
        volumes[kind] = Stored(block.T, _common_scale(frames, kind), frames[0])
    return volumes


def _slice(of: EchoSet | MapSet, frame: Frame) -> int:
    if frame.plane is None:
        raise ValueError("a planned image has a plane")
    return of.grid.slice_of(frame.plane)


def _common_scale(frames: Sequence[Frame], kind: Kind) -> ValueScale:
    """Return the scale that all images of a volume share."""
    layouts = {(frame.scale, frame.pixels.signed, frame.pixels.bits_stored) for frame in frames}
    if len(layouts) > 1:
        raise QmriError(
            f"the images of the {kind.value} volume do not share one scale",
            where=series_name(frames[0]),
            found=f"{len(layouts)} different rescale values, units or pixel formats",
            expected="one",
            remedy="export the series again from the scanner",
        )
    return frames[0].scale


def _content(path: Path, frame: Frame) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise QmriError(
            "a file could be listed but not read", where=series_name(frame), found=type(error).__name__
        ) from error


def _check_copies(
    image: NDArray[Any], frame: Frame, copies: Mapping[tuple[str, int], Sequence[Frame]]
) -> None:
    for copy in copies.get((frame.instance, frame.index), ()):
        other = decode(_content(copy.path, copy), copy)
        same = other.shape[1:] == image.shape and np.array_equal(other[copy.index], image)
        if not same or copy.hints != frame.hints or copy.scale != frame.scale or copy.plane != frame.plane:
            raise QmriError(
                "two files claim to be the same instance and differ",
                where=series_name(frame),
                expected="copies that are the same image",
                remedy="remove the one that is wrong; one of them has been changed",
            )
