"""Draw a spine from a recipe: sizes, orientations from the disc angles, then positions."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.levels import LEVEL_ID
from qmri.simulate.anatomy.shapes import HEIGHT_BASE, endplates
from qmri.simulate.anatomy.sizes import HEIGHT_IN_VIVO, SACRUM, SIZES, LevelSize
from qmri.simulate.anatomy.spine import (
    Arch,
    Body,
    Canal,
    Disc,
    Fracture,
    Spine,
    SpineRecipe,
    Trunk,
)

Rng = np.random.Generator
Vector = NDArray[np.float64]

LEAST_GAP_MM = 1.5
# Loss at the (anterior, middle, posterior) heights relative to the greatest, by kind of fracture.
LOSS_PROFILE = {"wedge": (1.0, 0.65, 0.1), "biconcave": (0.35, 1.0, 0.35), "crush": (0.9, 1.0, 0.9)}


def draw_spine(rng: Rng, recipe: SpineRecipe | None = None) -> Spine:
    """Draw a spine.

    Parameters
    ----------
    rng
        The only source of randomness: the same state and recipe give the same spine.
    recipe
        Ranges and lesions; the ordinary adult if absent.

    Raises
    ------
    QmriError
        If the recipe names a level that the spine does not have.
    """
    recipe = recipe or SpineRecipe()
    levels = level_names(recipe)
    size = rng.uniform(*recipe.size)
    unplaced = [_draw_body(rng, recipe, level, levels, size) for level in levels]
    unplaced += _draw_sacral_bodies(rng, recipe, size)
    gaps = _disc_heights(rng, recipe, levels, size)
    pitch = _pitches(rng, recipe, unplaced, gaps, levels)
    gaps = [
        clear_gap(gap, upper, lower, below - above)
        for gap, (upper, lower), (above, below) in zip(gaps, pairwise(unplaced), pairwise(pitch), strict=True)
    ]
    placed = _place(rng, recipe, unplaced, gaps=gaps, pitch=pitch, levels=levels)
    bodies, sacrum = tuple(placed[: len(levels)]), tuple(placed[len(levels) :])
    discs = tuple(_draw_disc(rng, recipe, placed, number) for number in range(len(levels) + 1))
    return Spine(
        bodies=bodies,
        sacrum=sacrum,
        arches=tuple(_draw_arch(rng, recipe, body, body is bodies[-1]) for body in bodies),
        discs=discs,
        canal=_draw_canal(rng, placed),
        trunk=_draw_trunk(rng, recipe, bodies),
        ala_mm=float(rng.uniform(42.0, 54.0) * size),
        transitional=recipe.transitional,
    )


def level_names(recipe: SpineRecipe) -> tuple[str, ...]:
    """Return the levels of a recipe from cranial to caudal."""
    lumbar = [f"L{number}" for number in range(1, recipe.lumbar_count + 1)]
    order = [f"T{number}" for number in range(1, 13)] + lumbar
    known = recipe.top_level in order and 4 <= recipe.lumbar_count <= 6
    wanted = {*recipe.fractures, *recipe.lesions, *recipe.slips}
    levels = order[order.index(recipe.top_level) :] if known else []
    if not known or not wanted <= set(levels):
        raise QmriError(
            "the recipe of a spine names a level that the spine does not have",
            found=", ".join(sorted(wanted | {recipe.top_level}, key=list(LEVEL_ID).index)),
            expected=", ".join(levels or order),
        )
    return tuple(levels)


def _mean_size(level: str, levels: tuple[str, ...]) -> LevelSize:
    """Return the mean size: the lowest lumbar body is like an L5, an L5 above it like an L4."""
    if level == levels[-1]:
        return SIZES["L5"]
    return SIZES["L4" if level == "L5" else level]


def _draw_body(rng: Rng, recipe: SpineRecipe, level: str, levels: tuple[str, ...], size: float) -> Body:
    mean = _mean_size(level, levels)
    vary = rng.normal(1.0, recipe.shape_spread, 3) * size
    posterior = mean.posterior_mm * HEIGHT_IN_VIVO * vary[0]
    anterior = posterior * mean.wedge * rng.normal(1.0, 0.6 * recipe.shape_spread)
    middle = (anterior + posterior) / 2 * rng.uniform(0.90, 0.97)
    intact = (float(anterior), float(middle), float(posterior))
    fracture = recipe.fractures.get(level)
    heights = fractured_heights(intact, fracture)
    spread = 1.0 + 0.08 * fracture.loss if fracture else 1.0
    node = None
    if rng.random() < recipe.node:
        sign = 1.0 if rng.random() < 0.5 else -1.0
        depth = float(sign * rng.uniform(2.0, 6.0))
        node = (
            float(rng.uniform(-0.4, 0.4)),
            float(rng.uniform(-0.4, 0.4)),
            depth,
            float(rng.uniform(3.0, 6.0)),
        )
    return Body(
        level=level,
        centre_mm=np.zeros(3),
        axes=np.eye(3),
        half_width_mm=float(mean.width_mm / 2 * vary[1]),
        half_depth_mm=float(mean.depth_mm / 2 * vary[2] * spread),
        anterior_mm=heights[0],
        middle_mm=heights[1],
        posterior_mm=heights[2],
        intact_mm=intact,
        taper=float(rng.uniform(-0.08, 0.02)),
        waist=float(rng.uniform(0.03, 0.12)),
        exponent=float(rng.uniform(2.3, 3.2)),
        dish_mm=float(rng.uniform(0.2, 1.2)),
        hollow_mm=float(rng.uniform(0.0, 2.5)),
        osteophyte_mm=float(rng.uniform(2.0, 6.0)) if rng.random() < recipe.osteophyte else 0.0,
        cortex_mm=float(rng.uniform(0.4, 0.9)),
        node=node,
        fracture=fracture,
        lesions=recipe.lesions.get(level, ()),
    )


def fractured_heights(
    intact: tuple[float, float, float], fracture: Fracture | None
) -> tuple[float, float, float]:
    """Return the (anterior, middle, posterior) heights that a fracture leaves of the intact ones, in mm."""
    if fracture is None:
        return intact
    left = 1.0 - fracture.loss * np.asarray(LOSS_PROFILE[fracture.kind])
    anterior, middle, posterior = (float(value) for value in left * np.asarray(intact))
    return anterior, middle, posterior


def _draw_sacral_bodies(rng: Rng, recipe: SpineRecipe, size: float) -> list[Body]:
    bodies = []
    square = recipe.transitional == "lumbarised"
    for name, mean in SACRUM.items():
        vary = rng.normal(1.0, 1.5 * recipe.shape_spread, 3) * size
        first = name == "S1"
        anterior = mean.anterior_mm * vary[0]
        posterior = mean.posterior_mm * vary[0] * rng.uniform(0.85, 1.1)
        taper = rng.uniform(0.05, 0.45) if first else rng.uniform(0.2, 0.4)
        middle = (anterior + posterior) / 2 * rng.uniform(0.94, 1.0)
        body = Body(
            level=name,
            centre_mm=np.zeros(3),
            axes=np.eye(3),
            half_width_mm=float(mean.width_mm / 2 * (1 - taper / 2) * vary[1]),
            half_depth_mm=float(mean.depth_mm / 2 * (1 - taper / 2) * vary[2]),
            anterior_mm=float(anterior),
            middle_mm=float(middle),
            posterior_mm=float(posterior),
            intact_mm=(float(anterior), float(middle), float(posterior)),
            taper=float(taper),
            waist=float(rng.uniform(0.0, 0.06)),
            exponent=float(rng.uniform(2.2, 2.8)),
            dish_mm=float(rng.uniform(0.0, 0.8)),
        )
        if first and square:
            wider = 1.0 + body.taper / 2
            body = replace(
                body,
                half_width_mm=body.half_width_mm * wider,
                half_depth_mm=body.half_depth_mm * wider,
                taper=float(rng.uniform(0.0, 0.12)),
            )
        bodies.append(body)
    return bodies


def _disc_heights(rng: Rng, recipe: SpineRecipe, levels: tuple[str, ...], size: float) -> list[float]:
    """Return the heights in mm of the discs from the top one to that below S4."""
    factor = rng.uniform(*recipe.disc_height)
    gaps = []
    for level in levels:
        height = (
            _mean_size(level, levels).disc_below_mm
            * size
            * factor
            * max(0.4, rng.normal(1.0, recipe.disc_spread))
        )
        if rng.random() < recipe.collapsed:
            height *= rng.uniform(0.25, 0.6)
        gaps.append(float(max(height, 2.0)))
    if recipe.transitional == "sacralised":
        gaps[-1] *= 0.4
    remnant = rng.uniform(*recipe.remnant_mm)
    gaps.append(float(rng.uniform(6.0, 9.0) if recipe.transitional == "lumbarised" else remnant))
    gaps += [float(remnant * rng.uniform(0.2, 0.8)) for _ in range(3)]
    return gaps


def wedge_angle(body: Body) -> float:
    """Angle between the endplates of a body in degrees, positive when it is taller in front."""
    base = 2 * HEIGHT_BASE * body.half_depth_mm
    return float(np.degrees(np.arctan((body.anterior_mm - body.posterior_mm) / base)))


def _pitches(
    rng: Rng, recipe: SpineRecipe, bodies: list[Body], gaps: list[float], levels: tuple[str, ...]
) -> list[float]:
    """Return the inclination of each body in degrees, positive when its upper end leans forwards."""
    lordosis, kyphosis = rng.uniform(*recipe.lordosis), rng.uniform(*recipe.kyphosis)
    steps = []
    for number, (upper, lower) in enumerate(pairwise(bodies)):
        if number < len(levels):
            opening = _mean_size(upper.level, levels).disc_wedge_deg
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


def _place(
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
    """Return the centre of a body with its axes, ``gap_mm`` below another one that is in its place.

    The posterior walls, not the axes, lie on one line; the upper body slips forwards by ``slip_mm``.
    """
    above, below = upper.axes[2], lower.axes[2]
    between = (above + below) / np.linalg.norm(above + below)
    centre = upper.centre_mm - above * upper.middle_mm / 2 - between * gap_mm
    centre = centre - below * lower.middle_mm / 2
    backward = lower.half_depth_mm - upper.half_depth_mm
    return np.asarray(centre + lower.axes[1] * (backward - slip_mm))


def _draw_disc(rng: Rng, recipe: SpineRecipe, bodies: list[Body], number: int) -> Disc:
    last_of_sacrum = bodies[number].level.startswith("S")
    bulge = 0.0 if last_of_sacrum else max(0.0, rng.normal(0.5, 1.0))
    if last_of_sacrum and recipe.transitional != "lumbarised":
        bulge = -float(rng.uniform(0.0, 4.0))
    return Disc(bodies[number].level, number, number + 1, float(bulge), float(rng.uniform(0.6, 0.85)))


def _draw_arch(rng: Rng, recipe: SpineRecipe, body: Body, lowest: bool) -> Arch:
    thoracic = body.level.startswith("T")
    scale = body.half_width_mm / 22.0
    return Arch(
        spinous_length_mm=float(rng.uniform(26.0, 36.0) * (0.8 if lowest else 1.0)),
        spinous_drop_deg=float(rng.uniform(30.0, 55.0) if thoracic else rng.uniform(5.0, 25.0)),
        spinous_half_height_mm=float(rng.uniform(3.0, 5.0) if thoracic else rng.uniform(6.0, 12.0)),
        process_length_mm=float(rng.uniform(12.0, 20.0)),
        thickness_mm=float(rng.uniform(3.0, 4.5) * min(1.2, max(0.7, scale))),
        rib=thoracic,
        fused=lowest and recipe.transitional == "sacralised",
    )


def _draw_canal(rng: Rng, bodies: list[Body]) -> Canal:
    depth, width = rng.uniform(7.0, 9.5), rng.uniform(9.5, 12.5)
    points, half_depth, half_width = [], [], []
    for body in reversed(bodies):
        sacral = {"S1": 0.8, "S2": 0.6, "S3": 0.45, "S4": 0.3, "S5": 0.2}.get(body.level, 1.0)
        shrink = sacral * (0.85 if body.level.startswith("T") else 1.0)
        points.append(canal_point(body, depth * shrink))
        half_depth.append(depth * shrink)
        half_width.append(width * (0.75 if body.level.startswith("T") else 1.0) * min(1.0, sacral + 0.2))
    by_level = {body.level: body for body in bodies}
    lumbar = by_level.get("L1", bodies[0])
    return Canal(
        points_mm=np.array(points),
        half_depth_mm=np.array(half_depth),
        half_width_mm=np.array(half_width),
        conus_z_mm=float(lumbar.centre_mm[2] + rng.uniform(-30.0, 20.0)),
        sac_end_z_mm=float(by_level["S2"].centre_mm[2] + rng.uniform(-5.0, 35.0)),
        cord_radius_mm=float(rng.uniform(3.5, 5.0)),
    )


def canal_point(body: Body, half_depth_mm: float) -> Vector:
    """Return where a canal of this half depth runs behind the middle of a body."""
    behind = body.half_depth_mm + half_depth_mm + 0.5
    return np.asarray(body.centre_mm - body.axes[1] * behind)


def _draw_trunk(rng: Rng, recipe: SpineRecipe, bodies: tuple[Body, ...]) -> Trunk:
    heights = {body.level: float(body.centre_mm[2]) for body in bodies}
    return Trunk(
        fat_mm=float(rng.uniform(*recipe.fat_mm)),
        skin_behind_canal_mm=float(rng.uniform(34.0, 52.0)),
        half_width_mm=float(rng.uniform(140.0, 190.0)),
        half_depth_mm=float(rng.uniform(95.0, 140.0)),
        muscle_fat=float(rng.uniform(*recipe.muscle_fat)),
        psoas_mm=float(rng.uniform(14.0, 24.0)),
        vessel_mm=float(rng.uniform(7.0, 11.0)),
        vessel_end_z_mm=heights["L4"] + float(rng.uniform(-12.0, 12.0)),
        diaphragm_z_mm=heights["L1"] + float(rng.uniform(5.0, 50.0)) if "L1" in heights else 0.0,
        bowel=float(rng.uniform(0.2, 0.7)),
        gas=float(rng.uniform(0.0, 0.25)),
        seed=int(rng.integers(2**31)),
    )
