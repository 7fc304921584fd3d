"""Angles of the spine from the endplates of its bodies: kyphosis and the coronal Cobb angle."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from qmri.measure.shape.morphometry import (
    ANTERIOR,
    ANTERIOR_AT,
    CRANIAL,
    POSTERIOR_AT,
    RIGHT,
    Morphometry,
)
from qmri.spine.levels import sort_levels

Shapes = Mapping[str, Morphometry]
Vector = NDArray[np.float64]

KYPHOSIS_SPANS = (("T10", "L2"), ("T11", "L1"), ("T12", "L1"))
"""Spans of the thoracolumbar kyphosis, the widest that is in view counts."""


def endplate_direction(shape: Morphometry, *, upper: bool, axis: int) -> Vector:
    """Return the unit vector (3,) along an endplate's chord, forward or to the right, in RAS+."""
    plate = shape.upper if upper else shape.lower
    middle = shape.anterior_mm - 0.5 * shape.depth_mm
    if axis == ANTERIOR:
        along = shape.anterior_mm - np.array([ANTERIOR_AT, POSTERIOR_AT]) * shape.depth_mm
        across = np.zeros(2)
    else:
        along = np.full(2, middle)
        across = np.array([0.5, -0.5]) * shape.half_width_mm
    rise = plate.height_mm(across, along)
    local = np.zeros(3)
    local[RIGHT], local[ANTERIOR] = across[0] - across[1], along[0] - along[1]
    local[CRANIAL] = rise[0] - rise[1]
    direction = local @ shape.frame.axes
    return np.asarray(direction / np.linalg.norm(direction))


def kyphosis_deg(shapes: Shapes, cranial: str, caudal: str) -> float:
    """Return the sagittal angle from the upper endplate of one level to the lower of another, + kyphotic."""
    above = endplate_direction(shapes[cranial], upper=True, axis=ANTERIOR)
    below = endplate_direction(shapes[caudal], upper=False, axis=ANTERIOR)
    return _slope_deg(below, ANTERIOR) - _slope_deg(above, ANTERIOR)


def thoracolumbar_kyphosis_deg(shapes: Shapes) -> float | None:
    """Return the kyphosis of the first of the usual spans that is wholly measured, None without one."""
    for cranial, caudal in KYPHOSIS_SPANS:
        if cranial in shapes and caudal in shapes:
            return kyphosis_deg(shapes, cranial, caudal)
    return None


def local_kyphosis_deg(shapes: Shapes, level: str) -> float | None:
    """Return the kyphosis from the body above a level to the body below it; None if one is missing."""
    order = sort_levels(shapes)
    place = order.index(level)
    if not 0 < place < len(order) - 1:
        return None
    return kyphosis_deg(shapes, order[place - 1], order[place + 1])


def coronal_cobb_deg(shapes: Shapes) -> float | None:
    """Return the largest coronal angle between two bodies, None for fewer than three bodies.

    The direction of a body is the mean of its endplates'.
    """
    order = sort_levels(shapes)
    if len(order) < 3:
        return None
    slopes = {}
    for level in order:
        plates = (endplate_direction(shapes[level], upper=upper, axis=RIGHT) for upper in (True, False))
        slopes[level] = float(np.mean([_slope_deg(plate, RIGHT) for plate in plates]))
    return max(abs(slopes[a] - slopes[b]) for a, b in combinations(order, 2))


def _slope_deg(direction: Vector, axis: int) -> float:
    """Return how steeply a direction rises towards the front (or the right), degrees."""
    return float(np.degrees(np.arctan2(direction[2], direction[axis])))
