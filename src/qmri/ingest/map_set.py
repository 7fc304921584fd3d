"""The maps that a scanner computed: fat fraction, and what belongs to it on the same grid."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from qmri.errors import QmriError
from qmri.ingest.header import Frame
from qmri.ingest.kinds import DESCRIPTIONS, Kind
from qmri.ingest.naming import remedy_to_choose, series_names
from qmri.ingest.plane import Grid
from qmri.ingest.stacks import grid_of, missing_slices
from qmri.ingest.votes import Verdict


@dataclass(frozen=True)
class MapSet:
    """The maps of one acquisition.

    Attributes
    ----------
    images
        Kind of map to the images of its slices, in no order. There is a fat fraction.
    warnings
        Sentences about maps that could not be attached.
    """

    images: Mapping[Kind, tuple[Frame, ...]]
    warnings: tuple[str, ...] = ()

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """All images."""
        return tuple(frame for frames in self.images.values() for frame in frames)

    @cached_property
    def grid(self) -> Grid:
        """Where the slices lie."""
        return grid_of(self.frames)

    def check(self) -> None:
        """Check that every map has every slice once.

        Raises
        ------
        QmriError
            If not.
        """
        for kind, frames in self.images.items():
            lacking = missing_slices(frames, self.grid, f"{kind.value} map")
            if lacking:
                raise QmriError(
                    "the vendor's maps are not complete",
                    where=series_names(frames),
                    found=f"the {kind.value} map lacks slice "
                    + ", ".join(str(number) for number in lacking[:10]),
                    expected=f"{self.grid.shape[2]} slices of every map",
                    remedy="export the series again, complete",
                )


def find_map_sets(
    frames: Sequence[Frame], verdicts: Mapping[Frame, Verdict], stacks: Mapping[Frame, int]
) -> list[MapSet]:
    """Return the fat fraction maps of a folder with the other maps of their stacks."""
    by_stack: dict[int, dict[Kind, dict[str, list[Frame]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for frame in frames:
        kind = verdicts[frame].kind
        if kind is not None and kind.is_map and frame in stacks:
            by_stack[stacks[frame]][kind][frame.series].append(frame)
    sets = []
    for by_kind in by_stack.values():
        for fat_fraction in by_kind.get(Kind.PDFF, {}).values():
            images: dict[Kind, tuple[Frame, ...]] = {Kind.PDFF: tuple(fat_fraction)}
            warnings: list[str] = []
            for kind, by_series in by_kind.items():
                if kind is not Kind.PDFF:
                    _attach(kind, by_series, fat_fraction[0], images, warnings)
            sets.append(MapSet(images, tuple(warnings)))
    return sets


def _attach(
    kind: Kind,
    by_series: Mapping[str, Sequence[Frame]],
    reference: Frame,
    images: dict[Kind, tuple[Frame, ...]],
    warnings: list[str],
) -> None:
    """Add the images of a kind that belong to a fat fraction map: by series, time, then description."""
    candidates = list(by_series.values())
    for belongs in (_same_series, _same_time, _same_protocol):
        if len(candidates) > 1:
            candidates = [frames for frames in candidates if belongs(frames[0], reference)] or candidates
    if len(candidates) == 1:
        images[kind] = tuple(candidates[0])
        return
    everything = [frame for frames in candidates for frame in frames]
    if kind in (Kind.R2STAR, Kind.T2STAR):
        raise QmriError(
            f"several {kind.value} maps could belong to the fat fraction map",
            found=series_names(everything),
            expected="one",
            remedy=remedy_to_choose([frames[0] for frames in candidates]),
        )
    warnings.append(f"{len(candidates)} series of type {kind.value} could belong to the maps; none was used")


def _same_series(one: Frame, two: Frame) -> bool:
    return one.series == two.series


def _same_time(one: Frame, two: Frame) -> bool:
    return bool(one.time) and one.time == two.time


def _same_protocol(one: Frame, two: Frame) -> bool:
    return _protocol(one) == _protocol(two)


def _protocol(frame: Frame) -> str:
    """Return the description without the words that tell the type, so that those of one scan agree."""
    text = frame.hints.description
    for pattern, _ in DESCRIPTIONS:
        text = pattern.sub("", text, count=1) if pattern.match(text) else text
    return re.sub(r"[^a-z0-9]", "", text.casefold())
