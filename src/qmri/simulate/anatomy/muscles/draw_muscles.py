"""Draw the muscles beside the spine: multifidus, erector spinae, psoas and quadratus lumborum of each side.

The multifidus lies beside the spinous processes on the laminae and grows from L1 to S1; the erector spinae
lies lateral and behind it, over the transverse processes, and grows upwards; the psoas leaves the bodies of
the upper lumbar spine and grows down to L5. The multifidus holds the most fat, most of all caudally and at
its deep surface, and an atrophied muscle leaves fat between it and the fascia.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy.muscles.muscle import Muscle, Muscles
from qmri.simulate.anatomy.spine import Body, Trunk
from qmri.spine.tissue_labels import LEFT, RIGHT

Rng = np.random.Generator
Vector = NDArray[np.float64]

# Keeps what is drawn here apart from what else the seed of the trunk makes.
STREAM = 1
SPINOUS_MM = 2.5
LAMINA_MM = 14.0
TRANSVERSE_MM = 8.0
MOST_FAT = 0.85
# Half sizes in mm where a muscle lies, from 0 at the centre of L1 to 1 at that of S1.
MULTIFIDUS_AT = (-0.6, -0.25, 0.0, 0.4, 0.8, 1.0, 1.2, 1.55)
MULTIFIDUS_ACROSS = (4.0, 6.0, 8.0, 12.0, 17.0, 18.0, 15.0, 4.0)
MULTIFIDUS_ALONG = (0.3, 0.5, 0.65, 0.8, 0.95, 0.95, 0.75, 0.2)
ERECTOR_AT = (-1.5, -0.6, 0.0, 0.4, 0.8, 1.0, 1.2, 1.5)
ERECTOR_ACROSS = (15.0, 21.0, 26.0, 25.0, 19.0, 13.0, 8.0, 3.0)
ERECTOR_ALONG = (0.5, 0.7, 0.95, 1.0, 0.9, 0.7, 0.5, 0.2)
# Where the medial end of the erector spinae lies: 0 at the spinous process, 1 beside the multifidus.
ERECTOR_MEDIAL = (0.0, 0.1, 0.25, 0.5, 0.85, 1.0, 1.0, 1.0)
PSOAS_AT = (-0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25)
PSOAS_SIZE = (0.2, 0.5, 0.75, 1.0, 1.1, 1.05, 0.95)
PSOAS_ASIDE = (0.6, 0.7, 0.8, 0.85, 0.95, 1.2, 1.6)
QUADRATUS_AT = (-0.1, 0.1, 0.4, 0.65, 0.8)
QUADRATUS_ASIDE = (26.0, 28.0, 33.0, 40.0, 44.0)
QUADRATUS_ACROSS = (7.0, 9.0, 12.0, 14.0, 13.0)


def draw_muscles(trunk: Trunk, bodies: list[Body]) -> Muscles:
    """Draw the muscles of a trunk, from a stream of random numbers of their own.

    Parameters
    ----------
    trunk
        Sizes, fat and the seed.
    bodies
        All bodies from cranial to caudal, sacrum included.

    Returns
    -------
    Muscles
        None at all where there is no L1 or no S1 to hang them on.
    """
    by_level = {body.level: body for body in bodies}
    if "L1" not in by_level or "S1" not in by_level:
        return Muscles()
    rng = np.random.default_rng([trunk.seed, STREAM])
    frame = _Frame(bodies, by_level["L1"], by_level["S1"])
    atrophy = float(rng.uniform(0.0, 0.4) if rng.random() < 0.6 else 0.0)
    septum = float(rng.uniform(0.3, 2.5))
    fat = trunk.muscle_fat
    each: list[Muscle] = []
    for side in (RIGHT, LEFT):
        size = np.clip(rng.normal(1.0, 0.08, 4), 0.75, 1.25)
        shrunk = 1.0 - float(np.clip(atrophy * rng.normal(1.0, 0.3), 0.0, 0.5))
        share = np.clip(fat * rng.uniform([1.0, 0.6, 0.2, 0.3], [2.2, 1.6, 0.7, 1.0]), 0.0, MOST_FAT)
        # Both sides have one shape: what parts them is size, fat and atrophy.
        shapes = [np.random.default_rng([trunk.seed, STREAM, number]) for number in range(4)]
        multifidus = _multifidus(shapes[0], frame, trunk, _Own(side, size[0] * shrunk, share[0]))
        erector = _erector(shapes[1], frame, trunk, _Own(side, size[1] * (1 + shrunk) / 2, share[1]))
        gap = (1.0 - shrunk) * float(rng.uniform(4.0, 20.0))
        each += [
            _psoas(shapes[2], frame, trunk, _Own(side, size[2], share[2])),
            _quadratus(shapes[3], frame, _Own(side, size[3], share[3])),
        ]
        each += [
            replace(erector, under_fascia_mm=1.0 + 0.5 * gap),
            replace(multifidus, septum_mm=septum, under_fascia_mm=1.0 + gap),
        ]
    widest = max(float((muscle.aside_mm + muscle.half_across_mm).max()) for muscle in each[2::4])
    return Muscles(tuple(each), widest + float(rng.uniform(2.0, 9.0)), float(rng.uniform(0.6, 1.8)))


class _Own(NamedTuple):
    """What a muscle of one side has of its own: its side, its size over the usual one, its share of fat."""

    side: str
    size: float
    fat: float


class _Frame:
    """Heights along the lumbar spine, from 0 at the centre of L1 to 1 at that of S1, and the bodies there."""

    def __init__(self, bodies: list[Body], upper: Body, lower: Body) -> None:
        self.upper_mm, self.lower_mm = float(upper.centre_mm[2]), float(lower.centre_mm[2])
        ascending = sorted(bodies, key=lambda body: float(body.centre_mm[2]))
        self._z = np.array([body.centre_mm[2] for body in ascending])
        self._half_depth = np.array([body.half_depth_mm for body in ascending])
        self._half_width = np.array([body.half_width_mm for body in ascending])

    def heights(self, at: tuple[float, ...]) -> Vector:
        """Heights in mm, ascending; ``at`` descends the spine."""
        return self.upper_mm + np.array(at)[::-1] * (self.lower_mm - self.upper_mm)

    def half_depth(self, heights: Vector) -> Vector:
        """Half depth of the bodies at these heights, mm; (n,)."""
        return np.asarray(np.interp(heights, self._z, self._half_depth))

    def half_width(self, heights: Vector) -> Vector:
        """Half width of the bodies at these heights, mm; (n,)."""
        return np.asarray(np.interp(heights, self._z, self._half_width))


def _multifidus(rng: Rng, frame: _Frame, trunk: Trunk, own: _Own) -> Muscle:
    heights = frame.heights(MULTIFIDUS_AT)
    across = np.array(MULTIFIDUS_ACROSS)[::-1] * own.size * rng.uniform(0.85, 1.25)
    along = np.array(MULTIFIDUS_ALONG)[::-1] * own.size * (trunk.skin_behind_canal_mm + 3.0) / 2
    caudal = np.linspace(1.0, -1.0, len(heights)) * rng.uniform(0.0, 0.5)
    return Muscle(
        "multifidus",
        own.side,
        heights,
        aside_mm=SPINOUS_MM + across,
        ahead_mm=-frame.half_depth(heights) - LAMINA_MM - along,
        half_across_mm=across,
        half_along_mm=along,
        square=float(rng.uniform(0.2, 1.0)),
        turn_deg=float(rng.uniform(-12.0, 12.0)),
        fat=np.clip(own.fat * (1 + caudal), 0.0, MOST_FAT),
        streaks=float(rng.uniform(0.2, 0.8)),
        deep=float(rng.uniform(0.0, 0.6)),
        cleft=None,
        septum_mm=0.0,
        under_fascia_mm=0.0,
    )


def _erector(rng: Rng, frame: _Frame, trunk: Trunk, own: _Own) -> Muscle:
    heights = frame.heights(ERECTOR_AT)
    across = np.array(ERECTOR_ACROSS)[::-1] * own.size * rng.uniform(0.85, 1.15)
    along = np.array(ERECTOR_ALONG)[::-1] * own.size * (trunk.skin_behind_canal_mm + 9.0) / 2
    inner = 2 * np.interp(ERECTOR_AT, MULTIFIDUS_AT, MULTIFIDUS_ACROSS) * np.array(ERECTOR_MEDIAL)
    return Muscle(
        "erector_spinae",
        own.side,
        heights,
        aside_mm=SPINOUS_MM + inner[::-1] + across,
        ahead_mm=-frame.half_depth(heights) - TRANSVERSE_MM - along,
        half_across_mm=across,
        half_along_mm=along,
        square=float(rng.uniform(0.2, 0.9)),
        turn_deg=float(rng.uniform(-5.0, 20.0)),
        fat=np.full(len(heights), own.fat),
        streaks=float(rng.uniform(0.2, 0.7)),
        deep=float(rng.uniform(0.0, 0.4)),
        cleft=(float(rng.uniform(-0.1, 0.5)), float(rng.uniform(0.2, 0.7))) if rng.random() < 0.6 else None,
        septum_mm=0.0,
        under_fascia_mm=0.0,
    )


def _psoas(rng: Rng, frame: _Frame, trunk: Trunk, own: _Own) -> Muscle:
    heights = frame.heights(PSOAS_AT)
    radius = trunk.psoas_mm * own.size * np.array(PSOAS_SIZE)[::-1]
    return Muscle(
        "psoas",
        own.side,
        heights,
        aside_mm=frame.half_width(heights) + np.array(PSOAS_ASIDE)[::-1] * radius,
        ahead_mm=np.array((-8.0, -6.0, -4.0, -2.0, 0.0, 6.0, 16.0))[::-1] + rng.uniform(-4.0, 4.0),
        half_across_mm=0.87 * radius * rng.uniform(0.85, 1.15),
        half_along_mm=1.12 * radius * rng.uniform(0.85, 1.15),
        square=float(rng.uniform(0.0, 0.4)),
        turn_deg=float(rng.uniform(-15.0, 15.0)),
        fat=np.full(len(heights), own.fat),
        streaks=float(rng.uniform(0.2, 0.7)),
        deep=0.0,
        cleft=None,
        septum_mm=float(rng.uniform(0.0, 1.5)),
        under_fascia_mm=0.0,
    )


def _quadratus(rng: Rng, frame: _Frame, own: _Own) -> Muscle:
    heights = frame.heights(QUADRATUS_AT)
    return Muscle(
        "quadratus_lumborum",
        own.side,
        heights,
        aside_mm=frame.half_width(heights) + np.array(QUADRATUS_ASIDE)[::-1] + rng.uniform(-4.0, 4.0),
        ahead_mm=-frame.half_depth(heights) + rng.uniform(-3.0, 3.0),
        half_across_mm=np.array(QUADRATUS_ACROSS)[::-1] * own.size,
        half_along_mm=np.full(len(heights), rng.uniform(6.0, 10.0)) * own.size,
        square=float(rng.uniform(0.2, 1.0)),
        turn_deg=float(rng.uniform(-10.0, 50.0)),
        fat=np.full(len(heights), own.fat),
        streaks=float(rng.uniform(0.2, 0.7)),
        deep=0.0,
        cleft=None,
        septum_mm=float(rng.uniform(0.5, 2.0)),
        under_fascia_mm=0.0,
    )
