"""The rigid motion between two images by least squares with robust weights.

Gauss-Newton steps with Tukey's biweight on the differences (Reuter et al. 2010,
10.1016/j.neuroimage.2010.07.020): what differs by more than the rest has no weight and does not pull.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from qmri.images.grid import Grid

Values = NDArray[np.float64]

LEAST_KNOWN = 0.7
"""Share of known voxels under the Gaussian below which a smoothed value is not known."""

BIWEIGHT = 4.685
MAD_TO_SD = 1.4826
STEPS = 30
SETTLED_MM = 1e-2
GRADIENT_STEP_MM = 0.5


def inverse(motion: Values) -> Values:
    """Return the inverse of a (4, 4) affine in mm."""
    return np.asarray(np.linalg.inv(motion), np.float64)


class Field:
    """An image (x, y, z) under a Gaussian, with values and gradients at points (n, 3) in RAS+ mm."""

    def __init__(self, values: Values, affine: Values, smoothing_mm: float) -> None:
        self.grid = Grid(values.shape, affine)
        sigma = smoothing_mm / np.array(self.grid.voxel_size_mm)
        known = np.isfinite(values)
        share = ndimage.gaussian_filter(known.astype(np.float64), sigma)
        smooth = ndimage.gaussian_filter(np.where(known, values, 0.0), sigma) / np.maximum(share, 1e-3)
        self.unknown = share < LEAST_KNOWN if not known.all() else None
        self.coefficients = ndimage.spline_filter(smooth, order=3, mode="mirror")

    def at(self, points: Values) -> Values:
        """Return values (n,) at points (n, 3), NaN beyond the image and where it is not known."""
        index = self.grid.to_index(points)
        found = self._spline(index)
        found[np.any((index < -0.5) | (index > np.array(self.grid.shape) - 0.5), axis=-1)] = np.nan
        if self.unknown is not None:
            found[ndimage.map_coordinates(self.unknown.astype(np.float64), index.T, order=0) > 0] = np.nan
        return found

    def gradient(self, points: Values) -> Values:
        """Return derivatives (n, 3) along RAS+, per mm, at points (n, 3)."""
        parts = []
        for step in GRADIENT_STEP_MM * np.eye(3):
            ahead, behind = (self._spline(self.grid.to_index(points + sign * step)) for sign in (1, -1))
            parts.append((ahead - behind) / (2 * GRADIENT_STEP_MM))
        return np.stack(parts, axis=-1)

    def _spline(self, index: Values) -> Values:
        return np.asarray(
            ndimage.map_coordinates(self.coefficients, index.T, order=3, prefilter=False, mode="mirror")
        )


def refine(
    points: Values, fixed: Field, moving: Field, motion: Values, spread_range: tuple[float, float]
) -> Values:
    """Return the rigid motion (4, 4) that takes the fixed image best to the moving one.

    The residual is f(x) - m(x') - o with x' = M x and the median o; m(x') changes by
    grad m . (t + w x (x' - c')) under a turn w about the centre c' and a shift t.

    Parameters
    ----------
    points
        (n, 3) RAS+ mm of the fixed image, where the two are compared.
    fixed, moving
        The images.
    motion
        (4, 4) to start from.
    spread_range
        Limits of the robust standard deviation of the residuals, in the unit of the images.
    """
    values = fixed.at(points)
    points, values = points[np.isfinite(values)], values[np.isfinite(values)]
    if len(points) < 7:
        return motion
    centre = points.mean(axis=0)
    radius = float(np.linalg.norm(points - centre, axis=1).max())
    for _ in range(STEPS):
        moved = points @ motion[:3, :3].T + motion[:3, 3]
        pivot = motion[:3, :3] @ centre + motion[:3, 3]
        found = moving.at(moved)
        seen = np.isfinite(found)
        if np.count_nonzero(seen) < len(points) / 3:
            break
        moved, residual = moved[seen], (values - found)[seen]
        residual -= np.median(residual)
        spread = float(np.clip(MAD_TO_SD * np.median(np.abs(residual)), *spread_range))
        weight = (1 - np.clip(np.abs(residual) / (BIWEIGHT * spread), 0, 1) ** 2) ** 2
        slope = moving.gradient(moved)
        design = np.column_stack([np.cross(moved - pivot, slope), slope, np.ones(len(slope))])
        weighted = (design * weight[:, None]).T
        step = np.linalg.lstsq(weighted @ design, weighted @ residual, rcond=None)[0]
        rotation = Rotation.from_rotvec(step[:3]).as_matrix()
        change = np.eye(4)
        change[:3, :3], change[:3, 3] = rotation, pivot + step[3:6] - rotation @ pivot
        motion = np.asarray(change @ motion, np.float64)
        if np.linalg.norm(step[3:6]) + radius * np.linalg.norm(step[:3]) < SETTLED_MM:
            break
    return motion
