"""Whether the flags find bodies that are cut badly, and how many sound ones they tell of.

Simulated spines, real ones, and real ones that collapse or have a wrong point: of the points of each, within
4 mm of the true centres, one is moved as far as to disc or muscle, several times anew. A body is sound from
a Dice of 0.85 on and bad below 0.8. Prints how many of each every check tells of at today's settings, and
how many the confidence would at other limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from collapsed import BESIDE, collapsed_cases
from spines import Case, jittered, real_cases, study_cases

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.checks.label_agreement import dice
from qmri.segment.detect import NetworkDetector
from qmri.segment.reader.seeds import Seeds
from qmri.segment.segmentation import segment_seeded
from qmri.spine.body_flag import BodyFlag
from qmri.spine.levels import LEVEL_NAME

SOUND_DICE, BAD_DICE = 0.85, 0.8
WRONG_BY_MM = (6.0, 20.0)
WRONG_POINTS = 3
"""So many spines are made of each, with one wrong point each."""
LIMITS = (0.6, 0.65, 0.7, 0.74, 0.78, 0.82)
GROUPS = ("simulated", "as they are", "with a wrong point", "collapsed", BESIDE)


@dataclass(frozen=True)
class Judged:
    """One body: its set, overlap and confidence, and the checks that tell of it."""

    group: str
    dice: float
    confidence: float
    checks: frozenset[str]


def with_wrong_point(seeds: Seeds, rng: np.random.Generator) -> Seeds:
    """Return the points with one of them moved."""
    points, away = seeds.points_mm.copy(), rng.standard_normal(3)
    points[rng.integers(len(points))] += rng.uniform(*WRONG_BY_MM) * away / np.linalg.norm(away)
    return replace(seeds, points_mm=points)


def judged(case: Case, seeds: Seeds, group: str, detector: NetworkDetector) -> Iterator[Judged]:
    """Yield what became of each body; nothing where the points are refused."""
    try:
        result = segment_seeded(case.images, seeds, SegmentSettings(), detector)
    except QmriError:
        return
    bodies = {body.name: body for body in result.bodies}
    for number in case.kind:
        body = bodies.get(LEVEL_NAME[number])
        overlap = dice(case.truth == number, result.labels == number)
        flags = body.flags if body else (BodyFlag("missing"),)
        own = BESIDE if case.kind[number] == BESIDE else group
        told = {flag.name for flag in flags} - {"field_of_view"}
        yield Judged(own, overlap, (body and body.confidence) or 0.0, frozenset(told))


def print_confidence(data: Path, kinds: Sequence[str], spines: int | None, patients: int) -> None:
    """Print the tables."""
    rng, detector = np.random.default_rng(0), NetworkDetector()
    rows: list[Judged] = []
    for case in study_cases(patients):
        rows += judged(case, jittered(case), "simulated", detector)
    for case in real_cases(data, spines):
        seeds = jittered(case)
        rows += judged(case, seeds, "as they are", detector)
        for _ in range(WRONG_POINTS):
            rows += judged(case, with_wrong_point(seeds, rng), "with a wrong point", detector)
    for collapsed in collapsed_cases(data, kinds, spines):
        rows += judged(collapsed.case, jittered(collapsed.case), "collapsed", detector)
    print_groups(rows)
    print_checks(rows)
    print_limits(rows)


def print_groups(rows: Sequence[Judged]) -> None:
    """Print how many bodies of each set any check tells of."""
    print("| spines | sound, told | between, told | bad, told |")
    print("|---|---|---|---|")
    for group in (*GROUPS, "all"):
        own = [row for row in rows if group in (row.group, "all")]
        print(f"| {group} | {' | '.join(told_of(part, bool) for part in by_dice(own))} |")


def print_checks(rows: Sequence[Judged]) -> None:
    """Print for each check how many bodies it tells of, and how many it alone."""
    print("\n| check | sound, told | between, told | bad, told | alone: sound, between, bad |")
    print("|---|---|---|---|---|")
    for check in sorted(set(chain.from_iterable(row.checks for row in rows))):
        parts = by_dice(rows)
        alone = [sum(row.checks == {check} for row in part) for part in parts]
        cells = [told_of(part, lambda checks, own=check: own in checks) for part in parts]
        print(f"| {check} | {' | '.join(cells)} | {', '.join(map(str, alone))} |")


def print_limits(rows: Sequence[Judged]) -> None:
    """Print how many bodies have a confidence below each limit."""
    print("\n| confidence below | sound | between | bad |")
    print("|---|---|---|---|")
    for limit in LIMITS:
        below = [sum(row.confidence < limit for row in part) for part in by_dice(rows)]
        print(f"| {limit} | {' | '.join(map(str, below))} |")


def by_dice(rows: Sequence[Judged]) -> tuple[list[Judged], list[Judged], list[Judged]]:
    """Return the sound bodies, those between, and the bad ones."""
    return (
        [row for row in rows if row.dice >= SOUND_DICE],
        [row for row in rows if BAD_DICE <= row.dice < SOUND_DICE],
        [row for row in rows if row.dice < BAD_DICE],
    )


def told_of(rows: Sequence[Judged], told: Callable[[frozenset[str]], bool]) -> str:
    """Return of how many bodies the checks tell, as ``3 of 40``."""
    return f"{sum(told(row.checks) for row in rows)} of {len(rows)}"
