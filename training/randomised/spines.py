"""Random spines far beyond the ordinary: fractured, operated, transitional, crude as a phantom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qmri.simulate.anatomy import Body, Fracture, Lesion, Spine, SpineRecipe, draw_spine
from qmri.simulate.anatomy.draw import level_names
from qmri.simulate.anatomy.spine import FractureKind, LesionKind
from randomised.ingredients import EVERYTHING, Ingredients, Style
from randomised.muscles import vary_muscles
from randomised.sacrum import stump, vary_sacrum

KINDS: tuple[FractureKind, ...] = ("wedge", "biconcave", "crush")
SHARES: dict[Style, float] = {"ordinary": 0.37, "diseased": 0.27, "transitional": 0.08, "crude": 0.28}

# Of spines without other disease.
SHARE_CURVED = 0.15
CURVED_DEG = (8.0, 35.0)
# Of fractures: those with a step in the endplate, a corner of it driven back.
SHARE_BROKEN = 0.6
SHARE_FUSED_WINGS = 0.7
# Straight through the lordotic range to far beyond it; wider than nature, so that nature lies well inside.
WIDE = SpineRecipe(
    size=(0.8, 1.2),
    lordosis=(0.15, 1.6),
    kyphosis=(-1.0, 2.5),
    tilt_deg=(-18.0, 12.0),
    disc_height=(0.65, 1.35),
    disc_spread=0.15,
    sacral_kink_deg=(-2.0, 20.0),
    remnant_mm=(1.0, 5.5),
    shape_spread=0.06,
    collapsed=0.08,
    fat_mm=(3.0, 50.0),
)


def draw_random_spine(rng: np.random.Generator, ingredients: Ingredients = EVERYTHING) -> tuple[Spine, Style]:
    """Draw a spine and tell of which style it is."""
    style = _draw_style(rng, ingredients)
    recipe = replace(
        WIDE,
        top_level=f"T{rng.integers(5, 10)}",
        lumbar_count=int(rng.choice([4, 5, 6], p=[0.05, 0.9, 0.05])),
        muscle_fat=(0.0, float(rng.uniform(0.05, 0.6))),
    )
    if style == "diseased":
        recipe = _with_disease(rng, recipe)
    elif style == "transitional":
        recipe = replace(recipe, transitional=("lumbarised", "sacralised")[rng.integers(2)])
    elif style == "crude":
        top = ("T8", "T9", "T10", "T11", "T12", "L1")[rng.integers(6)]
        recipe = replace(
            recipe, top_level=top, lordosis=(-0.1, 1.0), kyphosis=(-1.5, 1.0), tilt_deg=(-8.0, 8.0)
        )
        if ingredients.disease and rng.random() < 0.7:
            recipe = replace(_with_disease(rng, recipe), cobb_deg=(0.0, 3.0))
    if ingredients.disease and style in ("ordinary", "transitional") and rng.random() < SHARE_CURVED:
        recipe = replace(recipe, cobb_deg=CURVED_DEG)
    spine = draw_spine(rng, recipe)
    if ingredients.sacrum:
        spine = replace(spine, fused_wings=bool(rng.random() < SHARE_FUSED_WINGS))
    if ingredients.sacrum and spine.transitional != "lumbarised":
        spine = vary_sacrum(rng, spine)
    spine = _crude(rng, spine) if style == "crude" else spine
    return (vary_muscles(spine, style) if ingredients.muscles else spine), style


def _draw_style(rng: np.random.Generator, ingredients: Ingredients) -> Style:
    left_out = {
        "diseased": not ingredients.disease,
        "transitional": not ingredients.transitional,
        "crude": not ingredients.crude,
    }
    styles = [style for style in SHARES if not left_out.get(style, False)]
    shares = np.array([SHARES[style] for style in styles])
    return styles[rng.choice(len(styles), p=shares / shares.sum())]


def _with_disease(rng: np.random.Generator, recipe: SpineRecipe) -> SpineRecipe:
    """Add fractures, lesions, slips, scoliosis, degenerate discs."""
    fractures: dict[str, Fracture] = {}
    lesions: dict[str, tuple[Lesion, ...]] = {}
    burden = rng.uniform(0.08, 0.45)
    for level in level_names(recipe):
        here = []
        if rng.random() < burden:
            fractures[level] = _fracture(rng)
            if rng.random() < 0.5:
                side = float(rng.choice([-1.0, 1.0], p=[0.2, 0.8]))
                here.append(_lesion(rng, "oedema", rng.uniform(0.15, 1.6), (0.0, 0.0, side)))
        chance = rng.random()
        place = (float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.3, 0.3)))
        if chance < 0.11:
            here.append(_lesion(rng, "cement", rng.uniform(0.3, 1.1), place))
        elif chance < 0.16:
            here.append(_lesion(rng, "haemangioma", rng.uniform(0.2, 0.7), place))
        elif chance < 0.18:
            here.append(_lesion(rng, "screws", rng.uniform(0.0, 1.0), place))
        if here:
            lesions[level] = tuple(here)
    slips = {"L4": float(rng.uniform(2.0, 9.0))} if rng.random() < 0.1 and recipe.lumbar_count >= 4 else {}
    return replace(
        recipe,
        fractures=fractures,
        lesions=lesions,
        slips=slips,
        cobb_deg=(0.0, 35.0),
        collapsed=0.2,
        node=0.15,
        osteophyte=0.4,
    )


def _fracture(rng: np.random.Generator) -> Fracture:
    """Draw a fracture, smooth or with a broken endplate and a corner driven into the canal."""
    smooth = Fracture(KINDS[rng.integers(3)], float(rng.uniform(0.12, 0.65)), float(rng.uniform(0.4, 1.0)))
    if rng.random() >= SHARE_BROKEN:
        return smooth
    return replace(
        smooth,
        step_mm=float(rng.uniform(-4.0, 4.0)),
        step_at=float(rng.uniform(-0.6, 0.8)),
        retropulsed_mm=float(rng.uniform(0.0, 6.0)) if rng.random() < 0.6 else 0.0,
    )


def _lesion(
    rng: np.random.Generator,
    kind: LesionKind,
    extent: float,
    place: tuple[float, float, float],
) -> Lesion:
    return Lesion(kind, float(extent), place, float(rng.uniform(0.0, 3.0)), int(rng.integers(2**31)))


def _crude(rng: np.random.Generator, spine: Spine) -> Spine:
    """Simplify a spine to what phantoms show: plain bodies, few surroundings, a sacrum, a stump or none."""
    exponent, cortex = float(rng.uniform(2.0, 7.0)), float(rng.choice([0.05, rng.uniform(0.3, 1.2)]))

    def plain(body: Body) -> Body:
        return replace(
            body,
            waist=0.0,
            dish_mm=0.0,
            hollow_mm=0.0,
            osteophyte_mm=0.0,
            node=None,
            exponent=exponent,
            cortex_mm=cortex,
        )

    brick = rng.random() < 0.5
    bodies = tuple(_brick(plain(body)) if brick else plain(body) for body in spine.bodies)
    kept = int(rng.choice([0, 1, 2, 5], p=[0.2, 0.5, 0.05, 0.25]))
    sacrum = tuple(plain(body) for body in spine.sacrum[:kept])
    if kept == 1:
        sacrum = (stump(rng, _brick(sacrum[0]) if brick else sacrum[0], bodies[-1]),)
    count = len(bodies) + len(sacrum)
    arches = spine.arches if rng.random() < 0.4 else ()
    gas = 0.0 if rng.random() < 0.5 else spine.trunk.gas
    return replace(
        spine,
        bodies=bodies,
        sacrum=sacrum,
        arches=arches,
        sacral_arch=spine.sacral_arch if arches else None,
        discs=tuple(disc for disc in spine.discs if disc.below < count),
        trunk=replace(spine.trunk, muscle_fat=0.0, bowel=float(rng.choice([0.0, 1.0])), gas=gas),
        ala_mm=0.0 if rng.random() < 0.6 else spine.ala_mm,
    )


def _brick(body: Body) -> Body:
    """Make a body as high in front as behind, unless a fracture shaped it."""
    if body.fracture is not None:
        return body
    height = body.middle_mm
    return replace(
        body, anterior_mm=height, posterior_mm=height, intact_mm=(height, height, height), taper=0.0
    )
