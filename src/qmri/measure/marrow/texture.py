"""Texture of a map inside a region, by the definitions of the IBSI.

Grey-level co-occurrence at distance 1 in the slice plane, four directions, symmetric; the matrices of
a slice are added before the features are taken, and the features are averaged over the slices
("2D, slice-merged"). Zwanenburg et al. 2020, 10.1148/radiol.2020191145; reference manual
arXiv:1612.07003. Grey levels are fixed bins from 0 % PDFF, so that
a level means the same in every patient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.feature import graycomatrix

ANGLES = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
FEATURES = ("contrast", "dissimilarity", "homogeneity", "entropy", "correlation", "energy")

Features = dict[str, float]


def fixed_bins(values: NDArray[np.float64], width: float, highest: float) -> NDArray[np.intp]:
    """Return grey levels 1, 2, ... of bins of a fixed width from 0; 0 where the value is not a number.

    Values of any shape; they, ``width`` and ``highest`` have one unit.

    Values below 0 fall into the first bin and values above ``highest`` into the last.
    """
    last = int(np.ceil(highest / width))
    known = np.isfinite(values)
    level = np.floor(np.where(known, values, 0.0) / width).astype(np.intp) + 1
    return np.where(known, np.clip(level, 1, last), 0)


def slice_texture(levels: NDArray[np.intp], slice_axis: int) -> Features:
    """Return the features of grey levels (x, y, z), 0 outside the region, averaged over slices.

    ``homogeneity`` is the IBSI's inverse difference, ``energy`` its angular second moment, entropy in
    bits. Empty without a pair of neighbours.
    """
    rows = []
    for plane in np.moveaxis(levels, slice_axis, 0):
        matrix = merged_matrix(plane)
        if matrix is not None:
            rows.append(features(matrix))
    return {name: float(np.mean([row[name] for row in rows])) for name in FEATURES} if rows else {}


def merged_matrix(plane: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """Return the symmetric co-occurrence probabilities of a slice over its four directions.

    ``plane`` holds grey levels (x, y), 0 where there is none; the result is (levels, levels).

    None where no two voxels of the region are neighbours.
    """
    count = int(plane.max()) + 1
    counts = graycomatrix(  # type: ignore[no-untyped-call]
        plane.astype(np.uint16), [1], ANGLES, levels=count, symmetric=True
    )
    counts = counts[1:, 1:, 0, :].sum(axis=-1).astype(np.float64)
    total = counts.sum()
    return counts / total if total > 0 else None


def features(matrix: NDArray[np.float64]) -> Features:
    """Return the features of co-occurrence probabilities (g, g), levels 1 to g."""
    level = np.arange(1, len(matrix) + 1, dtype=np.float64)
    difference = np.abs(level[:, None] - level[None, :])
    marginal = matrix.sum(axis=1)
    mean = float(level @ marginal)
    variance = float((level - mean) ** 2 @ marginal)
    product = float(level @ matrix @ level)
    likely = matrix[matrix > 0]
    return {
        "contrast": float((difference**2 * matrix).sum()),
        "dissimilarity": float((difference * matrix).sum()),
        "homogeneity": float((matrix / (1 + difference)).sum()),
        "entropy": float(-(likely * np.log2(likely)).sum()),
        "correlation": (product - mean**2) / variance if variance > 0 else 1.0,
        "energy": float((matrix**2).sum()),
    }
