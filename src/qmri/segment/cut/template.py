"""The usual shape of a vertebral body and the rays on which its surface is sought.

Seen from above the body is a D: a superellipse whose anterior and posterior halves have their own
depth and exponent. Along its axis it is a box with rounded rims. The rays do not start at one
point: those to the endplates run along the axis, and those to the wall fan out from the rim of
a medial disc. So each meets the surface nearly at a right angle, also on a flat, crushed body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.spine.body_frame import BodyFrame

LONGITUDES = 48
# Position q of the rows of rays: 0-1 centre to rim of the upper endplate, 1-3 the fan from
# cranial over lateral to caudal, 3-4 rim to centre of the lower endplate.
UPPER_ROWS = np.array([0.1, 0.3, 0.5, 0.7, 0.9, 1, 1.25, 1.375, 1.5, 1.75])
ROWS = np.concatenate([UPPER_ROWS, [2], 4 - UPPER_ROWS[::-1]])
# Rays between those on which a surface is sought, so that its corner keeps the template's shape.
FINER = 8
FINE_ROWS = np.interp(np.arange(FINER * (len(ROWS) - 1) + 1) / FINER, np.arange(len(ROWS)), ROWS)
RIM_EXPONENT = 9.0
# No part of a wedge is flatter than this share of its middle.
LEAST_HEIGHT = 0.3
_BISECTIONS = 24


@dataclass(frozen=True)
class Template:
    """Half sizes of a body in millimetres.

    Attributes
    ----------
    width
        Half of the left-right extent.
    anterior, posterior
        Distance from the axis to the anterior and the posterior wall.
    height
        Half of the extent along the axis.
    wedge
        By how much either endplate rises towards the front, mm per mm; negative in a wedge.
    """

    width: float
    anterior: float
    posterior: float
    height: float
    wedge: float = 0.0

    # The widest place lies a little behind the axis; exponents of the two halves of the plan.
    WIDEST = -0.10
    EXPONENT_ANTERIOR = 2.3
    EXPONENT_POSTERIOR = 2.8

    def wall_radius(self, longitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance in mm from axis to wall at longitudes in radians (0 right, pi/2 anterior)."""
        cos, sin = np.cos(longitude), np.sin(longitude)
        middle = self.WIDEST * (self.anterior + self.posterior)

        def outside(radius: NDArray[np.float64]) -> NDArray[np.bool_]:
            u, v = np.abs(radius * cos) / self.width, radius * sin - middle
            front = (
                u**self.EXPONENT_ANTERIOR + (np.abs(v) / (self.anterior - middle)) ** self.EXPONENT_ANTERIOR
            )
            back = (
                u**self.EXPONENT_POSTERIOR
                + (np.abs(v) / (self.posterior + middle)) ** self.EXPONENT_POSTERIOR
            )
            return np.asarray(np.where(v > 0, front, back) > 1)

        return _bisect(outside, np.zeros(np.shape(longitude)), 2 * (self.width + self.anterior))


