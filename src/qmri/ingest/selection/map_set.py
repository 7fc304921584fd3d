"""The maps that a scanner computed: fat fraction, and what belongs to it on the same grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.image_type import Verdict
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.plane import StackGrid
from qmri.ingest.headers.series_names import remedy_to_choose, series_names, series_number
from qmri.ingest.selection.same_scan import differences, differences_in_words, same_protocol
from qmri.ingest.selection.stacks import grid_of, missing_slices


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
    def grid(self) -> StackGrid:
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
                    candidates = _of_one_scan(kind, by_series, fat_fraction[0], verdicts, warnings)
                    _attach(kind, candidates, fat_fraction[0], images, warnings)
            sets.append(MapSet(images, tuple(warnings)))
    return sets


def _of_one_scan(
    kind: Kind,
    by_series: Mapping[str, Sequence[Frame]],
    reference: Frame,
    verdicts: Mapping[Frame, Verdict],
    warnings: list[str],
) -> list[Sequence[Frame]]:
    """Return the series whose headers do not name another scan than that of the fat fraction map."""
    kept = []
    for frames in by_series.values():
        found = differences(frames[0], reference)
        if not found:
            kept.append(frames)
            continue
        name = f"{series_number(frames[0])} ({kind.value})"
        if verdicts[frames[0]].given:
            kept.append(frames)
            warnings.append(
                f"{name} was taken because the override file names it, though its headers are "
                f"of another scan than the fat fraction map: {differences_in_words(found)}"
            )
        else:
            warnings.append(
                f"{name} was left out, since its headers are of another scan than the fat fraction map: "
                f"{differences_in_words(found)}; if they belong together, say in the override file that it "
                f"is {kind.value}"
            )
    return kept


def _attach(
    kind: Kind,
    candidates: list[Sequence[Frame]],
    reference: Frame,
    images: dict[Kind, tuple[Frame, ...]],
    warnings: list[str],
) -> None:
    """Add the images of a kind that belong to a fat fraction map: by series, time, then description."""
    if not candidates:
        return
    for belongs in (_same_series, _same_time, same_protocol):
        if len(candidates) > 1:
            candidates = [frames for frames in candidates if belongs(frames[0], reference)] or candidates
    if len(candidates) == 1:
        only = candidates[0][0]
        if not any(belongs(only, reference) for belongs in (_same_series, _same_time, same_protocol)):
            warnings.append(
                f"nothing says that {series_number(only)} ({kind.value}) is of the scan of the fat fraction "
                "map: there is no AcquisitionTime (0008,0032) and the descriptions differ"
            )
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
