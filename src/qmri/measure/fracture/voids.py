"""Voids of a body: cement, gas, metal. Their volume, what they touch, and what left the body.

A voxel without signal is a void (`qmri.measure.preparation.VOID_SHARE`). The dark cortex is none: a void
has `LEAST_CM3` deeper than the rim. Its volume is taken from what is missing of the signal in it and
around it,

    V = sum over the void and its neighbours of (1 - S / S_marrow) dV,

so that voxels it fills in part count in part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.marrow.roi import surface_depth_mm

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_CM3 = 0.1
RIM_MM, LEAST_RIM_MM = 2.0, 1.0
LAYER_MM = 3.0
"""An endplate is reached where the void is in the layer of this height beneath it."""
FLAT_MM, FLAT_RATIO = 5.5, 3.0
"""A cleft is at most so thick, and its extent along the endplate so many times that."""
BRIDGE_MM, LEAK_REACH_MM, LEAST_LEAK_MM3 = 3.5, 2.5, 40.0
"""Cement in a disc lies so near to that in the body, reaches so far beyond the outline, is so large."""


@dataclass(frozen=True)
class Void:
    """The voids of a body.

    Attributes
    ----------
    where
        (x, y, z) bool on the grid of the body's mask.
    volume_cm3
        Their volume.
    thickness_mm, extent_mm
        Mean height along the body's axis, and the longer extent across it.
    """

    where: Mask
    volume_cm3: float
    thickness_mm: float
    extent_mm: float

    @property
    def flat(self) -> bool:
        """Whether it has the shape of a cleft."""
        return self.thickness_mm <= FLAT_MM and self.extent_mm >= FLAT_RATIO * self.thickness_mm


def find_void(
    dark: Mask, mask: Mask, *, signal: Map, coordinates_mm: Map, voxel_size_mm: Map, margin_mm: float
) -> Void | None:
    """Return the voids of a body, None where it has none.

    Parameters
    ----------
    dark
        (x, y, z) bool: no signal.
    mask
        (x, y, z) bool: the body.
    signal
        (x, y, z) water + fat.
    coordinates_mm
        (x, y, z, 3) along the body's right, anterior and cranial axis.
    voxel_size_mm
        (3,) edges.
    margin_mm
        Margin of the region; in a low body it is small, and the rim with it.
    """
    depth = surface_depth_mm(mask, voxel_size_mm)
    inner = dark & mask & (depth >= min(RIM_MM, max(margin_mm, LEAST_RIM_MM)))
    voxel_mm3 = float(np.prod(voxel_size_mm))
    pieces, _ = ndimage.label(inner, structure=np.ones((3, 3, 3)))
    large = np.bincount(pieces.ravel()) * voxel_mm3 >= 1000 * LEAST_CM3
    large[0] = False
    core = large[pieces]
    if not core.any():
        return None
    where = ndimage.binary_dilation(core, iterations=2, mask=dark & mask)
    near = ndimage.binary_dilation(where) & mask
    marrow = mask & ~ndimage.binary_dilation(dark, iterations=2) & (depth >= RIM_MM) & np.isfinite(signal)
    usual = float(np.median(signal[marrow])) if marrow.any() else np.nan
    missing = (
        float(np.sum(1 - np.nan_to_num(signal[near]) / usual))
        if usual > 0
        else float(np.count_nonzero(where))
    )
    place = coordinates_mm[where]
    low, high = np.percentile(place, [2.5, 97.5], axis=0)
    edge = float(voxel_size_mm.min())
    columns = np.unique(np.floor(place[:, :2] / voxel_size_mm.max()).astype(int), axis=0)
    area = len(columns) * float(voxel_size_mm.max()) ** 2
    volume = max(missing, 0.0) * voxel_mm3
    return Void(where, volume / 1000, volume / area, float(max(high[0] - low[0], high[1] - low[1])) + edge)


def contact_shares(where: Mask, mask: Mask, up: Map, heights_mm: Map) -> tuple[float, float]:
    """Return which share of the layer beneath the upper and above the lower endplate a void fills, 0-1.

    Parameters
    ----------
    where, mask
        (x, y, z) bool: the void and the body.
    up
        (x, y, z) share of the height above the lower endplate.
    heights_mm
        (x, y, z) distance of the endplates there.
    """
    shares = []
    for away in ((1 - up) * heights_mm, up * heights_mm):
        layer = mask & (away <= LAYER_MM)
        shares.append(float(where[layer].mean()) if layer.any() else 0.0)
    return shares[0], shares[1]


def find_leaks(void: Mask, dark: Mask, mask: Mask, between: Mask, voxel_size_mm: Map) -> Mask:
    """Return what of a void has left the body into the space of a disc, (x, y, z) bool.

    Gas in a degenerate disc has no bridge to the void in the body; an outline that is a voxel off does not
    make a leak, since a leak reaches farther.

    Parameters
    ----------
    void, dark, mask
        (x, y, z) bool: the void of the body, everything without signal, the body.
    between
        (x, y, z) bool: the space of the disc.
    voxel_size_mm
        (3,) edges.
    """
    outside = dark & between & ~mask
    pieces, count = ndimage.label(outside, structure=np.ones((3, 3, 3)))
    leak = np.zeros_like(mask)
    if not count or not void.any():
        return leak
    to_void = ndimage.distance_transform_edt(~void, sampling=voxel_size_mm)
    to_body = ndimage.distance_transform_edt(~mask, sampling=voxel_size_mm)
    for number in range(1, count + 1):
        piece = pieces == number
        large = piece.sum() * float(np.prod(voxel_size_mm)) >= LEAST_LEAK_MM3
        if large and to_void[piece].min() <= BRIDGE_MM and to_body[piece].max() >= LEAK_REACH_MM:
            leak |= piece
    return leak
