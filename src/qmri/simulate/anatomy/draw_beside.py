"""Draw what lies beside the bodies: discs, arches, canal, trunk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy.spine import (
    Arch,
    Body,
    Canal,
    Disc,
    SpineRecipe,
    Trunk,
)

Rng = np.random.Generator
Vector = NDArray[np.float64]


def draw_disc(rng: Rng, recipe: SpineRecipe, bodies: list[Body], number: int) -> Disc:
    """Draw the disc below a body; below the last of the sacrum it does not bulge."""
    last_of_sacrum = bodies[number].level.startswith("S")
    bulge = 0.0 if last_of_sacrum else max(0.0, rng.normal(0.5, 1.0))
    if last_of_sacrum and recipe.transitional != "lumbarised":
        bulge = -float(rng.uniform(0.0, 4.0))
    level, nucleus = bodies[number].level, float(rng.uniform(0.6, 0.85))
    return Disc(level, number, number + 1, float(bulge), nucleus, recipe.fused.get(level))


def draw_arch(rng: Rng, recipe: SpineRecipe, body: Body, lowest: bool) -> Arch:
    """Draw the posterior elements of a body."""
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


def draw_canal(rng: Rng, bodies: list[Body]) -> Canal:
    """Draw the canal behind the bodies."""
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
    """Return where a canal of this half depth runs behind the middle of a body; (3,) mm."""
    behind = body.half_depth_mm + half_depth_mm + 0.5
    return np.asarray(body.centre_mm - body.axes[1] * behind)


def draw_trunk(rng: Rng, recipe: SpineRecipe, bodies: tuple[Body, ...]) -> Trunk:
    """Draw the trunk around the spine."""
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
