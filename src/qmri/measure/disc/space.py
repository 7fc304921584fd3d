"""The space between two bodies: its frame, its height, and the angle between the endplates that bound it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.measure.shape.endplate import Endplate
from qmri.measure.shape.morphometry import ANTERIOR, CRANIAL, HEIGHTS_AT, RIGHT, Morphometry
from qmri.spine.body_frame import BodyFrame, frame_along

ROUNDS = 3
NEWTON_ROUNDS = 6
ACROSS_AT = 0.4
"""Share of the half width to either side at which the roll of the endplates is read."""

Real = NDArray[np.float64]


@dataclass(frozen=True)
class DiscSpace:
    """The space between the lower endplate of a body and the upper one of the body below it.

    Attributes
    ----------
    above, below
        The bodies.
    frame
        Its middle, and axes whose third is the bisector of the two endplates.
    front_mm, back_mm
        Anterior position in the frame of the anterior and the posterior wall, the mean of both bodies.
    half_width_mm
        The lesser of the bodies' half widths.
    """

    above: Morphometry
    below: Morphometry
    frame: BodyFrame
    front_mm: float
    back_mm: float
    half_width_mm: float

    @property
    def depth_mm(self) -> float:
        """Antero-posterior extent, mm."""
        return self.front_mm - self.back_mm

    def along_mm(self, at: ArrayLike) -> Real:
        """Return anterior positions, mm, at fractions of the depth from the front, of any shape."""
        return self.front_mm - np.asarray(at, np.float64) * self.depth_mm

    def ends_mm(self, right_mm: ArrayLike, anterior_mm: ArrayLike) -> tuple[Real, Real]:
        """Return the cranial position, mm, of the endplate below and of that above the disc.

        Both positions, mm in the frame, broadcast against each other.
        """
        return (
            _seen_from(self.frame, self.below, self.below.upper, right_mm, anterior_mm),
            _seen_from(self.frame, self.above, self.above.lower, right_mm, anterior_mm),
        )

    def heights_mm(self, at: ArrayLike = HEIGHTS_AT, right_mm: float = 0.0) -> Real:
        """Return heights (n,), mm, at fractions (n,) of the depth from the front, ``right_mm`` aside."""
        floor, ceiling = self.ends_mm(right_mm, self.along_mm(at))
        return np.asarray(ceiling - floor)

    @property
    def angle_deg(self) -> float:
        """Angle between the chords of both endplates from 15 to 85 % of the depth, + higher in front."""
        along = self.along_mm(HEIGHTS_AT[[0, 2]])
        slopes = [np.arctan2(ends[0] - ends[1], along[0] - along[1]) for ends in self.ends_mm(0.0, along)]
        return float(np.degrees(slopes[1] - slopes[0]))


def disc_space(above: Morphometry, below: Morphometry) -> DiscSpace:
    """Return the space between two bodies, each with its shape in RAS+ mm."""
    centres = np.stack(
        [_place(above, above.lower, above.along_mm(0.5)), _place(below, below.upper, below.along_mm(0.5))]
    )
    up = above.frame.axes[CRANIAL] + below.frame.axes[CRANIAL]
    frame = frame_along(centres.mean(axis=0), up, above.frame.spacing_mm)
    width = min(above.half_width_mm, below.half_width_mm)
    space = _between(above, below, frame, width)
    for _ in range(ROUNDS):
        along = space.along_mm(HEIGHTS_AT[[0, 2]])
        across = np.array([1.0, -1.0]) * ACROSS_AT * width
        tilt = np.mean([ends[0] - ends[1] for ends in space.ends_mm(0.0, along)]) / (along[0] - along[1])
        middle = space.along_mm(0.5)
        roll = np.mean([ends[0] - ends[1] for ends in space.ends_mm(across, middle)]) / (
            across[0] - across[1]
        )
        axes = frame.axes
        up = axes[CRANIAL] - tilt * axes[ANTERIOR] - roll * axes[RIGHT]
        frame = frame_along(frame.centre_mm, up, frame.spacing_mm)
        space = _between(above, below, frame, width)
    return space


def _between(above: Morphometry, below: Morphometry, frame: BodyFrame, width: float) -> DiscSpace:
    walls = []
    for of in ("anterior_mm", "posterior_mm"):
        places = [
            _place(shape, plate, getattr(shape, of))
            for shape, plate in ((above, above.lower), (below, below.upper))
        ]
        walls.append(float(frame.to_local(np.stack(places))[:, ANTERIOR].mean()))
    return DiscSpace(above, below, frame, walls[0], walls[1], width)


def _place(shape: Morphometry, plate: Endplate, anterior_mm: ArrayLike) -> Real:
    """Return where an endplate lies in the midplane at an anterior position, RAS+ mm."""
    height = plate.height_mm(0.0, anterior_mm)
    return shape.frame.to_world(np.array([0.0, float(np.asarray(anterior_mm)), float(height)]))


def _seen_from(
    frame: BodyFrame, shape: Morphometry, plate: Endplate, right_mm: ArrayLike, anterior_mm: ArrayLike
) -> Real:
    """Return the cranial position of a body's endplate in another frame, mm, by Newton's method."""
    right, anterior = np.broadcast_arrays(
        np.asarray(right_mm, np.float64), np.asarray(anterior_mm, np.float64)
    )
    cosine = float(frame.axes[CRANIAL] @ shape.frame.axes[CRANIAL])
    cranial = np.zeros(right.shape)
    for _ in range(NEWTON_ROUNDS):
        place = shape.frame.to_local(frame.to_world(np.stack([right, anterior, cranial], axis=-1)))
        cranial -= (place[..., CRANIAL] - plate.height_mm(place[..., RIGHT], place[..., ANTERIOR])) / cosine
    return cranial
