"""From surfaces to a label map: every voxel belongs to at most one body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qmri.segment.template import BodySurface
from qmri.segment.voids import voxel_box

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
    share = np.zeros((len(surfaces), *shape), np.float32)
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    parts = np.maximum(np.ceil(edges / FINE_MM - 1e-6), 1).astype(int)
    boxes = [voxel_box(surface, shape, affine) for surface in surfaces]
    for shift in np.ndindex(*parts):
        within = (np.array(shift) + 0.5) / parts - 0.5
        deepest = np.zeros(shape, np.float32)
        owner = np.full(shape, -1, np.int16)
        for index, (surface, box) in enumerate(zip(surfaces, boxes, strict=True)):
            voxels = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1)
            points = (voxels + within) @ affine[:3, :3].T + affine[:3, 3]
            depth = surface.depth_mm(points.reshape(-1, 3)).reshape(points.shape[:3])
            deeper = depth > deepest[box]
            owner[box] = np.where(deeper, index, owner[box])
            deepest[box] = np.where(deeper, depth, deepest[box])
        for index, box in enumerate(boxes):
            share[index][box] += owner[box] == index
    share /= np.prod(parts)
    result = np.zeros(shape, np.int16)
    for index, label in enumerate(labels):
        result[share[index] > 0.5] = label
    return result
