"""What a reader would measure of a body in its midplane: depth from wall to wall, heights, wedge angle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy.shapes import endplates
from qmri.simulate.anatomy.spine import Body

# Shares of the depth from the anterior wall.
HEIGHTS_AT = np.array([0.15, 0.50, 0.85])


@dataclass(frozen=True)
class Midplane:
    """A body in its midplane.

    Attributes
    ----------
    front_mm, back_mm
        Anterior position of the walls at the endplates, the mean of both; the hollow of the posterior
        wall and a corner driven back count, osteophytes do not.
    upper_mm, lower_mm
        (3,) positions of the endplates along the body's axis at 15, 50 and 85 % of the depth between.
    """

    front_mm: float
    back_mm: float
    upper_mm: NDArray[np.float64]
    lower_mm: NDArray[np.float64]

    @property
    def heights_mm(self) -> NDArray[np.float64]:
        """Anterior, middle and posterior height (3,)."""
        return self.upper_mm - self.lower_mm

    @property
    def wedge_angle_deg(self) -> float:
        """Angle between the chords of the endplates from 15 to 85 % of the depth, + kyphotic."""
        run = (HEIGHTS_AT[2] - HEIGHTS_AT[0]) * (self.front_mm - self.back_mm)
        upper, lower = (np.arctan((ends[0] - ends[2]) / run) for ends in (self.upper_mm, self.lower_mm))
        return float(np.degrees(lower - upper))


def midplane(body: Body) -> Midplane:
    """Return a body's walls and endplates in its midplane."""
    walls = np.array([[_wall(body, outward, end) for outward in (1, -1)] for end in (0, 1)])
    front, back = walls.mean(axis=0)
    upper, lower = _ends(body, front - HEIGHTS_AT * (front - back))
    return Midplane(float(front), float(back), upper, lower)


def _wall(body: Body, outward: int, end: int) -> float:
    """Return where the wall of `plan_distance` meets the upper (0) or lower (1) endplate."""
    height = _ends(body, np.array([outward * body.half_depth_mm]))[end][0]
    level = float(np.clip(2 * height / body.middle_mm, -1.3, 1.3))
    scale = 1 + body.taper / 2 * level - body.waist * max(1 - level**2, 0)
    depth = body.half_depth_mm
    if outward < 0:
        driven_back = body.fracture.retropulsed_mm if body.fracture else 0.0
        depth += driven_back * min(max(level, 0), 1) ** 2 - body.hollow_mm
    return outward * scale * depth


def _ends(body: Body, anterior_mm: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    along = anterior_mm.astype(np.float32)
    upper, lower = endplates(body, np.zeros_like(along), along)
    return upper.astype(np.float64), lower.astype(np.float64)
