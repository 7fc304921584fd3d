"""Draw a spine from a recipe: sizes, orientations from the disc angles, then positions."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.simulate.anatomy.draw_beside import draw_arch, draw_canal, draw_disc, draw_trunk
from qmri.simulate.anatomy.muscles.draw_muscles import draw_muscles
from qmri.simulate.anatomy.pose import clear_gap, pitches, place
from qmri.simulate.anatomy.sizes import HEIGHT_IN_VIVO, SACRUM, mean_size
from qmri.simulate.anatomy.spine import (
    Body,
    Fracture,
    Spine,
    SpineRecipe,
)
from qmri.spine.levels import LEVEL_ID

Rng = np.random.Generator
Vector = NDArray[np.float64]

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
    pitch = pitches(rng, recipe, unplaced, gaps, levels)
    gaps = [
        clear_gap(gap, upper, lower, below - above)
        for gap, (upper, lower), (above, below) in zip(gaps, pairwise(unplaced), pairwise(pitch), strict=True)
    ]
    placed = place(rng, recipe, unplaced, gaps=gaps, pitch=pitch, levels=levels)
    bodies, sacrum = tuple(placed[: len(levels)]), tuple(placed[len(levels) :])
    discs = tuple(draw_disc(rng, recipe, placed, number) for number in range(len(levels) + 1))
    spine = Spine(
        bodies=bodies,
        sacrum=sacrum,
        arches=tuple(draw_arch(rng, recipe, body, body is bodies[-1]) for body in bodies),
        discs=discs,
        canal=draw_canal(rng, placed),
        trunk=draw_trunk(rng, recipe, bodies),
        ala_mm=float(rng.uniform(42.0, 54.0) * size),
        transitional=recipe.transitional,
    )
    return replace(spine, muscles=draw_muscles(spine.trunk, placed))


def level_names(recipe: SpineRecipe) -> tuple[str, ...]:
    """Return the levels of a recipe from cranial to caudal.

    Raises
    ------
    QmriError
        If there is no such spine, or the recipe treats levels that it lacks.
    """
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


def _draw_body(rng: Rng, recipe: SpineRecipe, level: str, levels: tuple[str, ...], size: float) -> Body:
    mean = mean_size(level, levels)
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
            mean_size(level, levels).disc_below_mm
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
