"""A level at the first and at a later session on one grid, for a reader to look from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.images.grid import Grid
from qmri.measure.comparison.later_images import crop_around, resample_to_first
from qmri.measure.comparison.registration import BodyImage, BodyRegistration, register_body
from qmri.measure.shape.bodies import Body, find_bodies

Values = NDArray[np.float64]


@dataclass(frozen=True)
class SessionImages:
    """What a session is compared by.

    Attributes
    ----------
    pdff
        (x, y, z) percent.
    labels
        (x, y, z) integers, ids of `qmri.spine.levels`.
    affine
        (4, 4) from index to RAS+ mm.
    """

    pdff: Values
    labels: NDArray[np.integer]
    affine: Values

    @cached_property
    def bodies(self) -> dict[str, Body]:
        """The labelled bodies by level."""
        return {body.level: body for body in find_bodies(self.labels, self.affine)}

    @property
    def grid(self) -> Grid:
        """The voxels."""
        x, y, z = self.labels.shape
        return Grid((x, y, z), self.affine)


@dataclass(frozen=True)
class LevelPair:
    """A level at two sessions.

    Attributes
    ----------
    grid
        The part of the first session's grid around the body.
    registration
        How the later session was laid on it.
    """

    grid: Grid
    registration: BodyRegistration

    def first(self, image: NDArray[np.number[Any]], affine: Values, *, order: int = 1) -> Values:
        """Return an image (x, y, z) of the first session, in its unit, on the grid; affine (4, 4), mm."""
        return resample_to_first(np.asarray(image, np.float64), affine, np.eye(4), self.grid, order=order)

    def later(self, image: NDArray[np.number[Any]], affine: Values, *, order: int = 1) -> Values:
        """Return an image (x, y, z) of the later session, in its unit, on the grid; affine (4, 4), mm."""
        to_first = self.registration.to_first
        return resample_to_first(np.asarray(image, np.float64), affine, to_first, self.grid, order=order)


def pair_level(first: SessionImages, later: SessionImages, level: str) -> LevelPair | None:
    """Return a level at two sessions, None where one of them lacks it; images (x, y, z)."""
    if level not in first.bodies or level not in later.bodies:
        return None
    one, other = (BodyImage(side.pdff, side.affine, side.bodies[level]) for side in (first, later))
    return LevelPair(crop_around(one.body, first.grid), register_body(one, other))
