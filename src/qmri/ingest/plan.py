"""Which images are used: the echoes and the vendor maps of one acquisition, complete, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qmri.errors import QmriError
from qmri.ingest.echo_set import FEWEST_ECHOES, EchoSet, find_echo_sets
from qmri.ingest.header import Frame
from qmri.ingest.kinds import Kind
from qmri.ingest.map_set import MapSet, find_map_sets
from qmri.ingest.naming import remedy_for, remedy_to_choose, series_name, series_names
from qmri.ingest.overrides import Overrides
from qmri.ingest.scan import Scan
from qmri.ingest.stacks import check_whole_series, stacks_of
from qmri.ingest.votes import Verdict, judge


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
    """

    echoes: EchoSet | None
    maps: MapSet | None
    verdicts: Mapping[Frame, Verdict]
    warnings: tuple[str, ...]


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
    everything = [overrides.told_bits(frame) for frame in scan.frames]
    verdicts = judge(everything, overrides)
    frames = [frame for frame in everything if verdicts[frame].kind is not Kind.IGNORE]
    stacks = stacks_of(frames)
    echo_sets = find_echo_sets(frames, verdicts, stacks)
    map_sets = find_map_sets(frames, verdicts, stacks)
    warnings: list[str] = []
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
        raise _nothing_usable(frames, verdicts)
    if echoes is not None and maps is not None and not echoes.belongs_to(maps):
        raise QmriError(
            "the echoes and the vendor's maps are not of one acquisition",
            found=f"echoes in {series_names(echoes.frames)}, maps in {series_names(maps.frames)}",
            expected="the same study, frame of reference, orientation and place",
            remedy=remedy_for(maps.frames[0], "ignore"),
        )
    if echoes is not None:
        echoes.check()
    if maps is not None:
        maps.check()
        warnings.extend(maps.warnings)
    used = [*(echoes.frames if echoes else ()), *(maps.frames if maps else ())]
    check_whole_series(frames, used, verdicts)
    return Plan(echoes, maps, verdicts, tuple(warnings))


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
                expected="votes that agree",
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


def _nothing_usable(frames: list[Frame], verdicts: Mapping[Frame, Verdict]) -> NothingUsableError:
    by_series: dict[str, list[Frame]] = {}
    for frame in frames:
        by_series.setdefault(frame.series, []).append(frame)
    described = [_described(members, verdicts) for members in by_series.values()]
    if not frames:
        return NothingUsableError(
            "the folder holds no MR images",
            expected="echoes or vendor maps of a water-fat acquisition",
            remedy="check dicom_dir; qmri ingest --list shows what the files are",
        )
    undecided = [frame for frame in frames if verdicts[frame].kind is None]
    example = undecided[0] if undecided else frames[0]
    return NothingUsableError(
        "nothing in the folder can be told to be echoes or a fat fraction map",
        found="; ".join(described[:12]) + ("; ..." if len(described) > 12 else ""),
        expected="three or more echo times of one gradient echo, or a fat fraction map",
        remedy=remedy_for(example, _suggested_turns(by_series[example.series])),
    )


def _suggested_turns(frames: list[Frame]) -> str:
    """Return the types that the echoes of a series may show in turn; empty if it has no echoes."""
    times = {frame.echo_time_ms for frame in frames}
    places = {(frame.echo_time_ms, round(frame.plane.depth, 2)) for frame in frames if frame.plane}
    if len(times) < FEWEST_ECHOES or not places:
        return ""
    turns = {1: "magnitude", 2: "[real, imaginary]", 3: "[magnitude, real, imaginary]"}
    suggested = turns.get(len(frames) // len(places), "")
    return f"{suggested}   # if that is their order by instance number" if suggested else ""


def _described(frames: list[Frame], verdicts: Mapping[Frame, Verdict]) -> str:
    """Return a series with what it holds."""
    kinds = sorted({kind.value if (kind := verdicts[f].kind) else "type not known" for f in frames})
    times = {frame.echo_time_ms for frame in frames}
    return f"{series_name(frames[0])}: {' and '.join(kinds)}, {len(times)} echo time{'s' * (len(times) > 1)}"
