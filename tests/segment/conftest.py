"""A spine of boxes with rounded rims, drawn analytically on any grid."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from qmri.segment.detect.detector import SpineImages

LEVELS = ("L1", "L2", "L3", "L4", "L5")
SPACING_MM = 36.0
MARROW, CORTEX, DISC, CANAL, MUSCLE = 0.6, 0.15, 1.3, 1.6, 1.0


@dataclass(frozen=True)
class ToySpine:
    images: SpineImages
    labels: NDArray[np.int16]
    centres_mm: NDArray[np.float64]


def grid_affine(axes: str, voxel_mm: tuple[float, float, float], extent_mm: tuple[float, float, float]):
    """Affine and shape of a grid whose axes point to e.g. "PSR", centred on the origin."""
    world = np.array(
        [np.eye(3)["RAS".index(a)] if a in "RAS" else -np.eye(3)["LPI".index(a)] for a in axes]
    ).T
    size = np.abs(world.T) @ np.array(extent_mm)
    shape = tuple(int(n) for n in np.ceil(size / voxel_mm))
    affine = np.eye(4)
    affine[:3, :3] = world * voxel_mm
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine, shape


def draw_spine(
    affine: NDArray[np.float64],
    shape: tuple[int, ...],
    heights: tuple[float, ...] = (27.0,) * 5,
    with_fat: bool = False,
    oedema: int | None = None,
    noise: float = 0.02,
    disc: float = DISC,
    around: tuple[float, float] = (MUSCLE, 0.05),
    psoas_mm: float | None = None,
) -> ToySpine:
    """Draw five bodies along a lordotic curve, cranial to caudal, with the truth.

    ``around`` is the signal and the fat fraction of the tissue around the column; muscle begins at
    ``psoas_mm`` beside it.
    """
    z = SPACING_MM * (2 - np.arange(5.0))
    centres = np.column_stack([np.zeros(5), 12 * np.cos(z / 90), z])
    slope = -12 / 90 * np.sin(z / 90)
    tangent = np.column_stack([np.zeros(5), slope, np.ones(5)]) / np.hypot(slope, 1)[:, None]
    fine = 2
    # Sub-voxel offsets at which the spine is drawn, for partial volume.
    offsets = (np.array(list(np.ndindex(fine, fine, fine))) + 0.5) / fine - 0.5
    index = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in shape), indexing="ij"), -1)
    water, fat, inside = np.zeros(shape), np.zeros(shape), np.zeros((5, *shape))
    for offset in offsets:
        points = (index + offset) @ affine[:3, :3].T + affine[:3, 3]
        centreline = 12 * np.cos(points[..., 2] / 90)
        behind = centreline - points[..., 1]
        signal, fraction = np.full(shape, around[0]), np.full(shape, around[1])
        if psoas_mm is not None:
            signal[np.abs(points[..., 0]) > psoas_mm] = MUSCLE
        canal = np.hypot(points[..., 0] / 9, (behind - 24) / 7) < 1
        signal[canal], fraction[canal] = CANAL, 0.05
        column = (np.abs(points[..., 0] / 27) ** 2.5 + np.abs(behind / 17) ** 2.5) < 1
        column &= np.abs(points[..., 2]) < 2.9 * SPACING_MM
        signal[column], fraction[column] = disc, 0.05
        for body in range(5):
            local = points - centres[body]
            up = local @ tangent[body]
            front = local @ np.array([0, tangent[body, 2], -tangent[body, 1]])
            half = heights[body] / 2

            plan = np.abs(local[..., 0]), np.abs(front)
            outer = ((plan[0] / 26) ** 2.5 + (plan[1] / 17) ** 2.5 < 1) & (np.abs(up) < half)
            marrow = ((plan[0] / 25) ** 2.5 + (plan[1] / 16) ** 2.5 < 1) & (np.abs(up) < half - 1)
            signal[outer] = CORTEX
            signal[marrow] = 1.0 if body == oedema else MARROW
            fraction[marrow] = 0.1 if body == oedema else 0.45
            inside[body] += outer
        water += signal * (1 if not with_fat else 1 - fraction)
        fat += signal * fraction
    count = len(offsets)
    labels = np.zeros(shape, np.int16)
    for body in range(5):
        labels[inside[body] / count > 0.5] = 20 + body
    rng = np.random.default_rng(3)
    water = np.abs(water / count + noise * rng.standard_normal(shape)).astype(np.float32)
    fat = np.abs(fat / count + noise * rng.standard_normal(shape)).astype(np.float32)
    pdff = (100 * fat / np.maximum(water + fat, 1e-3)).astype(np.float32)
    images = SpineImages(water, affine, fat if with_fat else None, pdff if with_fat else None)
    return ToySpine(images, labels, centres)


@pytest.fixture(scope="session")
def draw():
    """Draw a spine on a grid given by its axes and voxel size."""

    def on_grid(axes: str, voxel_mm: tuple[float, float, float], **how) -> ToySpine:
        affine, shape = grid_affine(axes, voxel_mm, (84, 120, 210))
        return draw_spine(affine, shape, **how)

    return functools.cache(on_grid)


@pytest.fixture(scope="session")
def toy_spine(draw) -> ToySpine:
    """Sagittal slices of 4 mm, water alone."""
    return draw("PSR", (1.5, 1.5, 4.0))
