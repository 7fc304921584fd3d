"""Fluid inside a collapsed body: an intravertebral cleft that is not gas.

Fluid has no fat and decays slowly. It is *not* brighter than oedema on these images: at a flip angle of 3
degrees and a repetition time of 7 ms a T1 of 4 s leaves .56 of the signal, that of oedematous marrow (1
s) .84. What tells it is PDFF near 0 together with an R2* well below that of the marrow around. It must be
enclosed by the body: what goes on into a disc or the canal is disc or canal, or a cleft open to them,
which nothing here tells apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]

HIGHEST_PDFF_PCT = 10.0
HIGHEST_R2STAR_PER_S, R2STAR_SHARE = 45.0, 0.65
"""Fluid has less R2* than this, and less than this share of the marrow's."""
SMOOTHING_MM = 1.5
ENCLOSED = 0.7
LEAST_CM3 = 0.15


def find_fluid(
    pdff: Map, r2star: Map, *, dark: Mask, mask: Mask, region: Mask, vein: Mask, voxel_size_mm: Map
) -> Mask:
    """Return the fluid inside a body, (x, y, z) bool on its crop.

    Parameters
    ----------
    pdff, r2star
        (x, y, z) percent and 1/s on the crop, which goes a few voxels beyond the body.
    dark
        (x, y, z) bool: no signal, so no ratio.
    mask, region, vein
        (x, y, z) bool: the body, where its marrow is measured, and where its basivertebral vein runs.
    voxel_size_mm
        (3,) edges.
    """
    known = np.isfinite(pdff) & np.isfinite(r2star) & ~dark
    if not (known & region).any():
        return np.zeros_like(mask)
    fat, decay = (_smooth(image, known, voxel_size_mm) for image in (pdff, r2star))
    limit = min(HIGHEST_R2STAR_PER_S, R2STAR_SHARE * float(np.median(r2star[known & region])))
    watery = known & (fat < HIGHEST_PDFF_PCT) & (decay < limit) & ~(vein & mask)
    pieces, _ = ndimage.label(watery)
    size = np.bincount(pieces.ravel())
    inside = np.bincount(pieces.ravel(), mask.ravel())
    volume_cm3 = inside * float(np.prod(voxel_size_mm)) / 1000
    kept = (volume_cm3 >= LEAST_CM3) & (inside >= ENCLOSED * size)
    kept[0] = False
    return np.asarray(kept[pieces] & mask)


def _smooth(image: Map, known: Mask, voxel_size_mm: Map) -> Map:
    width = SMOOTHING_MM / voxel_size_mm
    weight = ndimage.gaussian_filter(known.astype(np.float64), width)
    total = ndimage.gaussian_filter(np.where(known, image, 0.0), width)
    result: Map = np.divide(total, weight, out=np.full(image.shape, np.nan), where=weight > 0)
    return result
