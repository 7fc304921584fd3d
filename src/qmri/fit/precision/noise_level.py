"""How noisy the data are around a voxel, from what the fit leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.voxels import Voxels

Real = NDArray[np.float32]

NEIGHBOURHOOD = 5
"""Edge of the cube over which residuals are pooled, voxels."""
PRIOR_VOXELS = 20.0
"""How many voxels the noise of the whole volume counts for."""


def local_noise_variance(residual: Real, voxels: Voxels, degrees_of_freedom: int, noise: float) -> Real:
    """Return the noise variance of one channel around each voxel, float32 of shape (voxels,).

    Residual energies over their degrees of freedom are averaged in a cube and drawn towards the
    variance of the whole volume: noise varies over an image (parallel imaging), and a model that
    does not fit somewhere is an uncertainty there.

    Parameters
    ----------
    residual
        Residual energy of each voxel, (voxels,).
    voxels
        Where the voxels lie.
    degrees_of_freedom
        Of one voxel.
    noise
        Variance of the whole volume.
    """

    def pooled(values: Real) -> Real:
        maps = ndimage.uniform_filter(voxels.on_box(values), NEIGHBOURHOOD, mode="constant")
        return voxels.from_box(maps) * np.float32(NEIGHBOURHOOD**3)

    count, energy = pooled(np.ones_like(residual)), pooled(residual)
    variance = (energy / np.float32(degrees_of_freedom) + np.float32(PRIOR_VOXELS * noise)) / (
        count + np.float32(PRIOR_VOXELS)
    )
    return np.asarray(np.maximum(variance, 0), dtype=np.float32)
