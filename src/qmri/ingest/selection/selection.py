"""Which images are used: the echoes and the vendor maps of one acquisition, complete, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from qmri.errors import QmriError
from qmri.ingest.folder.scan import Scan
from qmri.ingest.headers.deviations import oddities
from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.image_type import Verdict, judge
from qmri.ingest.headers.kinds import Kind, is_uncorrected
from qmri.ingest.headers.series_names import remedy_for, remedy_to_choose, series_name, series_names
from qmri.ingest.selection.echo_set import EchoSet
from qmri.ingest.selection.find_echoes import find_echo_sets
from qmri.ingest.selection.map_set import MapSet, find_map_sets
from qmri.ingest.selection.overrides import Overrides
from qmri.ingest.selection.same_scan import POSITION, SEQUENCE, TIME, differences, differences_in_words
from qmri.ingest.selection.stacks import check_whole_series, stacks_of
from qmri.ingest.selection.twins import without_twins
from qmri.ingest.selection.unused_images import account, counted_notes, suggested_turns

MOST_REPORTED = 8
MOST_SERIES = 12


@dataclass(frozen=True)
class Plan:
    """What will be read.

    Attributes
    ----------
    echoes, maps
        At least one of the two.
    verdicts
        What every image of the folder was taken for.
    warnings
        Sentences about what was left out.
    left_out
        Series with images that were not used, with their number and what they were taken for; JSON values.
    """

    echoes: EchoSet | None
    maps: MapSet | None
    verdicts: Mapping[Frame, Verdict]
    warnings: tuple[str, ...]
    left_out: tuple[Mapping[str, object], ...] = ()

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All images that are read."""
        return (*(self.echoes.frames if self.echoes else ()), *(self.maps.frames if self.maps else ()))


class NothingUsableError(QmriError):
    """A folder holds neither echoes nor a fat fraction map."""


def make_plan(scan: Scan, overrides: Overrides) -> Plan:
    """Choose the images of one examination from the headers of its folder.

    Raises
    ------
    QmriError
        If headers contradict themselves, nothing or more than one acquisition is usable, or
        what is usable is not complete.
    """
    everything = [overrides.with_given_bits(frame) for frame in scan.frames]
    verdicts = judge(everything, overrides)
    frames = [frame for frame in everything if verdicts[frame].kind is not Kind.IGNORE]
    with naming_oddities(scan, frames):
        return _plan(frames, verdicts, scan)


@contextmanager
def naming_oddities(scan: Scan, frames: Sequence[Frame]) -> Iterator[None]:
    """Add to a refusal what is damaged or odd in the headers, which may be its cause."""
    try:
        yield
    except QmriError as error:
        if not frames:
            raise
        odd = [f"left out as damaged: {reason}" for reason in scan.damage]
        odd += [*(oddities(frames) if not isinstance(error, NothingUsableError) else ()), *scan.warnings]
        odd += [*counted_notes(frames), *(f"left out: {reason}" for reason in scan.others)]
        if odd:
            error.found = "; ".join([*((error.found,) if error.found else ()), *odd[:MOST_REPORTED]])
        raise


def _plan(frames: list[Frame], verdicts: Mapping[Frame, Verdict], scan: Scan) -> Plan:
    frames, twins = without_twins(frames)
    stacks = stacks_of(frames)
    echo_sets = find_echo_sets(frames, verdicts, stacks)
    map_sets = find_map_sets(frames, verdicts, stacks)
    warnings: list[str] = list(twins)
    if map_sets:
        related = [echoes for echoes in echo_sets if _is_related(echoes, map_sets)]
        if len(related) < len(echo_sets):
            warnings.append("a multi-echo series of another sequence than the vendor's maps was left out")
        echo_sets = related
    if len(echo_sets) > 1 and any(echoes.is_water_fat for echoes in echo_sets):
        echo_sets = [echoes for echoes in echo_sets if echoes.is_water_fat]
    _refuse_several("echo acquisitions", [echoes.frames for echoes in echo_sets])
    _refuse_several("fat fraction maps", [maps.frames for maps in map_sets])
    echoes = echo_sets[0] if echo_sets else None
    maps = map_sets[0] if map_sets else None
    warnings += _conflicts(frames, verdicts, stacks, echoes, maps)
    if echoes is None and maps is None:
        raise _nothing_usable(frames, verdicts, scan)
    if echoes is not None and maps is not None:
        _check_together(echoes, maps, warnings)
    if echoes is not None:
        echoes.check()
        warnings.extend(echoes.warnings)
    if maps is not None:
        maps.check()
        warnings.extend(maps.warnings)
    used = [*(echoes.frames if echoes else ()), *(maps.frames if maps else ())]
    check_whole_series(frames, used, verdicts)
    left_out, more = account(frames, used, verdicts, stacks)
    return Plan(echoes, maps, verdicts, (*warnings, *more), left_out)


