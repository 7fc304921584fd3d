"""Where a vertebral body lies and how it is turned: frames from one point per body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

USUAL_SPACING_MM = 36.0
SPACING_RANGE_MM = (18.0, 50.0)


@dataclass(frozen=True)
class BodyFrame:
    """Axes of a vertebral body.

    Attributes
    ----------
    centre_mm
        (3,) centre in RAS+ millimetres.
    axes
        (3, 3) rows are the unit vectors to the patient's right side of the body, anterior and
        cranial, in RAS+ coordinates.
    spacing_mm
        Distance between neighbouring bodies here, the yardstick of the template.
    """

    centre_mm: NDArray[np.float64]
    axes: NDArray[np.float64]
    spacing_mm: float

    def to_local(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (..., 3) in millimetres along right, anterior and cranial."""
        return (points_mm - self.centre_mm) @ self.axes.T

    def to_world(self, local_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return local points (..., 3) in RAS+ millimetres."""
        return local_mm @ self.axes + self.centre_mm


def frame_along(centre_mm: NDArray[np.float64], cranial: NDArray[np.float64], spacing_mm: float) -> BodyFrame:
    """Return the frame whose third axis is ``cranial`` and whose first is closest to patient right.

    Points and directions are (3,), RAS+ mm.
    """
    up = cranial / np.linalg.norm(cranial)
    right = np.array([1.0, 0.0, 0.0]) - up[0] * up
    right /= np.linalg.norm(right)
    return BodyFrame(
        np.asarray(centre_mm, np.float64), np.stack([right, np.cross(up, right), up]), spacing_mm
    )


def frames_of_chain(centres_mm: NDArray[np.float64], counts: Sequence[int] | None = None) -> list[BodyFrame]:
    """Return a frame for every body of a chain.

    The tangent at a body is the line between its neighbours; at the ends it is extrapolated
    half a step, because the spine goes on bending. The spacing is the mean of the gaps beside the
    body and of their trend along the spine. Each gap is held within a factor 1.4 of the median so that
    a missing neighbour or a crushed body does not change the size of the template.

    Parameters
    ----------
    centres_mm
        (n, 3) points in RAS+ millimetres, cranial to caudal.
    counts
        How many levels each body lies below the one before it; 1 unless a level was left out.
    """
    count = len(centres_mm)
    if count == 1:
        return [frame_along(centres_mm[0], np.array([0.0, 0.0, 1.0]), USUAL_SPACING_MM)]
    steps = centres_mm[:-1] - centres_mm[1:]
    gaps = np.linalg.norm(steps, axis=1)
    units = steps / gaps[:, None]
    gaps /= 1 if counts is None else np.array(counts)
    usual = float(np.clip(np.median(gaps), *SPACING_RANGE_MM))
    gaps = np.clip(gaps, usual / 1.4, usual * 1.4)
    tangents = np.empty((count, 3))
    tangents[1:-1] = units[:-1] + units[1:]
    bend_top = units[0] - units[1] if count > 2 else np.zeros(3)
    bend_bottom = units[-1] - units[-2] if count > 2 else np.zeros(3)
    tangents[0] = units[0] + 0.5 * bend_top
    tangents[-1] = units[-1] + 0.5 * bend_bottom
    beside = np.empty(count)
    beside[1:-1] = (gaps[:-1] + gaps[1:]) / 2
    beside[0], beside[-1] = gaps[0], gaps[-1]
    spacing = (beside + _trend(gaps, count)) / 2
    return [
        frame_along(centre, tangent, float(scale))
        for centre, tangent, scale in zip(centres_mm, tangents, spacing, strict=True)
    ]


def _trend(gaps: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the spacing at each of ``count`` bodies by a robust line through the gaps."""
    between = np.arange(count - 1) + 0.5
    if count < 4:
        return np.full(count, float(np.median(gaps)))
    first, second = np.triu_indices(count - 1, 1)
    slope = float(np.median((gaps[second] - gaps[first]) / (between[second] - between[first])))
    return np.asarray(float(np.median(gaps - slope * between)) + slope * np.arange(count))
