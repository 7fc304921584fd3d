"""Images of a later session on the grid of the first one, level by level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.images.grid import Grid
from qmri.measure.comparison.rigid_motion import inverse
from qmri.measure.shape.bodies import Body

Values = NDArray[np.float64]


def resample_to_first(
    image: Values, affine: Values, to_first: Values, grid: Grid, *, order: int = 1
) -> Values:
    """Return an image of the later session on a grid of the first one; NaN beyond its voxels.

    Parameters
    ----------
    image
        (x, y, z) of the later session.
    affine
        (4, 4) of the image, index to RAS+ mm.
    to_first
        (4, 4) rigid, RAS+ mm of the later session to the first one.
    grid
        Where values are wanted.
    order
        1 linear, 0 nearest (labels).
    """
    matrix = inverse(affine) @ inverse(to_first) @ grid.affine
    return np.asarray(
        ndimage.affine_transform(
            np.asarray(image, np.float64),
            matrix[:3, :3],
            matrix[:3, 3],
            output_shape=grid.shape,
            order=order,
            cval=np.nan,
        )
    )


def crop_around(body: Body, grid: Grid, edge_mm: float = 80.0) -> Grid:
    """Return the part of a grid within half of ``edge_mm`` of the centre of a body along each array axis."""
    centre = grid.to_index(body.frame.centre_mm)
    reach = edge_mm / 2 / np.array(grid.voxel_size_mm)
    low = np.clip(np.ceil(centre - reach), 0, np.array(grid.shape) - 1).astype(int)
    high = np.clip(np.floor(centre + reach) + 1, low + 1, grid.shape).astype(int)
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_mm(low)
    x, y, z = (int(n) for n in high - low)
    return Grid((x, y, z), affine)
