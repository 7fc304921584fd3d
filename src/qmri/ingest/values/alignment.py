"""Whether two images show the same anatomy in the same place, whatever their contrast."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

REACH = 8
SAMPLES = 10_000
"""A correlation of so many voxels is known to 0.01, a tenth of what counts as a gain."""
MOST_SLICES = 6
LEAST_CORRELATION, CLEAR_GAIN = 0.3, 0.1
"""Edges elsewhere must agree at least so much, and by so much more than in the same place."""


@dataclass(frozen=True)
class Offset:
    """Where in one image the anatomy of another lies.

    Attributes
    ----------
    voxels
        Shift along (x, y).
    clear
        Whether the images fit clearly better there than in the same place.
    """

    voxels: tuple[int, int]
    clear: bool

    @property
    def distance(self) -> float:
        """Length of the shift in voxels, 0 where it is not clear."""
        return float(np.hypot(*self.voxels)) if self.clear else 0.0


def offset_between(one: NDArray[np.floating[Any]], two: NDArray[np.floating[Any]]) -> Offset:
    """Return the shift within the slices at which the edges of two images agree best.

    Edges of organs lie in one place whatever the contrast. The correlation of the sizes of the gradients
    is taken over whole voxels up to `REACH` in a sample of the inner slices; a maximum at the end of the
    reach is none.

    Parameters
    ----------
    one, two
        (x, y, z) images on the same grid; what is not finite counts as 0.
    """
    columns, rows, slices = one.shape
    reach = min(REACH, min(columns, rows) // 8)
    if reach < 2:
        return Offset((0, 0), clear=False)
    inner = middle_slices(slices)
    first, second = (_edges(np.nan_to_num(image[:, :, inner])) for image in (one, two))
    rng = np.random.default_rng(0)
    x = rng.integers(reach, columns - reach, SAMPLES)
    y = rng.integers(reach, rows - reach, SAMPLES)
    z = rng.integers(0, len(inner), SAMPLES)
    here = first[x, y, z]
    here = (here - here.mean()) / max(float(here.std()), 1e-12)
    values, place = second.ravel(), np.ravel_multi_index((x, y, z), second.shape)
    row, column = len(inner), len(inner) * rows
    agree = {}
    for dx, dy in product(range(-reach, reach + 1), repeat=2):
        there = values[place + (dx * column + dy * row)]
        agree[dx, dy] = float(here @ there) / SAMPLES / max(float(there.std()), 1e-12)
    best = max(agree, key=lambda shift: agree[shift])
    gained = agree[best] > LEAST_CORRELATION and agree[best] > agree[0, 0] + CLEAR_GAIN
    return Offset(best, clear=gained and max(abs(best[0]), abs(best[1])) < reach)


def middle_slices(count: int) -> NDArray[np.int64]:
    """Return the indices of a few slices spread over a stack, without its ends where it has more; (n,)."""
    return np.unique(np.linspace(0, count - 1, MOST_SLICES + 2).astype(np.int64)[1:-1])


def _edges(image: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the size of the gradient within the slices, cut at its 98th percentile."""
    size: NDArray[np.float64] = np.hypot(*np.gradient(image.astype(np.float64), axis=(0, 1)))
    return np.minimum(size, np.percentile(size, 98))
