"""Do the flags find bodies that are cut badly? Real spines, collapsed ones, and ones with a wrong point.

A body is cut badly below a Dice of 0.8. Of the points of each real spine, within 4 mm of the true centres,
one is then moved as far as to disc or muscle. Prints for each set how many bad bodies, and how many others,
the confidence finds at several limits, and the brightness and all flags do at today's settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from collapsed import BESIDE, collapsed_cases
from spines import Case, dice, jittered, real_cases

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.detect import NetworkDetector
from qmri.segment.reader.seeds import Seeds
from qmri.segment.segmentation import segment_seeded
from qmri.spine.levels import LEVEL_NAME

BAD_DICE = 0.8
WRONG_BY_MM = (6.0, 20.0)
LIMITS = (0.4, 0.5, 0.6, 0.65, 0.7, 0.75)


@dataclass(frozen=True)
class Judged:
    """One body: its set, overlap and confidence, and whether its brightness or any flag tells of it."""

    group: str
    dice: float
    confidence: float
    bright: bool
    flagged: bool


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
        flags = body.flags if body else ("missing",)
        own = BESIDE if case.kind[number] == BESIDE else group
        bright = any(flag.startswith("brightness") for flag in flags)
        told = any(not flag.startswith("field_of_view") for flag in flags)
        yield Judged(own, overlap, (body and body.confidence) or 0.0, bright, told)


def print_confidence(data: Path, kinds: Sequence[str], spines: int | None) -> None:
    """Print the table."""
    rng, detector = np.random.default_rng(0), NetworkDetector()
    rows: list[Judged] = []
    for case in real_cases(data, spines):
        seeds = jittered(case)
        rows += judged(case, seeds, "as they are", detector)
        rows += judged(case, with_wrong_point(seeds, rng), "with a wrong point", detector)
    for collapsed in collapsed_cases(data, kinds, spines):
        rows += judged(collapsed.case, jittered(collapsed.case), "collapsed", detector)
    heads = (f"below {limit}" for limit in LIMITS)
    print(f"| spines | bad of all | {' | '.join(heads)} | brightness | any flag |")
    print("|---" * (len(LIMITS) + 4) + "|")
    for group in ("as they are", "with a wrong point", "collapsed", BESIDE):
        print_row(group, [row for row in rows if row.group == group])
    print_row("all", rows)


def print_row(group: str, rows: Sequence[Judged]) -> None:
    bad = np.array([row.dice < BAD_DICE for row in rows])
    confidence = np.array([row.confidence for row in rows])
    told = [confidence < limit for limit in LIMITS]
    told += [np.array([row.bright for row in rows]), np.array([row.flagged for row in rows])]
    cells = [f"{np.sum(bad & each)} and {np.sum(~bad & each)}" for each in told]
    print(f"| {group} | {bad.sum()} of {len(bad)} | {' | '.join(cells)} |", flush=True)
