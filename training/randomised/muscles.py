"""Muscles beside the spine in shapes that no anatomist drew: so that an outline is found, not remembered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qmri.simulate.anatomy import Spine
from qmri.simulate.anatomy.muscles.muscle import Muscle, Muscles
from qmri.spine.tissue_labels import LEFT, MUSCLES, RIGHT
from randomised.ingredients import Style

Rng = np.random.Generator

# Keeps what is drawn here apart from what else the seed of the trunk makes.
STREAM = 7
# Of spines that show muscles, by what is odd about them.
SHARE_BARE = {"crude": 0.35}
BARE_ELSE = 0.04
# Of the rest, those left as the anatomy model drew them.
SHARE_NATURAL = {"crude": 0.0}
NATURAL_ELSE = 0.6
SHARE_STRAIGHT = {"crude": 0.6}
STRAIGHT_ELSE = 0.12
SHARE_DROPPED = 0.12
SHARE_ONE_SIDED = 0.04
SHARE_IN_MUSCLE = 0.12
SHARE_MERGED = 0.15
SHARE_TWO_LOBES = 0.25
MOST_FAT = 0.8
# Where no fat parts muscles from what they lie in, a septum does.
LEAST_SEPTUM_MM = 1.2


def vary_muscles(spine: Spine, style: Style) -> Spine:
    """Redraw the muscles of most spines: size, place, form, fat far beyond nature, lobes, some or all absent.

    The random numbers are those of the trunk's own seed, so that nothing else changes with them.
    """
    rng = np.random.default_rng([spine.trunk.seed, STREAM])
    if rng.random() < SHARE_BARE.get(style, BARE_ELSE):
        return replace(spine, muscles=Muscles())
    if rng.random() < SHARE_NATURAL.get(style, NATURAL_ELSE):
        return spine
    straight = rng.random() < SHARE_STRAIGHT.get(style, STRAIGHT_ELSE)
    absent = {(name, side) for name in MUSCLES if rng.random() < SHARE_DROPPED for side in (RIGHT, LEFT)}
    if rng.random() < SHARE_ONE_SIDED:
        absent |= {(name, str(rng.choice([RIGHT, LEFT]))) for name in MUSCLES}
    in_muscle, merged = rng.random() < SHARE_IN_MUSCLE, rng.random() < SHARE_MERGED
    changes = {name: _Change(rng) for name in MUSCLES}
    alike = float(rng.uniform(0.0, MOST_FAT))
    each: list[Muscle] = []
    for muscle in spine.muscles.each:
        if (muscle.name, muscle.side) in absent:
            continue
        changed = changes[muscle.name].of(_straight(muscle) if straight else muscle)
        if merged:
            changed = replace(changed, septum_mm=0.0, fat=np.full(len(changed.fat), alike), cleft=None)
        if in_muscle:
            changed = replace(changed, septum_mm=max(changed.septum_mm, LEAST_SEPTUM_MM))
        each += changes[muscle.name].lobes(changed)
    reach = 0.0 if in_muscle else spine.muscles.reach_mm * float(rng.uniform(0.9, 1.6))
    return replace(spine, muscles=replace(spine.muscles, each=tuple(each), reach_mm=reach))


class _Change:
    """What is changed about a muscle, alike on both sides."""

    def __init__(self, rng: Rng) -> None:
        self._across, self._along = rng.uniform(0.65, 1.35, 2)
        self._aside, self._ahead = rng.uniform(-5.0, 5.0, 2)
        self._square = float(rng.uniform(0.0, 1.0))
        self._turn = float(rng.uniform(-25.0, 25.0))
        self._fat = float(rng.uniform(0.0, MOST_FAT)) if rng.random() < 0.4 else None
        self._streaks = float(rng.choice([0.0, rng.uniform(0.0, 1.0)]))
        self._septum = float(rng.uniform(0.0, 4.0))
        self._ripple = float(rng.choice([0.0, rng.uniform(0.0, 0.12)]))
        self._phase = float(rng.uniform(0.0, 2 * np.pi))
        self._lobes = rng.random() < SHARE_TWO_LOBES
        self._part = float(rng.uniform(0.35, 0.65))

    def of(self, muscle: Muscle) -> Muscle:
        """Return the muscle changed; its sections swell and narrow along it."""
        wave = 1 + self._ripple * np.sin(self._phase + 2.5 * np.arange(len(muscle.heights_mm)))
        across = muscle.half_across_mm * self._across * wave
        # The medial end stays beside the midline or the bodies.
        inner = muscle.aside_mm - muscle.half_across_mm
        return replace(
            muscle,
            aside_mm=np.maximum(inner + self._aside, 1.0) + across,
            ahead_mm=muscle.ahead_mm + self._ahead,
            half_across_mm=across,
            half_along_mm=muscle.half_along_mm * self._along * wave,
            square=self._square,
            turn_deg=self._turn,
            fat=muscle.fat if self._fat is None else np.full(len(muscle.fat), self._fat),
            streaks=self._streaks,
            septum_mm=self._septum,
        )

    def lobes(self, muscle: Muscle) -> list[Muscle]:
        """Return the muscle, or its two parts side by side with a septum between."""
        if not self._lobes:
            return [muscle]
        inner = muscle.aside_mm - muscle.half_across_mm
        first, second = self._part * muscle.half_across_mm, (1 - self._part) * muscle.half_across_mm
        medial = replace(muscle, aside_mm=inner + first, half_across_mm=first, turn_deg=0.0)
        lateral = replace(muscle, aside_mm=inner + 2 * first + second, half_across_mm=second, turn_deg=0.0)
        return [medial, lateral]


def _straight(muscle: Muscle) -> Muscle:
    """Give a muscle one section from end to end, as a phantom has it."""

    def level(values: np.ndarray) -> np.ndarray:
        return np.full(len(values), values.mean())

    return replace(
        muscle,
        aside_mm=level(muscle.aside_mm),
        ahead_mm=level(muscle.ahead_mm),
        half_across_mm=level(muscle.half_across_mm),
        half_along_mm=level(muscle.half_along_mm),
        fat=level(muscle.fat),
        deep=0.0,
        cleft=None,
    )
