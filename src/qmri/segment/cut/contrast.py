"""The images in which surfaces are sought: in-phase signal freed of shading, and PDFF."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

from qmri.segment.detect.detector import ProbabilityMap, SpineImages

SHADING_SIGMA_MM = 45.0
_COARSE_MM = 6.0


@dataclass(frozen=True)
class Contrast:
    """Images prepared for the cut, on the native grid.

    Attributes
    ----------
    inphase
        Water + fat signal over its shading, float32 (x, y, z), about 1 in soft tissue.
    fraction
        Fat fraction 0-1 (float32), or None when only water is known.
    to_voxel
        (4, 4) matrix from RAS+ millimetres to voxel index.
    belief
        Where the detector sees bodies, on its own grid, or None.
    """

    inphase: NDArray[np.float32]
    fraction: NDArray[np.float32] | None
    to_voxel: NDArray[np.float64]
    belief: ProbabilityMap | None = None

    def sample(self, image: NDArray[np.float32], points_mm: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return an image at points (..., 3) in RAS+ millimetres, trilinear, edge values outside."""
        return _sampled(image, self.to_voxel, points_mm)

    def sample_belief(self, points_mm: NDArray[np.float64]) -> NDArray[np.float32] | None:
        """Return the detector's probability of a body at points (..., 3), None where it has none."""
        if self.belief is None:
            return None
        return _sampled(self.belief.values, np.linalg.inv(self.belief.affine), points_mm)


def _sampled(
    image: NDArray[np.float32], to_voxel: NDArray[np.floating], points_mm: NDArray[np.float64]
) -> NDArray[np.float32]:
    index = apply_affine(to_voxel, points_mm)
    values = ndimage.map_coordinates(image, np.moveaxis(index, -1, 0), order=1, mode="nearest")
    return np.asarray(values, np.float32)


def prepare(images: SpineImages, belief: ProbabilityMap | None = None) -> Contrast:
    """Return in-phase signal without shading and fat fraction.

    The in-phase signal is W + F, or W / (1 - PDFF) where only the PDFF is known, or W alone. The
    shading is a wide Gaussian mean of the signal over the tissue.
    """
    water = np.nan_to_num(np.asarray(images.water, np.float32), posinf=0, neginf=0)
    fraction: NDArray[np.float32] | None = None
    inphase: NDArray[np.float32] = water
    if images.pdff is not None:
        percent = np.nan_to_num(np.asarray(images.pdff, np.float32))
        fraction = np.asarray(np.clip(percent / 100, 0, 1), np.float32)
    if images.fat is not None:
        fat = np.nan_to_num(np.asarray(images.fat, np.float32), posinf=0, neginf=0)
        inphase = water + fat
        if fraction is None:
            share = fat / np.maximum(inphase, np.finfo(np.float32).tiny)
            fraction = np.asarray(np.clip(share, 0, 1), np.float32)
    elif fraction is not None:
        inphase = np.asarray(water / np.maximum(1 - fraction, 0.05), np.float32)
    edges = np.asarray(voxel_sizes(images.affine), np.float64)
    to_voxel = np.asarray(np.linalg.inv(images.affine), np.float64)
    return Contrast(inphase / _shading(inphase, edges), fraction, to_voxel, belief)


def _shading(image: NDArray[np.float32], edges_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the wide Gaussian mean of the tissue's signal, worked out on a coarse grid."""
    blocks = np.maximum(np.floor(_COARSE_MM / edges_mm), 1).astype(int)
    padded = np.pad(image, [(0, -n % b) for n, b in zip(image.shape, blocks, strict=True)], mode="edge")
    split = [part for n, b in zip(padded.shape, blocks, strict=True) for part in (n // b, b)]
    coarse = padded.reshape(split).mean(axis=(1, 3, 5))
    bright = float(np.percentile(coarse, 95))
    tissue = (coarse > 0.1 * bright).astype(np.float32)
    sigma = SHADING_SIGMA_MM / (edges_mm * blocks)
    weight = ndimage.gaussian_filter(tissue, sigma, mode="constant")
    smooth = ndimage.gaussian_filter(coarse * tissue, sigma, mode="constant") / np.maximum(weight, 1e-6)
    smooth = np.maximum(smooth, max(0.15 * bright, float(np.finfo(np.float32).tiny)))
    for axis, (size, block) in enumerate(zip(image.shape, blocks, strict=True)):
        tent = _tent(size, int(block), smooth.shape[axis])
        smooth = np.moveaxis(np.tensordot(tent, smooth, axes=(1, axis)), 0, axis)
    return np.asarray(smooth, np.float32)


def _tent(size: int, block: int, count: int) -> NDArray[np.float32]:
    """Return (size, count) weights that interpolate ``count`` block means linearly at ``size`` voxels."""
    place = np.clip((np.arange(size) + 0.5) / block - 0.5, 0, count - 1)
    return np.asarray(np.maximum(1 - np.abs(place[:, None] - np.arange(count)), 0), np.float32)
