"""Render a spine on a grid: fractions of tissue that sum to one, and the labels of the bodies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from qmri.simulate.anatomy.canvas import Canvas
from qmri.simulate.anatomy.column import (
    body_box,
    paint_arch,
    paint_body,
    paint_canal,
    paint_disc,
    paint_fused_wings,
    paint_sacral_wings,
    paint_screws,
)
from qmri.simulate.anatomy.spine import Disc, Spine
from qmri.simulate.anatomy.surroundings import paint_trunk
from qmri.simulate.anatomy.tissues import Tissue
from qmri.spine.levels import LEVEL_ID
from qmri.spine.tissue_labels import CANAL, DISC

Supersample = int | tuple[int, int, int]
REMNANT = Disc("S", 0, 0, bulge_mm=-3.0, nucleus=0.5)
"""What is left between the bodies of the sacrum."""


@dataclass(frozen=True)
class Rendering:
    """A spine on a grid.

    Attributes
    ----------
    fractions
        (x, y, z) float32 by tissue, volumes that sum to 1 in each voxel; a tissue that is nowhere is absent.
    labels
        (x, y, z) int16, level ids of the bodies (``qmri.spine.levels``), cortex included; a voxel belongs
        to a body that fills more than half of it.
    body
        (x, y, z) int16, 1 + index into ``spine.bodies`` of the body with the largest share of the
        voxel, 0 where there is none: tells which marrow a voxel at the edge holds.
    tissues
        (x, y, z) uint8, ids of ``qmri.spine.tissue_labels``: canal, discs and muscles, each where it fills
        more than half of the voxel; a muscle with the fat inside it.
    muscle_fat
        (x, y, z) float32, share of the muscle in a voxel that is the fat inside it, 0-1; what lies beside it
        in the voxel does not count. 0 where no muscle is.
    """

    fractions: dict[Tissue, NDArray[np.float32]]
    labels: NDArray[np.int16]
    body: NDArray[np.int16]
    tissues: NDArray[np.uint8]
    muscle_fat: NDArray[np.float32]

    def fraction(self, *tissues: Tissue) -> NDArray[np.float32]:
        """Return the share of these tissues together, zero where there is none; (x, y, z)."""
        total = np.zeros(self.labels.shape, dtype=np.float32)
        for tissue in tissues:
            if tissue in self.fractions:
                total += self.fractions[tissue]
        return total


def render(
    spine: Spine, affine: NDArray[np.float64], shape: tuple[int, int, int], *, supersample: Supersample = 1
) -> Rendering:
    """Render a spine.

    Parameters
    ----------
    spine
        The spine; its coordinates are the RAS+ mm of the affine.
    affine
        (4, 4) voxel index (of voxel centres) to RAS+ mm; any orientation.
    shape
        Voxels along the three axes.
    supersample
        Points per voxel along each axis whose fractions are averaged. Choose them so that their spacing is
        about the same along all axes, e.g. (4, 1, 1) for sagittal slices of 4 mm with pixels of 1 mm.

    Returns
    -------
    Rendering
        Surfaces are soft over the narrowest spacing of the points.
    """
    affine = np.asarray(affine, dtype=np.float64)
    counts = (supersample,) * 3 if isinstance(supersample, int) else supersample
    spacing = voxel_sizes(affine) / counts
    edge = float(spacing.min())
    offsets = np.stack(
        np.meshgrid(*[(np.arange(count) + 0.5) / count - 0.5 for count in counts], indexing="ij"), axis=-1
    ).reshape(-1, 3)
    fractions: dict[Tissue, NDArray[np.float32]] = {}
    grid = Canvas(affine, shape, edge)
    boxes = [body_box(grid, body) for body in spine.bodies]
    shares = [
        np.zeros([part.stop - part.start for part in box] if box else (0, 0, 0), dtype=np.float32)
        for box in boxes
    ]
    weight = np.float32(1 / len(offsets))
    muscles: dict[int, NDArray[np.float32]] = {}
    fat_inside = np.zeros(shape, dtype=np.float32)
    for offset in offsets:
        shifted = affine.copy()
        shifted[:3, 3] = apply_affine(affine, offset)
        canvas = Canvas(shifted, shape, edge)
        painted = paint_trunk(canvas, spine)
        soft = _soft(canvas)
        _paint_column(canvas, spine)
        for body, box, share in zip(spine.bodies, boxes, shares, strict=True):
            if box is not None:
                np.add(share, weight * paint_body(canvas, body, box), out=share)
        for body in spine.bodies:
            if any(lesion.kind == "screws" for lesion in body.lesions):
                paint_screws(canvas, body)
        left = weight * _soft(canvas) / np.maximum(soft, np.float32(1e-6))
        for number, part, muscle, fat in painted:
            if number not in muscles:
                muscles[number] = np.zeros(shape, dtype=np.float32)
            muscles[number][part] += left[part] * muscle
            fat_inside[part] += left[part] * fat
        for tissue, fraction in canvas.fractions.items():
            fractions[tissue] = (
                fractions[tissue] + weight * fraction if tissue in fractions else weight * fraction
            )
    labels, index = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.int16)
    largest = np.zeros(shape, dtype=np.float32)
    for number, (body, box, share) in enumerate(zip(spine.bodies, boxes, shares, strict=True)):
        if box is None:
            continue
        labels[box][share > 0.5] = LEVEL_ID[body.level]
        wins = share > largest[box]
        index[box][wins] = number + 1
        largest[box] = np.maximum(largest[box], share)
    whole = np.zeros(shape, dtype=np.float32)
    for share in muscles.values():
        whole += share
    muscle_fat = np.divide(fat_inside, whole, out=np.zeros_like(whole), where=whole > 0)
    return Rendering(fractions, labels, index, _tissues(fractions, muscles, shape), muscle_fat)


def _soft(canvas: Canvas) -> NDArray[np.float32]:
    """Share of each voxel that is muscle or fat in it: what is painted over it later lessens both alike."""
    return canvas.fractions[Tissue.MUSCLE] + canvas.fractions[Tissue.VISCERAL_FAT]


def _tissues(
    fractions: dict[Tissue, NDArray[np.float32]],
    muscles: dict[int, NDArray[np.float32]],
    shape: tuple[int, int, int],
) -> NDArray[np.uint8]:
    """Return the ids of canal, discs and muscles where they fill more than half of a voxel."""
    tissues = np.zeros(shape, dtype=np.uint8)
    groups = {CANAL: (Tissue.CSF, Tissue.CORD, Tissue.EPIDURAL_FAT), DISC: (Tissue.DISC, Tissue.ANNULUS)}
    for number, members in groups.items():
        tissues[sum(fractions.get(member, np.float32(0)) for member in members) > 0.5] = number
    for number, share in muscles.items():
        tissues[share > 0.5] = number
    return tissues


def _paint_column(canvas: Canvas, spine: Spine) -> None:
    """Paint everything but trunk and vertebral bodies, from the outside in."""
    if spine.arches:
        for arch, body in zip(spine.arches, spine.bodies, strict=True):
            paint_arch(canvas, arch, body)
    if spine.sacral_arch is not None and spine.sacrum:
        paint_arch(canvas, spine.sacral_arch, spine.sacrum[0])
    if spine.ala_mm > 0:
        if spine.fused_wings and len(spine.sacrum) > 1:
            paint_fused_wings(canvas, spine)
        paint_sacral_wings(canvas, spine)
    paint_canal(canvas, spine)
    column = (*spine.bodies, *spine.sacrum)
    discs = [(column[disc.above], column[disc.below], disc) for disc in spine.discs]
    discs += [(upper, lower, REMNANT) for upper, lower in pairwise(spine.sacrum[1:])]
    for disc in discs:
        paint_disc(canvas, *disc)
    for body in reversed(spine.sacrum):
        box = body_box(canvas, body)
        if box is not None:
            paint_body(canvas, body, box)
