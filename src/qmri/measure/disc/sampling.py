"""Values of an image at places in the frame of a body or of a disc."""

from __future__ import annotations

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from qmri.spine.body_frame import BodyFrame

Real = NDArray[np.float64]


def sample(
    image: Real, affine: Real, frame: BodyFrame, local_mm: tuple[ArrayLike, ArrayLike, ArrayLike]
) -> Real:
    """Return an image, linearly interpolated, at places in a frame; NaN outside it and next to a NaN.

    Parameters
    ----------
    image
        (x, y, z).
    affine
        (4, 4) from index to RAS+ millimetres.
    frame
        The frame.
    local_mm
        Places right, anterior and cranial in it, mm; they broadcast against each other, and so is the result.
    """
    local = np.stack(np.broadcast_arrays(*(np.asarray(part, np.float64) for part in local_mm)), axis=-1)
    index = apply_affine(np.linalg.inv(affine), frame.to_world(local))
    return np.asarray(
        ndimage.map_coordinates(image, np.moveaxis(index, -1, 0), order=1, mode="constant", cval=np.nan)
    )
