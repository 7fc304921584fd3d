"""Cement and metal make holes in a body; they are filled before its surface is sought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from qmri.segment.cut.contrast import Contrast
from qmri.segment.cut.template import BodySurface, Template, rays_of
from qmri.spine.body_frame import BodyFrame

# Darker than this share of the patient's marrow is a void, if it is wider than cortex can be and this
# share of it lies in the core of the body. What reaches further is a dark disc, air or suppressed fat.
VOID_SIGNAL = 0.25
WIDEST_CORTEX_MM = 3.5
ENCLOSED = 0.7
# The core and the surroundings in which a void may end, over the size of the template.
CORE = 0.9
SURROUNDINGS = 1.3


def marrow_signal(
    contrast: Contrast, image: NDArray[np.float32], bodies: Sequence[tuple[BodyFrame, Template]]
) -> float:
    """Return the median over bodies of the median signal of an image (x, y, z) in the middle of each."""
    return float(np.median([np.median(sample_middle(contrast, image, *body)) for body in bodies]))


def sample_middle(
    contrast: Contrast, image: NDArray[np.float32], frame: BodyFrame, template: Template
) -> NDArray[np.float32]:
    """Return an image (x, y, z) at points in the middle of a body, in its unit."""
    return contrast.sample(image, middle_points(frame, template))


def middle_points(frame: BodyFrame, template: Template) -> NDArray[np.float64]:
    """Return points (9, 8, 7, 3) in RAS+ millimetres that fill the middle half of a body."""
    grid = np.meshgrid(
        np.linspace(-0.5, 0.5, 9) * template.width,
        np.linspace(-0.5, 0.6, 8) * template.anterior,
        np.linspace(-0.6, 0.6, 7) * template.height,
        indexing="ij",
    )
    return frame.to_world(np.stack(grid, -1))


def fill_voids(
    contrast: Contrast,
    bodies: Sequence[tuple[BodyFrame, Template]],
    only: Sequence[int] | None = None,
) -> Contrast:
    """Return the images with the patient's usual marrow in the place of voids inside the bodies.

    Otherwise the surface would be drawn to the brim of the void, which rises outward like that of
    a body. Where ``only`` names the places of some bodies, voids in the others are left.
    """
    marrow = marrow_signal(contrast, contrast.inphase, bodies)
    edges = 1 / np.linalg.norm(contrast.to_voxel[:3, :3], axis=1)
    dark = contrast.inphase < VOID_SIGNAL * marrow
    holes = np.zeros(dark.shape, bool)
    wide = np.ones(np.maximum(np.ceil(WIDEST_CORTEX_MM / edges), 1).astype(int), bool)
    affine = np.asarray(np.linalg.inv(contrast.to_voxel), np.float64)
    for frame, template in bodies if only is None else [bodies[place] for place in only]:
        rays = rays_of(template)
        core = BodySurface(frame, rays, CORE * rays.usual)
        box = voxel_box(BodySurface(frame, rays, SURROUNDINGS * rays.usual), dark.shape, affine)
        hole = ndimage.binary_opening(dark[box], wide)
        points = np.argwhere(hole)
        corner = np.array([part.start for part in box])
        inside = core.depth_mm(apply_affine(affine, points + corner)) > 0
        piece = ndimage.label(hole)[0][tuple(points.T)]
        share = np.bincount(piece, inside) / np.maximum(np.bincount(piece), 1)
        hole[tuple(points[~inside | (share[piece] < ENCLOSED)].T)] = False
        holes[box] |= ndimage.binary_dilation(hole) & (contrast.inphase[box] < 0.8 * marrow)
    if not holes.any():
        return contrast
    fraction = contrast.fraction
    if fraction is not None:
        usual = marrow_signal(contrast, fraction, bodies)
        fraction = np.where(holes, np.float32(usual), fraction)
    inphase = np.where(holes, np.float32(marrow), contrast.inphase)
    return replace(contrast, inphase=inphase, fraction=fraction)


def voxel_box(surface: BodySurface, shape: tuple[int, ...], affine: NDArray[np.float64]) -> tuple[slice, ...]:
    """Return the voxels around a surface, as slices.

    ``affine`` (4, 4) leads from voxel index to RAS+ mm.
    """
    index = apply_affine(np.linalg.inv(affine), surface.points_mm().reshape(-1, 3))
    low = np.clip(np.floor(index.min(0)).astype(int) - 1, 0, shape)
    high = np.clip(np.ceil(index.max(0)).astype(int) + 2, 0, shape)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
