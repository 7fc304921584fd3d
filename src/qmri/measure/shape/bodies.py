"""The vertebral bodies of a label map, each with the axes along which it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

from qmri.images.grid import right_axis
from qmri.spine.body_frame import USUAL_SPACING_MM, BodyFrame, frame_along
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, sort_levels, steps_between

PADDING = 2

CUT_AREA = 0.75
"""A rounded body ends in a slice with less than this share of its largest area."""


@dataclass(frozen=True)
class Body:
    """One labelled body, cut out of the image with a margin.

    Attributes
    ----------
    level
        Name, e.g. ``L1``.
    mask
        (x, y, z) bool array on the grid of the images, cropped.
    window
        The crop, as slices into the full arrays.
    affine
        (4, 4) from index in the crop to RAS+ millimetres.
    frame
        Centre and axes (patient right, anterior, cranial).
    touches_edge, touches_side
        Whether the label lies on an edge of the images in the cranio-caudal or antero-posterior
        direction; whether it does so on the right or left with so much of its area that it goes on.
    stray_voxels
        Voxels of the label apart from its largest piece; they are left out.
    """

    level: str
    mask: NDArray[np.bool_]
    window: tuple[slice, slice, slice]
    affine: NDArray[np.float64]
    frame: BodyFrame
    touches_edge: bool
    touches_side: bool
    stray_voxels: int = 0

    @property
    def voxel_size_mm(self) -> NDArray[np.float64]:
        """Edge lengths of a voxel, (3,)."""
        return np.asarray(voxel_sizes(self.affine))

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of a voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def local(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return index coordinates (..., 3) in the body's frame, mm along right, anterior, cranial."""
        return self.frame.to_local(apply_affine(self.affine, index))


def find_bodies(labels: NDArray[np.integer], affine: NDArray[np.float64]) -> list[Body]:
    """Return the labelled bodies, cranial to caudal.

    The cranial axis of a body is the tangent of the curve through the centres, taken by second-order
    differences over level numbers, so that a missing level does not bend it and the ends of the chain
    follow its curvature.

    Parameters
    ----------
    labels
        (x, y, z) integers, ids of `qmri.spine.levels`; other ids (sacrum, discs) are left out.
    affine
        (4, 4) from index to RAS+ millimetres.

    Returns
    -------
    list of Body
        Each cut out with a margin, its axes in RAS+ mm; the largest piece where a label has several.
    """
    boxes = ndimage.find_objects(labels)
    found = [n for n in range(1, len(boxes) + 1) if n in LEVEL_NAME and boxes[n - 1] is not None]
    names = sort_levels(LEVEL_NAME[n] for n in found)
    if not names:
        return []
    pieces = {name: _largest_piece(labels, LEVEL_ID[name], boxes[LEVEL_ID[name] - 1]) for name in names}
    centres = np.array([_centre_mm(piece.mask, piece.box, affine) for piece in pieces.values()])
    tangents = chain_tangents(centres, names)
    bodies = []
    for name, centre, tangent in zip(names, centres, tangents, strict=True):
        box = pieces[name].box
        edge = _touches_edge(box, labels.shape, affine)
        side = _cut_at_side(pieces[name], labels.shape, affine)
        window = tuple(
            slice(max(part.start - PADDING, 0), min(part.stop + PADDING, size))
            for part, size in zip(box, labels.shape, strict=True)
        )
        start = np.array([part.start for part in window])
        mask = np.zeros([part.stop - part.start for part in window], dtype=np.bool_)
        mask[tuple(slice(part.start - s, part.stop - s) for part, s in zip(box, start, strict=True))] = (
            pieces[name].mask
        )
        cropped = affine.copy()
        cropped[:3, 3] = apply_affine(affine, start)
        bodies.append(
            Body(
                level=name,
                mask=mask,
                window=(window[0], window[1], window[2]),
                affine=cropped,
                frame=frame_along(centre, tangent, USUAL_SPACING_MM),
                touches_edge=edge,
                touches_side=side,
                stray_voxels=pieces[name].stray,
            )
        )
    return bodies


def chain_tangents(centres_mm: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
    """Return the cranial unit vector (n, 3) at each of the centres (n, 3), given cranial to caudal."""
    if len(names) == 1:
        return np.array([[0.0, 0.0, 1.0]])
    steps = [steps_between(name, above) for above, name in pairwise(names)]
    position = np.concatenate([[0.0], np.cumsum(steps)])
    caudal = np.gradient(centres_mm, position, axis=0, edge_order=2 if len(names) > 2 else 1)
    return np.asarray(-caudal / np.linalg.norm(caudal, axis=1, keepdims=True))


@dataclass(frozen=True)
class _Piece:
    """The largest piece of a label: its box in the full array, its voxels in it, how many lie apart."""

    box: tuple[slice, slice, slice]
    mask: NDArray[np.bool_]
    stray: int


def _largest_piece(labels: NDArray[np.integer], number: int, box: tuple[slice, slice, slice]) -> _Piece:
    mask = labels[box] == number
    pieces, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    if count == 1:
        return _Piece(box, mask, 0)
    sizes = np.bincount(pieces.ravel())[1:]
    largest = int(sizes.argmax()) + 1
    inner = ndimage.find_objects(pieces)[largest - 1]
    whole = tuple(
        slice(outer.start + part.start, outer.start + part.stop)
        for outer, part in zip(box, inner, strict=True)
    )
    return _Piece((whole[0], whole[1], whole[2]), pieces[inner] == largest, int(sizes.sum() - sizes.max()))


def _centre_mm(
    mask: NDArray[np.bool_], box: tuple[slice, slice, slice], affine: NDArray[np.float64]
) -> NDArray[np.float64]:
    index = np.argwhere(mask).mean(axis=0) + [part.start for part in box]
    return np.asarray(apply_affine(affine, index))


def _touches_edge(box: tuple[slice, ...], shape: tuple[int, ...], affine: NDArray[np.float64]) -> bool:
    """Tell whether a box reaches the image edge along an axis other than the left-right one."""
    right = right_axis(affine)
    return any(
        part.start == 0 or part.stop == size
        for axis, (part, size) in enumerate(zip(box, shape, strict=True))
        if axis != right
    )


def _cut_at_side(piece: _Piece, shape: tuple[int, ...], affine: NDArray[np.float64]) -> bool:
    """Tell whether a label goes on beyond the first or last slice: there it still has most of its area."""
    right = right_axis(affine)
    areas = piece.mask.sum(axis=tuple({0, 1, 2} - {right}))
    ends = [(piece.box[right].start == 0, areas[0]), (piece.box[right].stop == shape[right], areas[-1])]
    return any(touched and area > CUT_AREA * areas.max() for touched, area in ends)
