"""Maps made small for a page: cut to the spine, one byte a voxel, never many, as NIfTI in memory."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

MARGIN_MM = 40.0
MOST_VOXELS = 1_500_000
TOP_PERCENTILE = 99.5
STEPS = 254


@dataclass(frozen=True)
class Layer:
    """One image of the page.

    Attributes
    ----------
    key, title, unit
        Short name, heading and unit.
    low, high
        Values of the first and the last colour; what lies beyond is shown as the end.
    colours
        Name of a colour map of NiiVue.
    values
        (x, y, z) map; NaN where there is no value.
    """

    key: str
    title: str
    unit: str
    low: float
    high: float
    colours: str
    values: NDArray[np.floating]

    @property
    def description(self) -> dict[str, object]:
        """What a page is told of the image besides its values; JSON values."""
        return {
            "key": self.key,
            "title": self.title,
            "unit": self.unit,
            "low": self.low,
            "high": self.high,
            "colours": self.colours,
        }


def layers_of(maps: Mapping[str, NDArray[np.floating]]) -> list[Layer]:
    """Return what is shown of maps ``in_phase`` or ``water``, ``pdff`` in percent and ``r2star`` in 1/s.

    Maps (x, y, z).
    """
    layers: list[Layer] = []
    for key, title in (("in_phase", "In phase"), ("water", "Water")):
        if key in maps and not layers:
            top = float(np.nanpercentile(maps[key], TOP_PERCENTILE)) or 1.0
            layers.append(Layer("anatomy", title, "", 0.0, top, "gray", maps[key]))
    if "pdff" in maps:
        layers.append(Layer("pdff", "PDFF", "%", 0.0, 100.0, "viridis", maps["pdff"]))
    if "r2star" in maps:
        layers.append(Layer("r2star", "R2*", "1/s", 0.0, 250.0, "magma", maps["r2star"]))
    return layers


def window(labels: NDArray[np.integer], affine: NDArray[np.float64]) -> tuple[slice, slice, slice]:
    """Return the part of the grid (x, y, z) within `MARGIN_MM` of the labels; all of it without labels.

    Where it has more than `MOST_VOXELS`, voxels are left out along the axes that have them most densely.
    """
    edges = voxel_sizes(affine)
    inside = np.argwhere(labels > 0)
    first, last = np.zeros(3, int), np.array(labels.shape)
    if len(inside):
        margin = np.ceil(MARGIN_MM / edges).astype(int)
        first = np.maximum(inside.min(axis=0) - margin, 0)
        last = np.minimum(inside.max(axis=0) + margin + 1, labels.shape)
    step = np.ones(3, int)
    while np.prod(-(-(last - first) // step)) > MOST_VOXELS:
        step[int(np.argmin(edges * step))] *= 2
    x, y, z = (slice(int(f), int(n), int(s)) for f, n, s in zip(first, last, step, strict=True))
    return x, y, z


def part_affine(affine: NDArray[np.float64], part: tuple[slice, slice, slice]) -> NDArray[np.float64]:
    """Return the affine of a part of a grid; (4, 4)."""
    result = affine.copy()
    result[:3, 3] = apply_affine(affine, [each.start for each in part])
    result[:3, :3] *= [each.step for each in part]
    return result


def layer_base64(layer: Layer, affine: NDArray[np.float64]) -> str:
    """Return a layer as a compressed NIfTI of bytes in base64; affine (4, 4)."""
    return _packed(layer_image(layer, affine))


def layer_image(layer: Layer, affine: NDArray[np.float64]) -> nib.Nifti1Image:
    """Return a layer as a NIfTI of bytes; its scale gives values back in their unit.

    Affine (4, 4).
    """
    step = (layer.high - layer.low) / STEPS
    share = np.clip((np.nan_to_num(layer.values, nan=layer.low) - layer.low) / step, 0, STEPS)
    image = nib.Nifti1Image(np.rint(share).astype(np.uint8), affine)
    image.header.set_slope_inter(step, layer.low)
    return image


def labels_base64(labels: NDArray[np.integer], affine: NDArray[np.float64]) -> str:
    """Return a label map as a compressed NIfTI file of bytes in base64; labels (x, y, z), affine (4, 4)."""
    return _packed(nib.Nifti1Image(labels.astype(np.uint8), affine))


def _packed(image: nib.Nifti1Image) -> str:
    return base64.b64encode(gzip.compress(image.to_bytes(), compresslevel=9, mtime=0)).decode("ascii")
