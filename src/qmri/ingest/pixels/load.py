"""Read the pixels of the planned images into arrays, every file once."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.kinds import QUANTITIES, Kind
from qmri.ingest.headers.series_names import series_name
from qmri.ingest.pixels.bits import (
    Words,
    check_one_sign,
    check_sign,
    check_words,
    padded,
    signed_values,
    words_above,
)
from qmri.ingest.pixels.decoding import check_lossless, decode, decode_words, padding_of
from qmri.ingest.pixels.image_scales import (
    OF_EACH_IMAGE,
    Linear,
    check_exceptions,
    scales_in_words,
    volume_scales,
)
from qmri.ingest.selection.echo_set import EchoSet
from qmri.ingest.selection.map_set import MapSet


@dataclass(frozen=True)
class Stored:
    """The stored values of a volume and what turns them into quantities.

    Attributes
    ----------
    values
        float32 array (x, y, z) or (x, y, z, echo), stored values without any scale; already scaled where
        images have scales of their own.
    scale
        The same for every image of the volume.
    frame
        One of its images, for what all of them share.
    """

    values: NDArray[np.float32]
    scale: Linear
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
    warnings
        Sentences about pixels and scales that are not as usual.
    """

    echoes: dict[Kind, Stored]
    maps: Mapping[Kind, Stored]
    digests: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Target:
    """Where the image of a frame goes."""

    frame: Frame
    plane: NDArray[np.float32]
    order: tuple[int, int]


@dataclass
class _Volume:
    """A volume that is being filled, and what its files were found to be."""

    kind: Kind
    block: NDArray[np.float32]
    targets: list[_Target]
    above: Counter[frozenset[Words]] = field(default_factory=Counter)
    surplus: Counter[int] = field(default_factory=Counter)
    padded: int = 0


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
    echo_volumes = _echo_volumes(echoes) if echoes else []
    map_volumes = _map_volumes(maps) if maps else []
    by_file: dict[Path, list[tuple[_Volume, _Target]]] = defaultdict(list)
    for volume in (*echo_volumes, *map_volumes):
        for target in volume.targets:
            check_lossless(target.frame)
            by_file[target.frame.path].append((volume, target))
    digests = [_fill_from(path, wanted, copies) for path, wanted in by_file.items()]
    warnings: list[str] = []
    loaded_echoes = {volume.kind: _finished(volume, warnings) for volume in echo_volumes}
    loaded_maps = {volume.kind: _finished(volume, warnings) for volume in map_volumes}
    return Loaded(loaded_echoes, loaded_maps, tuple(sorted(digests)), tuple(warnings))


def _echo_volumes(echoes: EchoSet) -> list[_Volume]:
    columns, rows, slices = echoes.grid.shape
    times = echoes.echo_times_ms
    volumes = []
    for kind in sorted({*echoes.used_kinds, *(echoes.kinds & {Kind.MAGNITUDE})}):
        # Laid out as the files are, image by image; the transpose is (x, y, z, echo).
        block = np.empty((len(times), slices, rows, columns), dtype=np.float32)
        targets = [
            _Target(frame, block[echo, index], (echo, index))
            for echo, time in enumerate(times)
            for frame in echoes.images[kind, time]
            for index in (_slice(echoes, frame),)
        ]
        volumes.append(_Volume(kind, block, targets))
    return volumes


def _map_volumes(maps: MapSet) -> list[_Volume]:
    columns, rows, slices = maps.grid.shape
    volumes = []
    for kind, frames in maps.images.items():
        block = np.empty((slices, rows, columns), dtype=np.float32)
        targets = [
            _Target(frame, block[index], (0, index)) for frame in frames for index in (_slice(maps, frame),)
        ]
        volumes.append(_Volume(kind, block, targets))
    return volumes


def _fill_from(
    path: Path,
    wanted: Sequence[tuple[_Volume, _Target]],
    copies: Mapping[tuple[str, int], Sequence[Frame]],
) -> str:
    """Put the images of a file into their volumes; return the checksum of the file."""
    first = wanted[0][1].frame
    content = _content(path, first)
    words = decode_words(content, first)
    values = signed_values(words, first.pixels) if first.pixels.kind == "integer" else words
    surplus = padding_of(content, first)
    for volume, target in wanted:
        index = target.frame.index
        target.plane[:] = values[index]
        volume.above[words_above(words[index], first.pixels)] += 1
        volume.surplus[surplus] += 1
        without_value = padded(words[index], first.pixels)
        if without_value is not None:
            volume.padded += int(without_value.sum())
            target.plane[without_value] = np.nan if volume.kind in QUANTITIES else 0.0
        _check_copies(values[index], target.frame, copies)
    return hashlib.sha256(content).hexdigest()


def _finished(volume: _Volume, warnings: list[str]) -> Stored:
    """Check the values of a volume against the headers of its images, and scale images that differ."""
    targets = sorted(volume.targets, key=lambda target: target.order)
    frames, kind = [target.frame for target in targets], volume.kind
    found = frozenset(word for words in volume.above for word in words)
    beyond = sum(count for words, count in volume.above.items() if words - {Words.EXTENDED})
    check_words(found, kind, frames[0], beyond)
    check_sign(volume.block, kind, frames[0])
    check_one_sign(frames, kind)
    warnings += _warnings(volume, frames)
    scales = volume_scales(frames, kind)
    if len(set(scales)) == 1:
        return Stored(volume.block.T, scales[0], frames[0])
    for target, scale in zip(targets, scales, strict=True):
        target.plane[:] = scale.of(target.plane, target.frame)
    levels = [float(np.nanpercentile(np.abs(target.plane), 95)) for target in targets]
    check_exceptions(scales, levels, [target.order[0] for target in targets], kind, frames[0])
    warnings.append(scales_in_words(scales, kind))
    unit = next((scale.unit for scale in scales if scale.unit), "")
    return Stored(volume.block.T, Linear(1.0, 0.0, scales[0].source + OF_EACH_IMAGE, unit), frames[0])


def _warnings(volume: _Volume, frames: Sequence[Frame]) -> list[str]:
    """Return what a reader must know of the pixels of a volume."""
    warnings = []
    surplus = sum(count for size, count in volume.surplus.items() if size)
    if surplus:
        warnings.append(
            f"{surplus} {volume.kind.value} images have up to {max(volume.surplus)} bytes after their "
            "pixels (7FE0,0010), which were ignored as padding"
        )
    if volume.padded:
        warnings.append(
            f"{volume.padded} pixels of the {volume.kind.value} images hold PixelPaddingValue (0028,0120) "
            "and were taken as without value"
        )
    odd = sum(f.pixels.kind == "integer" and f.pixels.high_bit != f.pixels.bits_stored - 1 for f in frames)
    if odd:
        warnings.append(
            f"HighBit (0028,0102) is not BitsStored - 1 in {odd} {volume.kind.value} images; it was ignored, "
            "since all bits of a word are stored"
        )
    return warnings


def _slice(of: EchoSet | MapSet, frame: Frame) -> int:
    if frame.plane is None:
        raise ValueError("a planned image has a plane")
    return of.grid.slice_of(frame.plane)


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
