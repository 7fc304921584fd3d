"""The four sides of a body in its mid-sagittal plane.

A vertebral body seen from the side is nearly a quadrilateral. The one that overlaps best with the label
gives the body's tilt, its corners and its depth, whatever the label's jags, rims and hollows, and
without a neighbour. Its edge is a logistic function of `EDGE_MM`, which makes the overlap smooth in
the eight parameters; Levenberg-Marquardt finds them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import expit

EDGE_MM = 0.8
STEEPEST = 1.0
"""No side leans by more than 45 degrees from the axis that it is named after."""
STARTS_RAD = (0.0, -0.3, 0.3)
CLEARLY_BETTER = 0.93
"""A start that leans must leave this share of the upright one's misfit, or less."""
SCALE = np.array([1.0, 0.05] * 4)

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Quadrilateral:
    """Four lines in the plane of anterior and cranial, mm.

    Attributes
    ----------
    upper, lower
        Cranial position and its slope along anterior.
    front, back
        Anterior position and its slope along cranial.
    """

    upper: tuple[float, float]
    lower: tuple[float, float]
    front: tuple[float, float]
    back: tuple[float, float]

    @property
    def tilt(self) -> float:
        """Angle of the bisector of the upper and lower side from the anterior axis, rad."""
        return float(np.arctan(self.upper[1]) + np.arctan(self.lower[1])) / 2

    def corner(self, end: str, wall: str) -> Real:
        """Return the anterior and cranial position of a corner, mm, (2,)."""
        (height, rise), (depth, lean) = getattr(self, end), getattr(self, wall)
        anterior = (depth + lean * height) / (1 - lean * rise)
        return np.array([anterior, height + rise * anterior])

    @property
    def corners(self) -> Real:
        """(4, 2) anterior and cranial mm: upper front, upper back, lower front, lower back."""
        return np.array([self.corner(end, wall) for end in ("upper", "lower") for wall in ("front", "back")])


def fit_quadrilateral(
    share: Real, anterior: Real, cranial: Real, *, starts: tuple[float, ...] = STARTS_RAD
) -> Quadrilateral | None:
    """Return the quadrilateral that overlaps best with a label in a plane; None if none is found.

    Parameters
    ----------
    share
        (a, c), 0-1: how much of each place the label fills.
    anterior, cranial
        (a,) and (c,) places along the two axes, mm.
    starts
        Tilts to start from, rad: a body whose frame is off by 20 degrees is found as well.
    """
    depth, height = _spread(share.sum(axis=1), anterior), _spread(share.sum(axis=0), cranial)
    if depth is None or height is None:
        return None
    a, c = (place.ravel() for place in np.meshgrid(anterior, cranial, indexing="ij"))
    target = share.ravel()
    best: Real | None = None
    least = np.inf
    for start in starts:
        found, misfit = _overlap(_leaning(depth, height, float(np.tan(start))), a, c, target)
        leans = float(np.abs(found[1::2]).max())
        if leans < STEEPEST and misfit < (CLEARLY_BETTER if np.isfinite(least) else 1.0) * least:
            best, least = found, misfit
    if best is None:
        return None
    u, v = best[0::2], best[1::2]
    sides = [(float(place), float(slope)) for place, slope in zip(u, v, strict=True)]
    return Quadrilateral(*sides)


def _overlap(start: Real, a: Real, c: Real, target: Real) -> tuple[Real, float]:
    """Return the parameters of the best overlap from a start, and half its squared misfit."""

    def sides(p: Real) -> list[Real]:
        inward = (p[0] + p[1] * a - c, c - p[2] - p[3] * a, p[4] + p[5] * c - a, a - p[6] - p[7] * c)
        return [expit(distance / EDGE_MM) for distance in inward]

    def residual(p: Real) -> Real:
        upper, lower, front, back = sides(p)
        return np.asarray(upper * lower * front * back - target)

    def slopes(p: Real) -> Real:
        upper, lower, front, back = sides(p)
        inside = upper * lower * front * back / EDGE_MM
        up, down = inside * (1 - upper), -inside * (1 - lower)
        ahead, behind = inside * (1 - front), -inside * (1 - back)
        return np.stack([up, up * a, down, down * a, ahead, ahead * c, behind, behind * c], axis=-1)

    found = least_squares(
        residual, start, jac=slopes, method="lm", x_scale=SCALE, ftol=1e-5, xtol=1e-4, max_nfev=100
    )
    return np.asarray(found.x), float(found.cost)


def _spread(weight: Real, place: Real) -> tuple[float, float] | None:
    """Return the centre of a profile and half the width of the box of the same variance."""
    if weight.sum() <= 0:
        return None
    centre = float(np.average(place, weights=weight))
    half = float(np.sqrt(3 * np.average((place - centre) ** 2, weights=weight)))
    return (centre, half) if half > 0 else None


def _leaning(depth: tuple[float, float], height: tuple[float, float], slope: float) -> Real:
    """Return the parameters of a box that is turned about its centre."""
    (a, half_depth), (c, half_height) = depth, height
    ends = [(c + side * half_height - slope * a, slope) for side in (1, -1)]
    walls = [(a + side * half_depth + slope * c, -slope) for side in (1, -1)]
    return np.array([*ends[0], *ends[1], *walls[0], *walls[1]])
