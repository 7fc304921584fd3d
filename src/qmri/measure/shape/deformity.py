"""Height loss of a body against itself and its neighbours, and the grade that follows.

Continuous loss first, grade second: the grades of readers agree only moderately (Genant et al. 1993,
10.1002/jbmr.5650080915).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.spine.genant import GRADE_LIMITS_PCT, genant_grade
from qmri.spine.levels import steps_between

DEFORMED_PCT = GRADE_LIMITS_PCT[0]
NEIGHBOURS = 4
REACH = 4
"""The references of a height are at most so many, and at most so many levels away."""

NORMAL_POSTERIOR_MM = {
    **{"T1": 14.1, "T2": 15.6, "T3": 15.7, "T4": 16.2, "T5": 16.2, "T6": 17.4, "T7": 18.2, "T8": 18.7},
    **{"T9": 19.3, "T10": 20.2, "T11": 21.3, "T12": 22.7},
    **{"L1": 23.8, "L2": 24.3, "L3": 23.8, "L4": 24.1, "L5": 22.9},
}
"""Posterior heights of normal bodies (Panjabi et al. 1991, 10.1097/00007632-199108000-00006, and 1992,
10.1097/00007632-199203000-00010); only their ratios count."""

NORMAL_WEDGE_DEG = {
    "T9": 3.8,
    "T10": 3.2,
    "T11": 5.0,
    "T12": 4.2,
    "L1": 3.35,
    "L2": 1.65,
    "L3": 0.1,
    "L4": -1.9,
    "L5": -6.2,
}
"""Sagittal wedging of normal bodies, + ventral: mean of the values of 120 women and 120 men (Masharawi et
al. 2010, 10.1007/s00586-009-1256-6, table 1). No table was found for the levels above; T9 stands for them."""

USUAL_DEPTH = 1.25
"""Depth of a body over its posterior height, by which an angle becomes a ratio."""

LEAST_MIDDLE = 0.88
"""Middle over posterior height is not taken to be usual below this, whatever the neighbours show."""

HEIGHT_ERROR_MM = 0.7
"""Standard error of a height, where the caller does not tell."""

Heights = tuple[float, float, float]


@dataclass(frozen=True)
class HeightLoss:
    """The largest loss of a body.

    Attributes
    ----------
    percent
        Share of the expected height that is missing, percent; negative where the body is taller.
    kind
        ``wedge``, ``biconcave`` or ``crush``.
    error_percent
        Standard error of the loss by the errors of both heights, percent.
    """

    percent: float
    kind: str
    error_percent: float = 0.0

    @property
    def grade(self) -> int:
        """Genant's grade by loss: 0 below 20 %, 1 to 25 %, 2 to 40 %, 3 above."""
        return genant_grade(self.percent)

    @property
    def grade_doubt(self) -> bool:
        """Whether a limit of the grades lies within one standard error of the loss."""
        return any(abs(self.percent - limit) <= self.error_percent for limit in GRADE_LIMITS_PCT)


def usual_wedge_ratio(level: str) -> float:
    """Return the usual anterior over posterior height of a level, read at 15 and 85 % of the depth.

    1 - 0.7 tan(w) d, w the wedging of the level and d depth over posterior height.
    """
    wedging = np.radians(_usual(NORMAL_WEDGE_DEG, level))
    return float(1 - (0.85 - 0.15) * np.tan(wedging) * USUAL_DEPTH)


def usual_heights(level: str) -> NDArray[np.float64]:
    """Return the usual anterior, middle and posterior height (3,) of a level without its hollow, mm."""
    ratio = usual_wedge_ratio(level)
    return _usual(NORMAL_POSTERIOR_MM, level) * np.array([ratio, (ratio + 1) / 2, 1.0])


def _usual(table: Mapping[str, float], level: str) -> float:
    """Return the figure of a level, or of the nearest one that has one."""
    return table[min(table, key=lambda other: abs(steps_between(level, other)))]


def height_losses(
    heights: Mapping[str, Heights], fractured: frozenset[str], height_error_mm: float = HEIGHT_ERROR_MM
) -> dict[str, HeightLoss]:
    """Return the loss of every body.

    Wedge: anterior against posterior height, over what is usual at the level; biconcave: middle against
    posterior height, for normal endplates are hollow over what is usual among the neighbours. Besides,
    the anterior and the middle height, and for a crush the mean of front and back, against the same of up
    to four unfractured neighbours, scaled to the level: a body that is low behind alone, as many an L5 is,
    is not compressed. Where all three heights lack a fifth, each counts as crush. A body
    that turns out deformed is taken from the references, and the losses are taken again, until
    nothing changes; so a fracture that nobody reported does not hide its neighbour's.

    Parameters
    ----------
    heights
        (anterior, middle, posterior) in mm, by level.
    fractured
        Levels known to be fractured; they are no reference.
    height_error_mm
        Standard error of a height.
    """
    excluded = set(fractured)
    losses: dict[str, HeightLoss] = {}
    for _ in range(len(heights) + 1):
        losses = {level: _loss(level, heights, excluded, height_error_mm) for level in heights}
        deformed = {level for level, loss in losses.items() if loss.percent >= DEFORMED_PCT}
        if deformed <= excluded:
            break
        excluded |= {max(deformed - excluded, key=lambda level: losses[level].percent)}
    return losses


def expected_heights(level: str, heights: Mapping[str, Heights], excluded: set[str]) -> Heights | None:
    """Return the heights that the neighbours lead to expect, None without any neighbour.

    Each neighbour's heights are scaled by what is usual at both levels, so that L5, which is naturally
    lower in the middle and behind, is not taken for crushed.
    """
    near = sorted(
        (abs(step), other)
        for other in heights
        if other not in excluded and 0 < abs(step := steps_between(level, other)) <= REACH
    )[:NEIGHBOURS]
    if not near:
        return None
    scaled = [np.array(heights[other]) * usual_heights(level) / usual_heights(other) for _, other in near]
    middle = np.median(np.stack(scaled), axis=0)
    return float(middle[0]), float(middle[1]), float(middle[2])


def _loss(
    level: str, heights: Mapping[str, Heights], excluded: set[str], height_error_mm: float
) -> HeightLoss:
    anterior, middle, posterior = own = heights[level]
    expected = expected_heights(level, heights, excluded)
    usual_middle = 1.0 if expected is None else min(max(expected[1] / expected[2], LEAST_MIDDLE), 1.0)
    references = [
        ("wedge", anterior, posterior * usual_wedge_ratio(level)),
        ("biconcave", middle, posterior * usual_middle),
    ]
    if expected is not None:
        same = [("crush", height, usual) for height, usual in zip(own, expected, strict=True)]
        references += [
            ("wedge", anterior, expected[0]),
            ("biconcave", middle, expected[1]),
            ("crush", (anterior + posterior) / 2, (expected[0] + expected[2]) / 2),
        ]
        if all(height < 0.8 * usual for _, height, usual in same):
            references = same
    kind, height, usual = min(references, key=lambda reference: reference[1] / reference[2])
    share = height / usual
    error = height_error_mm * float(np.hypot(1.0, share)) / usual
    return HeightLoss(100.0 * (1.0 - share), kind, 100.0 * error)
