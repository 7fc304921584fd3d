"""From surfaces to a label map: every voxel belongs to at most one body."""

from __future__ import annotations

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from qmri.segment.cut.template import BodySurface
from qmri.segment.cut.voids import voxel_box

# A voxel thicker than this is cut into parts, and belongs to the body that holds most of it.
FINE_MM = 1.5


def rasterise(
    surfaces: list[BodySurface], labels: list[int], shape: tuple[int, ...], affine: NDArray[np.float64]
) -> NDArray[np.int16]:
    """Return the label map of the bodies.

    A voxel is labelled if more than half of its volume lies inside a surface; where two surfaces
    overlap, each part of the voxel goes to the body in which it lies deeper.

    Parameters
    ----------
    surfaces, labels
        The bodies and their label ids.
    shape, affine
        Grid of the label map.
    """
    edges = voxel_sizes(affine)
    parts = np.maximum(np.ceil(edges / FINE_MM - 1e-6), 1).astype(int)
    boxes = [voxel_box(surface, shape, affine) for surface in surfaces]
    voxels = [
        np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1) for box in boxes
    ]
    share = [np.zeros(own.shape[:3], np.float32) for own in voxels]
    owner, deepest = np.empty(shape, np.int16), np.empty(shape, np.float32)
    for shift in np.ndindex(*parts):
        within = (np.array(shift) + 0.5) / parts - 0.5
        for box in boxes:
            owner[box], deepest[box] = -1, 0
        for index, (surface, box, own) in enumerate(zip(surfaces, boxes, voxels, strict=True)):
            points = apply_affine(affine, own + within)
            depth = surface.depth_mm(points.reshape(-1, 3)).reshape(own.shape[:3])
            deeper = depth > deepest[box]
            owner[box] = np.where(deeper, index, owner[box])
            deepest[box] = np.where(deeper, depth, deepest[box])
        for index, box in enumerate(boxes):
            share[index] += owner[box] == index
    result = np.zeros(shape, np.int16)
    for box, label, held in zip(boxes, labels, share, strict=True):
        result[box][held > 0.5 * np.prod(parts)] = label
    return result