def _check_together(echoes: EchoSet, maps: MapSet, warnings: list[str]) -> None:
    """Refuse echoes and maps that cannot be of one examination; tell if they may be of two scans."""
    if not echoes.belongs_to(maps):
        raise QmriError(
            "the echoes and the vendor's maps are not of one acquisition",
            found=f"echoes in {series_names(echoes.frames)}, maps in {series_names(maps.frames)}",
            expected="the same study, frame of reference, orientation and place",
            remedy=remedy_for(maps.frames[0], "ignore"),
        )
    found = differences(echoes.frames[0], maps.images[Kind.PDFF][0], (*SEQUENCE, TIME, POSITION))
    if found:
        warnings.append(
            f"the vendor's maps are of another scan than the echoes: {differences_in_words(found)}"
        )


def _is_related(echoes: EchoSet, map_sets: list[MapSet]) -> bool:
    """Tell whether echoes are made for water and fat, or are of the sequence that the maps come from."""
    same = (echoes.belongs_to(maps) and echoes.is_sequence_of(maps) for maps in map_sets)
    return echoes.is_water_fat or any(same)


def _conflicts(
    frames: list[Frame],
    verdicts: Mapping[Frame, Verdict],
    stacks: Mapping[Frame, int],
    echoes: EchoSet | None,
    maps: MapSet | None,
) -> list[str]:
    """Return a warning for series that contradict themselves and lie elsewhere; refuse those that matter."""
    used = [*(echoes.frames if echoes else ()), *(maps.frames if maps else ())]
    places = {stacks[frame] for frame in used}
    contradictory = [frame for frame in frames if verdicts[frame].conflict]
    for frame in contradictory:
        if not used or stacks.get(frame) in places:
            raise QmriError(
                f"the headers of {series_name(frame)} contradict each other about what the images show",
                found="; ".join(verdicts[frame].evidence),
                expected="elements that agree",
                remedy=remedy_for(frame),
            )
    numbers = sorted({str(frame.series_number) for frame in contradictory})
    return [f"series {number} was left out: its headers contradict each other" for number in numbers]


def _refuse_several(what: str, candidates: list[tuple[Frame, ...]]) -> None:
    if len(candidates) > 1:
        raise QmriError(
            f"the folder holds several usable {what}; which one is meant is not for the program to guess",
            found="; ".join(
                f"{series_names(frames)} ({len({f.plane.depth for f in frames if f.plane})} slices)"
                for frames in candidates
            ),
            expected="one",
            remedy=remedy_to_choose([frames[0] for frames in candidates]),
        )


def _nothing_usable(frames: list[Frame], verdicts: Mapping[Frame, Verdict], scan: Scan) -> NothingUsableError:
    by_series: dict[str, list[Frame]] = {}
    for frame in frames:
        by_series.setdefault(frame.series, []).append(frame)
    described = [_described(members, verdicts) for members in by_series.values()]
    described = described[:MOST_SERIES] + ["..."] * (len(described) > MOST_SERIES)
    if not frames:
        there = [f"damaged: {reason}" for reason in scan.damage] + list(scan.others)
        return NothingUsableError(
            "the folder holds no MR images",
            found="; ".join(there) or "no DICOM",
            expected="echoes or vendor maps of a water-fat acquisition, as MR Image Storage",
            remedy="check dicom_dir; qmri ingest --list shows what the files are; screenshots and secondary "
            "captures hold no quantities: export the original images",
        )
    undecided = [frame for frame in frames if verdicts[frame].kind is None]
    timeless = sum(
        frame.echo_time_ms is None for frame in frames if (k := verdicts[frame].kind) and k.is_component
    )
    if undecided:
        described.append(
            f"ImageType (0008,0008), SeriesDescription (0008,103E) and (0043,102F), which is read where "
            f"Manufacturer (0008,0070) is GE, do not say what {len(undecided)} images show"
        )
    uncorrected = [
        f for f in frames if verdicts[f].kind is Kind.OTHER and is_uncorrected(f.hints.description)
    ]
    if uncorrected:
        described.append(f"{series_names(uncorrected)} is called a fat fraction without correction, no PDFF")
    if timeless:
        described.append(f"EchoTime (0018,0081) is absent in {timeless} images of echoes")
    example = undecided[0] if undecided else frames[0]
    return NothingUsableError(
        "nothing in the folder can be recognised as echoes or a fat fraction map",
        found="; ".join(described),
        expected="three or more echo times of one gradient echo, or a fat fraction map",
        remedy=remedy_for(example, suggested_turns(by_series[example.series])),
    )


def _described(frames: list[Frame], verdicts: Mapping[Frame, Verdict]) -> str:
    """Return a series with what it holds."""
    kinds = sorted({kind.value if (kind := verdicts[f].kind) else "type not known" for f in frames})
    times = {frame.echo_time_ms for frame in frames}
    return f"{series_name(frames[0])}: {' and '.join(kinds)}, {len(times)} echo time{'s' * (len(times) > 1)}"