@dataclass(frozen=True)
class Rays:
    """Rays of one body, shape (rows, longitudes), in its frame.

    Attributes
    ----------
    origin, direction
        (rows, longitudes, 3) in millimetres and unit vectors.
    usual
        (rows, longitudes) distance in mm along each ray to where the surface is expected.
    medial
        (longitudes,) radius of the medial disc in mm.
    template
        (fine rows, longitudes) distance in mm to the template's surface on rays between these too.
    """

    origin: NDArray[np.float64]
    direction: NDArray[np.float64]
    usual: NDArray[np.float64]
    medial: NDArray[np.float64]
    template: NDArray[np.float64]

    def points(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return local points at ``distance`` (rows, longitudes, n) along the rays."""
        return self.origin[:, :, None] + distance[..., None] * self.direction[:, :, None]


def rays_of(template: Template) -> Rays:
    """Return the rays that suit a template."""
    longitude = 2 * np.pi * np.arange(LONGITUDES) / LONGITUDES
    wall = template.wall_radius(longitude)
    medial = np.maximum(wall - template.height, 0.35 * wall)
    q = FINE_ROWS[:, None]
    angle = np.clip((2 - q) * np.pi / 2, -np.pi / 2, np.pi / 2)
    inward = np.clip(np.minimum(q, 4 - q), 0, 1)
    start = inward * medial
    plane = np.stack([np.cos(longitude), np.sin(longitude)], axis=-1)
    origin = np.concatenate([start[..., None] * plane, np.zeros((*start.shape, 1))], axis=-1)
    direction = np.empty_like(origin)
    direction[..., :2] = np.cos(angle)[..., None] * plane
    direction[..., 2] = np.sin(angle)

    def outside(distance: NDArray[np.float64]) -> NDArray[np.bool_]:
        radius = start + distance * np.cos(angle)
        height = template.height + template.wedge * radius * np.sin(longitude)
        radial = radius / wall
        axial = np.abs(distance * np.sin(angle)) / np.maximum(height, LEAST_HEIGHT * template.height)
        return np.asarray(radial**RIM_EXPONENT + axial**RIM_EXPONENT > 1)

    usual = _bisect(outside, np.zeros(start.shape), 2 * (template.width + template.height))
    own = slice(None, None, FINER)
    return Rays(origin[own], direction[own], usual[own], medial, usual)


def depth_inside(
    rays: Rays, surface: NDArray[np.float64], local_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how deep points lie inside a surface, in mm along their rays; negative outside.

    Parameters
    ----------
    rays
        The rays of the body.
    surface
        (rows, longitudes) distance of the surface along each ray, mm.
    local_mm
        (n, 3) points in the frame of the body.
    """
    longitude = np.arctan2(local_mm[:, 1], local_mm[:, 0]) * LONGITUDES / (2 * np.pi) % LONGITUDES
    radius = np.hypot(local_mm[:, 0], local_mm[:, 1])
    east = np.floor(longitude).astype(np.intp) % LONGITUDES
    west = (east + 1) % LONGITUDES
    toward_west = longitude - np.floor(longitude)
    medial = rays.medial[east] * (1 - toward_west) + rays.medial[west] * toward_west
    beyond = np.maximum(radius - medial, 0)
    distance = np.hypot(beyond, local_mm[:, 2])
    cap = np.minimum(radius / medial, 1)
    fan = 2 - np.arctan2(local_mm[:, 2], beyond) * 2 / np.pi
    q = np.where(radius >= medial, fan, np.where(local_mm[:, 2] >= 0, cap, 4 - cap))
    row = np.interp(q, ROWS, np.arange(len(ROWS)))
    stretch = _between(surface / rays.template[::FINER], row, east, toward_west)
    return np.asarray(stretch * _between(rays.template, row * FINER, east, toward_west) - distance)


def _between(
    values: NDArray[np.float64],
    row: NDArray[np.float64],
    east: NDArray[np.intp],
    toward_west: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return values (rows, longitudes) between rays, linearly."""
    upper = np.minimum(row.astype(np.intp), len(values) - 2)
    west = (east + 1) % LONGITUDES
    at_upper, at_lower = (
        values[r, east] * (1 - toward_west) + values[r, west] * toward_west for r in (upper, upper + 1)
    )
    return np.asarray(at_upper + (row - upper) * (at_lower - at_upper))


@dataclass(frozen=True)
class BodySurface:
    """The surface of one vertebral body in space.

    Attributes
    ----------
    frame
        Where the body lies.
    rays
        Its rays.
    distance
        (rows, longitudes) distance of the surface along each ray, mm.
    """

    frame: BodyFrame
    rays: Rays
    distance: NDArray[np.float64]

    def points_mm(self) -> NDArray[np.float64]:
        """Return the (rows, longitudes, 3) points of the surface in RAS+ millimetres."""
        return self.frame.to_world(self.rays.points(self.distance[..., None])[:, :, 0])

    def depth_mm(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how deep points (n, 3) in RAS+ millimetres lie inside, negative outside."""
        return depth_inside(self.rays, self.distance, self.frame.to_local(points_mm))


def _bisect(
    outside: Callable[[NDArray[np.float64]], NDArray[np.bool_]], low: NDArray[np.float64], limit: float
) -> NDArray[np.float64]:
    """Return where ``outside`` turns true between ``low`` and ``limit``."""
    high = np.full(low.shape, limit)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        out = outside(middle)
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    return np.asarray((low + high) / 2)
