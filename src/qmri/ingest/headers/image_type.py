"""What an image shows: each element of its header that says so is evidence, and is kept.

Voters are the user's override file, the words of ImageType, FrameType and Philips' private
type, GE's (0043,102F), ComplexImageComponent, and the series description. They must agree:
a contradiction, like silence, is for the user to settle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qmri.errors import QmriError
from qmri.ingest.headers.header import Frame, Hints
from qmri.ingest.headers.kinds import COMPONENT_WORDS, GE_COMPONENT, MAP_WORDS, Kind, described_kind
from qmri.ingest.headers.series_names import series_name
from qmri.ingest.selection.overrides import Overrides

GIVEN = "the override file says so"


@dataclass(frozen=True)
class Verdict:
    """What an image was taken for.

    Attributes
    ----------
    kind
        None where nothing tells, or where the evidence contradicts itself.
    evidence
        The elements, in words that hold nothing but DICOM vocabulary.
    conflict
        Whether elements contradict each other.
    """

    kind: Kind | None
    evidence: tuple[str, ...]
    conflict: bool = False

    @property
    def given(self) -> bool:
        """Whether the user has said it."""
        return self.evidence == (GIVEN,)


def judge(frames: Iterable[Frame], overrides: Overrides) -> dict[Frame, Verdict]:
    """Return what each image shows.

    The description speaks for a whole series. Where the images of a series say themselves that
    they differ (water and fat in one series), its description says nothing about any of them.
    """
    by_series: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_series[frame.series].append(frame)
    verdicts: dict[Frame, Verdict] = {}
    for members in by_series.values():
        hints = {frame.hints for frame in members}
        several = len({kind for hint in hints if (kind := map_vote(hint)[0])}) > 1
        given = _given(members, overrides)
        known: dict[tuple[Hints, Kind | None], Verdict] = {}
        for frame in members:
            key = frame.hints, given.get(frame)
            if key not in known:
                known[key] = _verdict(*key, use_description=not several)
            verdicts[frame] = known[key]
    return verdicts


def _given(frames: Sequence[Frame], overrides: Overrides) -> dict[Frame, Kind]:
    """Return what the override file says about the images of a series."""
    given: dict[Frame, Kind] = {}
    turns: dict[tuple[float, float | None, tuple[Kind, ...]], list[Frame]] = defaultdict(list)
    for frame in frames:
        kinds = overrides.kinds_of(frame)
        if len(kinds) == 1:
            given[frame] = kinds[0]
        elif kinds and frame.plane:
            turns[round(frame.plane.depth, 2), frame.echo_time_ms, kinds].append(frame)
    for (_, _, kinds), members in turns.items():
        if len(members) != len(kinds):
            raise QmriError(
                "the override file names another number of types than there are images",
                where=series_name(members[0]),
                found=f"{len(members)} images at a position and echo time",
                expected="one type for each of them",
            )
        order = sorted(members, key=lambda frame: (frame.instance_number or 0, frame.index))
        given.update(zip(order, kinds, strict=True))
    return given


def map_vote(hints: Hints) -> tuple[Kind | None, tuple[str, ...], bool]:
    """Return the map that the words of the image types name, the evidence, and whether they contradict."""
    found: dict[Kind, list[str]] = defaultdict(list)
    for name, words in _typed_words(hints).items():
        kinds = {MAP_WORDS[word]: word for word in words if word in MAP_WORDS}
        if Kind.PDFF in kinds:
            kinds.pop(Kind.FAT, None)  # FAT_FRACTION is written beside FAT
        for kind, word in kinds.items():
            found[kind].append(f"{name} has {word}")
    evidence = tuple(text for texts in found.values() for text in texts)
    return (next(iter(found)) if len(found) == 1 else None), evidence, len(found) > 1


def component_vote(hints: Hints) -> tuple[Kind | None, tuple[str, ...], bool]:
    """Return the part of complex data that the header names, the evidence, and whether it contradicts."""
    found: dict[Kind, list[str]] = defaultdict(list)
    if hints.ge_component is not None:
        if hints.ge_component not in GE_COMPONENT:
            return None, (f"(0043,102F) is {hints.ge_component}, which has no known meaning",), False
        found[GE_COMPONENT[hints.ge_component]].append(f"(0043,102F) is {hints.ge_component}")
    for name, words in _typed_words(hints).items():
        for word in words:
            if word in COMPONENT_WORDS:
                found[COMPONENT_WORDS[word]].append(f"{name} has {word}")
    if hints.component in COMPONENT_WORDS:
        found[COMPONENT_WORDS[hints.component]].append(f"ComplexImageComponent is {hints.component}")
    evidence = tuple(text for texts in found.values() for text in texts)
    return (next(iter(found)) if len(found) == 1 else None), evidence, len(found) > 1


def _verdict(hints: Hints, given: Kind | None, *, use_description: bool) -> Verdict:
    if given is not None:
        return Verdict(given, (GIVEN,))
    named, evidence, conflict = map_vote(hints)
    described = described_kind(hints.description) if use_description else None
    if described is not None:
        evidence += (f"the series description announces {described.value}",)
        if (named is None and not conflict) or (named is Kind.PDFF and described is Kind.OTHER):
            named = described  # a fat fraction that is called uncorrected is no PDFF, whatever its ImageType
        elif not _agree(named, described):
            conflict = True
    component, component_evidence, component_conflict = component_vote(hints)
    if conflict:
        return Verdict(None, evidence, conflict=True)
    if named is not None:
        # A map is written as a magnitude; a field map or a signed fat fraction may be called real.
        if component in (Kind.PHASE, Kind.IMAGINARY) and named is not Kind.OTHER:
            return Verdict(None, evidence + component_evidence, conflict=True)
        return Verdict(named, evidence)
    if component_conflict:
        return Verdict(None, component_evidence, conflict=True)
    return Verdict(component, component_evidence)


def _agree(named: Kind | None, described: Kind) -> bool:
    same_water = {Kind.WATER, Kind.WATER_CORRECTED}
    return named == described or {named, described} == same_water


def _typed_words(hints: Hints) -> Mapping[str, tuple[str, ...]]:
    """Return the words from the third on; the first two tell original and primary from derived."""
    return {
        "ImageType": () if hints.frame_type else hints.image_type[2:],
        "FrameType": hints.frame_type[2:],
        "Philips' image type": hints.philips_type,
    }
