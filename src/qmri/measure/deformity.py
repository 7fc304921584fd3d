"""Height loss of a body against itself and its neighbours, and the grade that follows.

Continuous loss first, grade second: the grades of readers agree only moderately (Genant et al. 1993,
10.1002/jbmr.5650080915).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qmri.levels import steps_between

GRADE_LIMITS_PCT = (20.0, 25.0, 40.0)
DEFORMED_PCT = GRADE_LIMITS_PCT[0]
NEIGHBOURS = 4
REACH = 4
"""The references of a height are at most so many, and at most so many levels away."""

# Change of (anterior, middle, posterior) height per level caudally in the thoracolumbar spine, share
# of the height: heights of the normal lumbar and lower thoracic spine rise by about 3 % a level.
GROWTH_PER_LEVEL = 0.03

LEAST_MIDDLE = 0.88
"""Middle over posterior height is not taken to be usual below this, whatever the neighbours show."""

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
    """

    percent: float
    kind: str

    @property
    def grade(self) -> int:
        """Genant's grade by loss: 0 below 20 %, 1 to 25 %, 2 to 40 %, 3 above."""
        return int(np.searchsorted(GRADE_LIMITS_PCT, self.percent, side="right"))


def height_losses(heights: Mapping[str, Heights], fractured: frozenset[str]) -> dict[str, HeightLoss]:
    """Return the loss of every body.

    Wedge: anterior against posterior height; biconcave: middle against posterior height, for normal
    endplates are hollow over what is usual among the neighbours; crush: each height against the same
    height of up to four unfractured neighbours, scaled to the level. A body
    that turns out deformed is taken from the references, and the losses are taken again, until
    nothing changes; so a fracture that nobody told of does not hide its neighbour's.

    Parameters
    ----------
    heights
        (anterior, middle, posterior) in mm, by level.
    fractured
        Levels known to be fractured; they are no reference.
    """
    excluded = set(fractured)
    losses: dict[str, HeightLoss] = {}
    for _ in range(len(heights) + 1):
        losses = {level: _loss(level, heights, excluded) for level in heights}
        deformed = {level for level, loss in losses.items() if loss.percent >= DEFORMED_PCT}
        if deformed <= excluded:
            break
        excluded |= {max(deformed - excluded, key=lambda level: losses[level].percent)}
    return losses


def expected_heights(level: str, heights: Mapping[str, Heights], excluded: set[str]) -> Heights | None:
    """Return the heights that the neighbours lead to expect, None without any neighbour."""
    near = sorted(
        (abs(step), other)
        for other in heights
        if other not in excluded and 0 < abs(step := steps_between(level, other)) <= REACH
    )[:NEIGHBOURS]
    if not near:
        return None
    scaled = [
        np.array(heights[other]) * (1 + GROWTH_PER_LEVEL) ** steps_between(level, other) for _, other in near
    ]
    middle = np.median(np.stack(scaled), axis=0)
    return float(middle[0]), float(middle[1]), float(middle[2])


def _loss(level: str, heights: Mapping[str, Heights], excluded: set[str]) -> HeightLoss:
    anterior, middle, posterior = heights[level]
    expected = expected_heights(level, heights, excluded)
    usual_middle = 1.0 if expected is None else min(max(expected[1] / expected[2], LEAST_MIDDLE), 1.0)
    shares = [("wedge", anterior / posterior), ("biconcave", middle / posterior / usual_middle)]
    if expected is not None:
        names = ("wedge", "biconcave", "crush")
        own = (anterior, middle, posterior)
        shares += [(name, height / usual) for name, height, usual in zip(names, own, expected, strict=True)]
        if all(height < 0.8 * usual for height, usual in zip(own, expected, strict=True)):
            shares = [("crush", share) for _, share in shares]
    kind, share = min(shares, key=lambda pair: pair[1])
    return HeightLoss(100.0 * (1.0 - share), kind)
