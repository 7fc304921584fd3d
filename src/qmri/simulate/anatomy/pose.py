"""Where bodies stand: orientations from the disc angles, then positions from above to below."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy.shapes import HEIGHT_BASE, endplates
from qmri.simulate.anatomy.sizes import mean_size
from qmri.simulate.anatomy.spine import (
    Body,
    SpineRecipe,
)

Rng = np.random.Generator
Vector = NDArray[np.float64]
LEAST_GAP_MM = 1.5


def wedge_angle(body: Body) -> float:
    """Angle between the endplates of a body in degrees, positive when it is taller in front."""
    base = 2 * HEIGHT_BASE * body.half_depth_mm
    return float(np.degrees(np.arctan((body.anterior_mm - body.posterior_mm) / base)))


def pitches(
    rng: Rng, recipe: SpineRecipe, bodies: list[Body], gaps: list[float], levels: tuple[str, ...]
) -> list[float]:
    """Return the inclination of each body in degrees, positive when its upper end leans forwards."""
    lordosis, kyphosis = rng.uniform(*recipe.lordosis), rng.uniform(*recipe.kyphosis)
    steps = []
    for number, (upper, lower) in enumerate(pairwise(bodies)):
        if number < len(levels):
            opening = mean_size(upper.level, levels).disc_wedge_deg
            wedge = opening * lordosis if opening > 0 else opening - kyphosis
            wedge += rng.normal(0.0, 2.0 if opening > 1.5 else 1.0)
            depth = min(upper.half_depth_mm, lower.half_depth_mm)
            most = np.degrees((gaps[number] - LEAST_GAP_MM) / depth)
            wedge = float(np.clip(wedge, -0.8 * most, most))
            steps.append(wedge + (wedge_angle(upper) + wedge_angle(lower)) / 2)
        else:
            steps.append(-float(rng.uniform(*recipe.sacral_kink_deg)))
    reference = levels.index("L3") if "L3" in levels else 0
    pitch = np.concatenate([[0.0], np.cumsum(steps)])
    pitch += rng.uniform(*recipe.tilt_deg) - pitch[reference]
    return [float(np.clip(angle, -70.0, 70.0)) for angle in pitch]


def clear_gap(gap_mm: float, upper: Body, lower: Body, angle_deg: float) -> float:
    """Return the gap between two bodies at their middle, raised so that their rims do not meet.

    ``angle_deg`` is the angle between their axes, positive where it opens the gap in front.
    """
    depth, width = (
        min(getattr(body, name) for body in (upper, lower)) for name in ("half_depth_mm", "half_width_mm")
    )
    along = np.linspace(-1.0, 1.0, 9, dtype=np.float32) * np.float32(depth)
    across = np.array([[0.0], [0.8 * width]], dtype=np.float32)
    floor = endplates(upper, across, along)[1] + upper.middle_mm / 2
    ceiling = endplates(lower, across, along)[0] - lower.middle_mm / 2
    rims = along * np.tan(np.radians(angle_deg)) + floor - ceiling
    return max(gap_mm, LEAST_GAP_MM - float(rims.min()))


def body_axes(pitch_deg: float, roll_deg: float, yaw_deg: float) -> Vector:
    """Return the (3, 3) axes (rows right, anterior, superior) of a body.

    Pitch leans its upper end forwards, roll to the right, and yaw turns its front to the left.
    """
    pitch, roll, yaw = np.radians([pitch_deg, roll_deg, yaw_deg])
    right = np.array([1.0, 0.0, 0.0])
    anterior = np.array([0.0, np.cos(pitch), -np.sin(pitch)])
    superior = np.array([0.0, np.sin(pitch), np.cos(pitch)])
    superior, right = (
        np.cos(roll) * superior + np.sin(roll) * right,
        np.cos(roll) * right - np.sin(roll) * superior,
    )
    right, anterior = (
        np.cos(yaw) * right + np.sin(yaw) * anterior,
        np.cos(yaw) * anterior - np.sin(yaw) * right,
    )
    return np.stack([right, anterior, superior])


def place(
    rng: Rng,
    recipe: SpineRecipe,
    bodies: list[Body],
    *,
    gaps: list[float],
    pitch: list[float],
    levels: tuple[str, ...],
) -> list[Body]:
    """Give the bodies, from cranial to caudal, their axes and centres."""
    cobb = rng.uniform(*recipe.cobb_deg) * rng.choice([-1.0, 1.0])
    apex, half_span = rng.uniform(0, len(levels)), rng.uniform(3.0, 5.0)
    twist = rng.uniform(0.0, 0.6)
    axes = []
    for number in range(len(bodies)):
        along = np.clip((number - apex) / half_span, -1.0, 1.0)
        roll = cobb / 2 * np.sin(np.pi / 2 * along)
        yaw = twist * cobb / 2 * np.cos(np.pi / 2 * along)
        sacral = number >= len(levels)
        roll_here = 0.3 * roll if sacral else roll
        axes.append(body_axes(pitch[number], roll_here, 0.3 * yaw if sacral else yaw))
    centre = np.zeros(3)
    centres = [centre]
    for number, gap in enumerate(gaps):
        upper = replace(bodies[number], centre_mm=centre, axes=axes[number])
        lower = replace(bodies[number + 1], axes=axes[number + 1])
        centre = centre_below(upper, lower, gap, recipe.slips.get(upper.level, 0.0))
        centres.append(centre)
    origin = centres[levels.index("L3") if "L3" in levels else 0]
    return [
        replace(body, centre_mm=place - origin, axes=frame)
        for body, place, frame in zip(bodies, centres, axes, strict=True)
    ]


def centre_below(upper: Body, lower: Body, gap_mm: float, slip_mm: float = 0.0) -> Vector:
    """Return the centre of a body with its axes, ``gap_mm`` below another one that is in its place; (3,) mm.

    The posterior walls, not the axes, lie on one line; the upper body slips forwards by ``slip_mm``.
    """
    above, below = upper.axes[2], lower.axes[2]
    between = (above + below) / np.linalg.norm(above + below)
    centre = upper.centre_mm - above * upper.middle_mm / 2 - between * gap_mm
    centre = centre - below * lower.middle_mm / 2
    backward = lower.half_depth_mm - upper.half_depth_mm
    return np.asarray(centre + lower.axes[1] * (backward - slip_mm))
