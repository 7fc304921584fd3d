"""One random scan: a spine, a field of view, a contrast, and the artefacts of a scanner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy import Rendering, Spine, render
from qmri.simulate.randomised.artefacts import add_noise, blur, draw_shading, ghosts, swap_region
from qmri.simulate.randomised.contrast import paint_contrast
from qmri.simulate.randomised.spines import Style, draw_random_spine

Rng = np.random.Generator

FINEST_MM = 2.0
SHARE_WITH_FAT = 0.5
SHARE_THORACIC = 0.12


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


@dataclass(frozen=True)
class Grid:
    """A field of view."""

    affine: NDArray[np.float64]
    shape: tuple[int, int, int]


def draw_scan(rng: Rng, *, slices: int = 15) -> Scan:
    """Draw a scan of about ``slices`` sagittal slices of 4 mm, or as wide in another orientation."""
    spine, style = draw_random_spine(rng)
    grid = draw_grid(rng, spine, slices, above_mm=70.0 if style == "crude" else 0.0)
    rendering = render(spine, grid.affine, grid.shape)
    water, fat = paint_contrast(rng, rendering, len(spine.bodies))
    spacing = np.linalg.norm(grid.affine[:3, :3], axis=0)
    if rng.random() < 0.5:
        width = rng.uniform(1.0, 3.5)
        water, fat = blur(water, spacing, width), blur(fat, spacing, width)
    shading = draw_shading(rng, grid.affine, grid.shape)
    water, fat = water * shading, fat * shading
    with_fat = rng.random() < SHARE_WITH_FAT
    if with_fat and rng.random() < 0.06:
        water, fat = swap_region(rng, water, fat)
    if rng.random() < 0.12:
        water, fat = ghosts(rng, water), ghosts(rng, fat)
    sigma = float(np.quantile(water[::2, ::4, ::4], 0.95)) * rng.choice([0.01, rng.uniform(0.01, 0.1)])
    water, fat = add_noise(rng, water, sigma), add_noise(rng, fat, sigma)
    if not with_fat:
        water = np.asarray(water ** np.float32(rng.uniform(0.6, 1.6)), dtype=np.float32)
        if rng.random() < 0.06:
            water = water + fat  # in-phase
    return Scan(water, fat if with_fat else None, grid.affine, spine, rendering, style)


def draw_grid(rng: Rng, spine: Spine, slices: int, above_mm: float = 0.0) -> Grid:
    """Draw orientation, voxel size and field of view: cut above, in or below the sacrum, or thoracic.

    The view ends at most ``above_mm`` above the centre of the uppermost body, for beyond it there is nothing.
    """
    kind = rng.choice(["sagittal", "thick sagittal", "axial", "coronal"], p=[0.5, 0.3, 0.12, 0.08])
    spacing = {
        "sagittal": np.array([4.0, FINEST_MM, FINEST_MM]),
        "thick sagittal": np.array([rng.uniform(2.5, 6.0), FINEST_MM, FINEST_MM]),
        "axial": np.array([FINEST_MM * 1.2, FINEST_MM * 1.2, rng.uniform(3.0, 7.0)]),
        "coronal": np.array([FINEST_MM * 1.2, rng.uniform(3.0, 7.0), FINEST_MM * 1.2]),
    }[str(kind)]
    extent = np.array([slices * 4.0, rng.uniform(110.0, 190.0), rng.uniform(140.0, 254.0)])
    sacral = spine.sacrum[0]
    promontory = sacral.centre_mm + sacral.axes[2] * sacral.middle_mm / 2
    if rng.random() < SHARE_THORACIC:
        bottom = float(
            rng.uniform(promontory[2] + 10.0, max(spine.bodies[3].centre_mm[2] - 40.0, promontory[2] + 20.0))
        )
    else:
        below = rng.uniform(-10.0, 45.0) if rng.random() < 0.7 else rng.uniform(30.0, 110.0)
        bottom = float(promontory[2] - below)
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
    return Grid(affine, (int(shape[0]), int(shape[1]), int(shape[2])))


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
