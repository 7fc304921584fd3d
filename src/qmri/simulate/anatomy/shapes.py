"""Signed distances (mm, negative inside) of the parts of a spine, on arrays of local coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy.spine import Body, Lesion

Field = NDArray[np.float32]

# Heights are defined at +- this share of the half depth, that is at 15, 50 and 85 % of the depth.
HEIGHT_BASE = 0.7
EDGE_RADIUS_MM = 1.5
# Over how much of the depth a broken endplate steps.
BREAK_MM = np.float32(2.0)


def cover(distance: Field, edge_mm: float) -> Field:
    """Share of a voxel of width ``edge_mm`` that lies inside a surface at this distance from its centre.

    Of any shape, 0-1.
    """
    return np.asarray(np.clip(0.5 - distance / np.float32(edge_mm), 0.0, 1.0), dtype=np.float32)


def _profile(heights: tuple[float, float, float], along: Field) -> Field:
    """Parabola through (anterior, middle, posterior) at along = 1, 0, -1."""
    anterior, middle, posterior = (np.float32(value) for value in heights)
    return middle + along * ((anterior - posterior) / 2 + along * ((anterior + posterior) / 2 - middle))


def endplates(body: Body, right: Field, anterior: Field) -> tuple[Field, Field]:
    """Heights of the upper and lower endplate above the centre of a body, in mm, in its own frame.

    All are mm and broadcast against each other.
    """
    across = np.clip(right / np.float32(HEIGHT_BASE * body.half_width_mm), -1.1, 1.1)
    along = np.clip(anterior / np.float32(HEIGHT_BASE * body.half_depth_mm), -1.1, 1.1)
    height = _profile(body.heights_mm, along)
    rim = np.float32(body.dish_mm) * across * across
    upper, lower = height / 2 + rim, -height / 2 - rim
    if body.fracture is not None:
        before, after = np.asarray(body.intact_mm), np.asarray(body.heights_mm)
        loss = before - after
        shift = _profile((loss[0] - loss[1], 0.0, loss[2] - loss[1]), along)
        shift = shift * np.float32(body.fracture.upper_share - 0.5)
        upper, lower = upper - shift, lower - shift
        if body.fracture.step_mm:
            ahead = anterior - np.float32(body.fracture.step_at * body.half_depth_mm)
            upper = upper - np.float32(body.fracture.step_mm) * np.clip(0.5 + ahead / BREAK_MM, 0, 1)
    if body.node is not None:
        where_right, where_anterior, depth, radius = body.node
        square = (right - np.float32(where_right * body.half_width_mm)) ** 2
        square = square + (anterior - np.float32(where_anterior * body.half_depth_mm)) ** 2
        pit = np.float32(abs(depth)) * np.exp(square * np.float32(-0.5 / radius**2))
        if depth > 0:
            upper = upper - pit
        else:
            lower = lower + pit
    return upper, lower


def plan_distance(body: Body, right: Field, anterior: Field, superior: Field, grow_mm: float = 0.0) -> Field:
    """Distance to the side wall of a body: a superellipse with a waist and a hollow back.

    All positions are mm and broadcast against each other; negative inside.
    """
    level = np.clip(superior * np.float32(2.0 / body.middle_mm), -1.3, 1.3)
    square = level * level
    scale = 1 + np.float32(body.taper / 2) * level - np.float32(body.waist) * np.clip(1 - square, 0, 1)
    u = right / (scale * np.float32(body.half_width_mm + grow_mm))
    v = anterior / scale
    if body.hollow_mm:
        v = v - np.float32(body.hollow_mm) * np.clip(1 - u * u * 2.5, 0, 1) * (v < 0)
    if body.fracture is not None and body.fracture.retropulsed_mm:
        v = v + np.float32(body.fracture.retropulsed_mm) * np.clip(level, 0, 1) ** 2 * (v < 0)
    if body.osteophyte_mm:
        v = v - np.float32(body.osteophyte_mm) * np.clip(square, 0, 1) ** 3 * (v > 0)
    v = v / np.float32(body.half_depth_mm + grow_mm)
    n = np.float32(body.exponent)
    radius = (np.abs(u) ** n + np.abs(v) ** n) ** np.float32(1 / body.exponent)
    ray = np.sqrt(right * right + anterior * anterior)
    along_ray = np.where(
        radius > 0.2, ray / np.maximum(radius, np.float32(0.2)), np.float32(body.half_depth_mm)
    )
    return np.asarray((radius - 1) * along_ray, dtype=np.float32)


def rounded_intersection(first: Field, second: Field, radius_mm: float = EDGE_RADIUS_MM) -> Field:
    """Distance to the intersection of two solids with an edge of the given radius.

    All are mm and broadcast against each other, negative inside.
    """
    a, b = first + np.float32(radius_mm), second + np.float32(radius_mm)
    outside = np.sqrt(np.maximum(a, 0) ** 2 + np.maximum(b, 0) ** 2)
    return np.asarray(np.minimum(np.maximum(a, b), 0) + outside - np.float32(radius_mm), dtype=np.float32)


def body_distance(body: Body, right: Field, anterior: Field, superior: Field) -> Field:
    """Distance to the surface of a vertebral body, cortex included.

    All positions are mm and broadcast against each other; negative inside.
    """
    upper, lower = endplates(body, right, anterior)
    plates = np.maximum(superior - upper, lower - superior)
    return rounded_intersection(plan_distance(body, right, anterior, superior), plates)


def capsule_distance(
    at: tuple[Field, Field, Field],
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius_mm: float,
    flatten: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Field:
    """Distance to a rod with round ends; ``flatten`` > 1 makes it wider along an axis by that factor.

    All positions are mm and broadcast against each other; negative inside.
    """
    squeeze = [np.float32(1 / value) for value in flatten]
    offset = [(a - np.float32(s)) * q for a, s, q in zip(at, start, squeeze, strict=True)]
    axis = [np.float32(e - s) * q for s, e, q in zip(start, end, squeeze, strict=True)]
    length = max(float(sum(value * value for value in axis)), 1e-6)
    dot = offset[0] * axis[0] + offset[1] * axis[1] + offset[2] * axis[2]
    along = np.clip(dot * np.float32(1 / length), 0, 1)
    square = sum((o - along * a) ** 2 for o, a in zip(offset, axis, strict=True))
    return np.asarray(np.sqrt(square) - np.float32(radius_mm), dtype=np.float32)


def waves(x: Field, y: Field, z: Field, *, seed: int, wavelength_mm: float, terms: int = 5) -> Field:
    """Smooth noise of unit variance: a sum of plane waves of random direction and phase.

    Positions are mm and broadcast against each other.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=np.float32)
    for _ in range(terms):
        direction = rng.normal(size=3)
        number = 2 * np.pi / (wavelength_mm * rng.uniform(0.6, 1.8)) * direction / np.linalg.norm(direction)
        k = number.astype(np.float32)
        total += np.sin(k[0] * x + k[1] * y + k[2] * z + np.float32(rng.uniform(0, 2 * np.pi)))
    return total * np.float32((2 / terms) ** 0.5)


def lesion_share(body: Body, lesion: Lesion, at: tuple[Field, Field, Field], edge_mm: float) -> Field:
    """Share of the body's inside at each point that a lesion takes.

    0-1; positions are mm and broadcast against each other.
    """
    right, anterior, superior = at
    rough = np.float32(lesion.roughness) * waves(
        right, anterior, superior, seed=lesion.seed, wavelength_mm=12.0
    )
    if lesion.kind == "oedema":
        upper, lower = endplates(body, right, anterior)
        depth = np.float32(lesion.extent) * (upper - lower)
        from_plate = upper - superior if lesion.place[2] >= 0 else superior - lower
        return cover(from_plate - depth + rough, edge_mm)
    half = (body.half_width_mm, body.half_depth_mm, body.middle_mm / 2)
    radius = lesion.extent * body.half_depth_mm
    offset = [a - np.float32(p * h) for a, p, h in zip(at, lesion.place, half, strict=True)]
    flat = np.float32(max(1.0, radius / (0.7 * half[2])))
    square = offset[0] ** 2 + offset[1] ** 2 + (offset[2] * flat) ** 2
    return cover(np.sqrt(square) - np.float32(radius) + rough, edge_mm)
