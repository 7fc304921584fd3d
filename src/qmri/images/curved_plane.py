"""Slices of a volume as a person expects them: cranial up, anterior left, patient right on the left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[Any]

SAGITTAL_MARGIN_MM = 55.0
CORONAL_MARGIN_MM = 30.0
STRAIGHT_MM = 12.0
"""A spine whose centres stay within this is shown in one plane, not along its curve."""

RIGHT, ANTERIOR, CRANIAL = 0, 1, 2


@dataclass(frozen=True)
class View:
    """One picture plane through a volume in RAS+ order.

    Attributes
    ----------
    name
        ``sagittal`` or ``coronal``.
    normal
        Axis across the plane: 0 (right) or 1 (anterior).
    planes
        (z,) index along the normal for each row, so that the plane may follow the spine.
    columns
        Indices along the other axis that are shown.
    pixel_mm
        Height and width of a pixel.
    curved
        Whether the plane follows the spine.
    """

    name: str
    normal: int
    planes: NDArray[np.intp]
    columns: NDArray[np.intp]
    pixel_mm: tuple[float, float]
    curved: bool

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width of the picture."""
        return len(self.planes) * self.pixel_mm[0], len(self.columns) * self.pixel_mm[1]

    @property
    def edges(self) -> tuple[str, str]:
        """What lies at the left and at the right edge."""
        return ("anterior", "posterior") if self.normal == RIGHT else ("right", "left")

    def moved(self, steps: int) -> View:
        """Return the plane so many voxels along its normal, at least at the first."""
        return replace(self, planes=np.maximum(self.planes + steps, 0))

    def cut(self, volume: Image) -> Image:
        """Return the picture (row, column) of a volume (x, y, z) in voxels, first row cranial."""
        rows = np.arange(len(self.planes))[:, None]
        planes = self.planes[:, None]
        index = (planes, self.columns, rows) if self.normal == RIGHT else (self.columns, planes, rows)
        return np.asarray(volume[index][::-1, ::-1])


def to_ras(volume: Image, affine: NDArray[np.float64]) -> Image:
    """Return the volume with its axes permuted and flipped to right, anterior, superior; voxels (x, y, z)."""
    return np.asarray(nib.orientations.apply_orientation(volume, nib.orientations.io_orientation(affine)))


def ras_voxel_mm(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the voxel edges (3,), mm, along right, anterior, superior."""
    edges = np.empty(3)
    edges[nib.orientations.io_orientation(affine)[:, 0].astype(int)] = voxel_sizes(affine)
    return edges


def sagittal_view(labels: Image, voxel_mm: NDArray[np.float64]) -> View:
    """Return the plane between right and left through the bodies; along the spine where it is scoliotic.

    Labels (x, y, z), voxel edges (3,) mm.
    """
    return view_along(labels, voxel_mm, normal=RIGHT, margin_mm=SAGITTAL_MARGIN_MM, straight_mm=STRAIGHT_MM)


def coronal_view(labels: Image, voxel_mm: NDArray[np.float64]) -> View:
    """Return the plane between front and back that follows the bodies.

    Labels (x, y, z), voxel edges (3,) mm.
    """
    return view_along(labels, voxel_mm, normal=ANTERIOR, margin_mm=CORONAL_MARGIN_MM)


def view_along(
    labels: Image, voxel_mm: NDArray[np.float64], *, normal: int, margin_mm: float, straight_mm: float = 0.0
) -> View:
    """Return a plane along the bodies of a label map; without labels the middle of the volume.

    Parameters
    ----------
    labels
        (x, y, z) in RAS+ order.
    voxel_mm
        (3,) voxel edges, mm.
    normal
        Axis across the plane: `RIGHT` or `ANTERIOR`.
    margin_mm
        How much is shown beside the bodies.
    straight_mm
        A spine whose centres stay within this is shown in one flat plane.
    """
    name, across = ("sagittal", ANTERIOR) if normal == RIGHT else ("coronal", RIGHT)
    rows = labels.shape[CRANIAL]
    ids = [int(n) for n in np.unique(labels) if n > 0]
    pixel = (float(voxel_mm[CRANIAL]), float(voxel_mm[across]))
    if not ids:
        middle = np.full(rows, labels.shape[normal] // 2, dtype=np.intp)
        return View(name, normal, middle, np.arange(labels.shape[across]), pixel, curved=False)
    centres = np.array(ndimage.center_of_mass(labels > 0, labels, ids))
    centres = centres[np.argsort(centres[:, CRANIAL])]
    curved = float(np.ptp(centres[:, normal]) * voxel_mm[normal]) > straight_mm
    path = np.interp(np.arange(rows), centres[:, CRANIAL], centres[:, normal])
    if not curved:
        path = np.full(rows, np.median(centres[:, normal]))
    shown = np.flatnonzero((labels > 0).any(axis=tuple({0, 1, 2} - {across})))
    margin = round(margin_mm / voxel_mm[across])
    columns = np.arange(max(shown[0] - margin, 0), min(shown[-1] + margin + 1, labels.shape[across]))
    planes = np.clip(np.rint(path), 0, labels.shape[normal] - 1).astype(np.intp)
    return View(name, normal, planes, columns, pixel, curved=curved)
