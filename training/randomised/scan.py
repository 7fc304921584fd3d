"""One random scan: a spine, a field of view, a contrast, and the artefacts of a scanner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.images.grid import Grid
from qmri.simulate.anatomy import Rendering, Spine, render
from randomised.artefacts import LEAST_NOISE, add_noise, brightness, spoil
from randomised.contrast import paint_contrast
from randomised.ingredients import EVERYTHING, Ingredients, Style
from randomised.spines import draw_random_spine

Rng = np.random.Generator

FINEST_MM = 2.0
SHARE_WITH_FAT = 0.5
USUAL_DISC_MM = 9.0
# Where a view ends, and how often.
ENDS = {"thoracic": 0.08, "in L5": 0.1, "above the sacrum": 0.12, "in S1": 0.44, "below": 0.26}
# Sagittal scans may be slabs, thinner than the bodies are wide, and beside their middle.
SHARE_SLABS = 0.35
SLAB_MM = (24.0, 48.0)
ORIENTATIONS = {"sagittal": 0.5, "thick sagittal": 0.3, "axial": 0.12, "coronal": 0.08}


@dataclass(frozen=True)
class Scan:
    """A simulated scan with its truth.

    Attributes
    ----------
    water, fat
        (x, y, z) float32 magnitudes; ``fat`` is None in a scan of water alone.
    affine
        (4, 4) voxel index to RAS+ mm.
    spine, rendering
        The truth, the latter on the same grid.
    style
        Of which kind the spine is.
    """

    water: NDArray[np.float32]
    fat: NDArray[np.float32] | None
    affine: NDArray[np.float64]
    spine: Spine
    rendering: Rendering
    style: Style


def draw_scan(
    rng: Rng, *, slices: int = 15, aside_mm: float = 0.0, ingredients: Ingredients = EVERYTHING
) -> Scan:
    """Draw a scan of about ``slices`` sagittal slices of 4 mm, or as wide in another orientation.

    ``aside_mm`` is how far to the right of the spine its middle lies, but for what is drawn besides.
    """
    spine, style = draw_random_spine(rng, ingredients)
    above_mm = 70.0 if style == "crude" else 0.0
    grid = draw_grid(rng, spine, slices, above_mm, ingredients=ingredients)
    grid.affine[0, 3] += aside_mm
    rendering = render(spine, grid.affine, grid.shape)
    water, fat = paint_contrast(rng, rendering, spine, grid.affine, plausible=not ingredients.contrast)
    with_fat = ingredients.fat and rng.random() < SHARE_WITH_FAT
    if ingredients.artefacts:
        water, fat = spoil(rng, water, fat, grid.affine, with_fat=with_fat)
    else:
        sigma = LEAST_NOISE * brightness(water)
        water, fat = add_noise(rng, water, sigma), add_noise(rng, fat, sigma)
    return Scan(water, fat if with_fat else None, grid.affine, spine, rendering, style)


def draw_grid(
    rng: Rng, spine: Spine, slices: int, above_mm: float = 0.0, ingredients: Ingredients = EVERYTHING
) -> Grid:
    """Draw orientation, voxel size and field of view: cut in L5, above, in or below the sacrum, or thoracic.

    The view ends at most ``above_mm`` above the centre of the uppermost body, for beyond it there is nothing.
    """
    kind = _pick(rng, ORIENTATIONS) if ingredients.views else "sagittal"
    spacing = {
        "sagittal": np.array([4.0, FINEST_MM, FINEST_MM]),
        "thick sagittal": np.array([rng.uniform(2.5, 6.0), FINEST_MM, FINEST_MM]),
        "axial": np.array([FINEST_MM * 1.2, FINEST_MM * 1.2, rng.uniform(3.0, 7.0)]),
        "coronal": np.array([FINEST_MM * 1.2, rng.uniform(3.0, 7.0), FINEST_MM * 1.2]),
    }[kind]
    wide = slices * 4.0
    if ingredients.views and "sagittal" in kind and rng.random() < SHARE_SLABS:
        wide = float(rng.uniform(*SLAB_MM))
    extent = np.array([wide, rng.uniform(110.0, 190.0), rng.uniform(140.0, 254.0)])
    bottom = _lower_end(rng, spine, _pick(rng, ENDS) if ingredients.views else "in S1")
    extent[2] = min(extent[2], spine.bodies[0].centre_mm[2] + above_mm - bottom)
    extent[2] = max(extent[2], 100.0)
    inside = [body.centre_mm for body in (*spine.bodies, *spine.sacrum[:1]) if body.centre_mm[2] > bottom]
    centre = np.mean(inside, axis=0) + np.array([rng.normal(0.0, 6.0), rng.uniform(-25.0, 25.0), 0.0])
    centre[2] = bottom + extent[2] / 2
    turn = _rotation(np.radians(rng.normal(0.0, [5.0, 3.0, 5.0])))
    shape = np.maximum(np.round(extent / spacing).astype(int), 4)
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = centre - affine[:3, :3] @ ((shape - 1) / 2)
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def _lower_end(rng: Rng, spine: Spine, kind: str) -> float:
    """Draw the height at which the view ends."""
    lowest = spine.bodies[-1]
    promontory = float((lowest.centre_mm - lowest.axes[2] * (lowest.middle_mm / 2 + USUAL_DISC_MM))[2])
    if kind == "thoracic":
        return float(
            rng.uniform(promontory + 10.0, max(spine.bodies[3].centre_mm[2] - 40.0, promontory + 20.0))
        )
    below = {
        "in L5": (-34.0, -9.0),
        "above the sacrum": (-9.0, 4.0),
        "in S1": (4.0, 45.0),
        "below": (30.0, 110.0),
    }[kind]
    return promontory - float(rng.uniform(*below))


def _pick(rng: Rng, shares: dict[str, float]) -> str:
    return str(rng.choice(list(shares), p=list(shares.values())))


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation by angles about the right, anterior and superior axis."""
    total = np.eye(3)
    for axis, angle in enumerate(angles):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        one = np.eye(3)
        one[i, i] = one[j, j] = np.cos(angle)
        one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
        total = one @ total
    return total
