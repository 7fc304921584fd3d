"""Outlines of a region in a picture plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours


def outlines_mm(mask: NDArray[np.bool_], pixel_mm: tuple[float, float]) -> list[NDArray[np.float64]]:
    """Return the closed lines halfway between the pixels of a region and those around it.

    Parameters
    ----------
    mask
        (row, column).
    pixel_mm
        Height and width of a pixel.

    Returns
    -------
    list of numpy.ndarray
        (n, 2), x and y in mm from the corner of the first pixel; the last point is the first.
    """
    contours = find_contours(np.pad(mask, 1).astype(np.float64), 0.5)  # type: ignore[no-untyped-call]
    row_mm, column_mm = pixel_mm
    return [(contour[:, ::-1] - 0.5) * (column_mm, row_mm) for contour in contours]
