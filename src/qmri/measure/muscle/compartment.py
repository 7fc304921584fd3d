"""One muscle of one side: its voxels, where they lie, and which of them hold nothing but the muscle.

A voxel at the border is partly fat or fascia of what lies beside it. So the fat is measured in the inner
voxels, whose centre lies a margin away from the surface, and the extent over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

from qmri.images.grid import right_axis
from qmri.measure.images import Maps
from qmri.measure.marrow.roi import surface_depth_mm
from qmri.measure.quality.quality_figures import SWAP_RISK

VOID_SHARE = 0.25
"""A voxel with less in-phase signal than this share of the muscle's median holds no ratio."""
STRAY_SHARE = 0.05
"""A piece apart with less than this share of the largest one is no part of the muscle."""
PADDING = 2

Real = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Compartment:
    """The n voxels of a muscle of one side.

    Attributes
    ----------
    index
        (n, 3) places in the array.
    points_mm
        (n, 3) RAS+ mm.
    depth_mm
        (n,) distance of the centre to the surface; where the images end there is none.
    at_surface
        (n,) bool: a voxel outside is next to it.
    pdff, pdff_sd
        (n,) percent; None where no standard deviation is known.
    void, swapped
        (n,) bool: too little signal to hold a ratio; at risk that water and fat are exchanged.
    shape
        Of the array.
    affine
        (4, 4) from index to RAS+ mm.
    """

    index: NDArray[np.intp]
    points_mm: Real
    depth_mm: Real
    at_surface: Flags
    pdff: Real
    pdff_sd: Real | None
    void: Flags
    swapped: Flags
    shape: tuple[int, ...]
    affine: Real

    @property
    def usable(self) -> Flags:
        """(n,) whether a voxel holds a fat fraction."""
        return np.isfinite(self.pdff) & ~self.void & ~self.swapped

    def inside(self, margin_mm: float) -> Flags:
        """Return which voxels (n,) hold a fat fraction of nothing but the muscle: none at the surface."""
        return self.usable & ~self.at_surface & (self.depth_mm >= margin_mm)

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def voxel_size_mm(self) -> Real:
        """Edges of a voxel, (3,)."""
        return np.asarray(voxel_sizes(self.affine))

    @property
    def across(self) -> int:
        """The array axis from side to side."""
        return right_axis(self.affine)

    def on_other_edges(self, chosen: Flags) -> bool:
        """Tell whether voxels (n,) lie on an edge of the images other than those at the sides."""
        return any(
            bool(np.isin(self.index[chosen, axis], (0, size - 1)).any())
            for axis, size in enumerate(self.shape)
            if axis != self.across
        )


def find_compartment(tissues: NDArray[np.integer], label: int, maps: Maps) -> Compartment | None:
    """Return the voxels of a label of the tissue label map (x, y, z), stray ones left out, or None."""
    box = ndimage.find_objects(tissues, max_label=label)[label - 1]
    if box is None:
        return None
    mask = _without_stray(tissues[box] == label)
    depth = surface_depth_mm(_continued(mask, box, tissues.shape), np.asarray(voxel_sizes(maps.affine)))
    inner = ndimage.binary_erosion(_continued(mask, box, tissues.shape), border_value=False)
    crop = (slice(PADDING, -PADDING),) * 3
    index = np.argwhere(mask) + [part.start for part in box]
    at = tuple(index.T)
    in_phase = None if maps.in_phase is None else maps.in_phase[at]
    none = np.zeros(len(index), dtype=np.bool_)
    return Compartment(
        index=index,
        points_mm=np.asarray(apply_affine(maps.affine, index)),
        depth_mm=depth[crop][mask],
        at_surface=~inner[crop][mask],
        pdff=maps.pdff[at],
        pdff_sd=None if maps.pdff_sd is None else maps.pdff_sd[at],
        void=none if in_phase is None else _void(in_phase),
        swapped=none if maps.swap_risk is None else maps.swap_risk[at] > SWAP_RISK,
        shape=tissues.shape,
        affine=maps.affine,
    )


def _void(in_phase: Real) -> Flags:
    """Return which voxels (n,) have too little of a signal of arbitrary unit to hold a ratio."""
    known = in_phase[np.isfinite(in_phase)]
    return np.asarray(~(in_phase >= VOID_SHARE * np.median(known))) if known.size else ~np.isfinite(in_phase)


def _without_stray(mask: Flags) -> Flags:
    """Return a mask without pieces that are small beside its largest."""
    pieces, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    if count == 1:
        return mask
    size = np.bincount(pieces.ravel())
    size[0] = 0
    return np.asarray((size >= STRAY_SHARE * size.max())[pieces] & mask)


def _continued(mask: Flags, box: tuple[slice, ...], shape: tuple[int, ...]) -> Flags:
    """Return a cropped mask with a margin, going on beyond the images where it ends with them."""
    padded = np.pad(mask, PADDING)
    for axis, (part, size) in enumerate(zip(box, shape, strict=True)):
        moved = np.moveaxis(padded, axis, 0)
        if part.start == 0:
            moved[:PADDING] = moved[PADDING]
        if part.stop == size:
            moved[-PADDING:] = moved[-PADDING - 1]
    return padded


def joined(first: Compartment, second: Compartment) -> Compartment:
    """Return the voxels of both sides."""
    both = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("index", "points_mm", "depth_mm", "at_surface", "pdff", "void", "swapped")
    }
    sd = None
    if first.pdff_sd is not None and second.pdff_sd is not None:
        sd = np.concatenate([first.pdff_sd, second.pdff_sd])
    return Compartment(**both, pdff_sd=sd, shape=first.shape, affine=first.affine)
