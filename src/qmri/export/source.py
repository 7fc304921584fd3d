"""The original series: the slices that an export refers to, and where each voxel of a map lies in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from qmri.errors import QmriError

LATTICE_VOXELS = 0.05
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
REMEDY = "give the folder of the series that this examination was made from"


@dataclass(frozen=True)
class SourceSeries:
    """The slices of a series that cover a volume, one instance each.

    Attributes
    ----------
    slices
        Headers (with pixels left out), in the order of their planes.
    index
        (plane, row, column, 3) voxel of the volume at each pixel.
    """

    slices: tuple[Dataset, ...]
    index: NDArray[np.intp]

    def frames(self, volume: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return a volume (x, y, z) as frames (plane, row, column)."""
        i, j, k = np.moveaxis(self.index, -1, 0)
        return np.asarray(volume[i, j, k])


def find_source(folder: Path, shape: tuple[int, ...], affine: NDArray[np.float64]) -> SourceSeries:
    """Find the series in a folder whose slices are those of a volume.

    Where a slice has several images (echoes, parts of the signal, maps), the first by instance number
    stands for it; where several series fit, the one with the lowest number.

    Parameters
    ----------
    folder
        DICOM files, in any arrangement.
    shape, affine
        The volume's (x, y, z) and its matrix from voxel index to RAS+ millimetres.

    Raises
    ------
    QmriError
        If no series in the folder lies on the volume's grid.
    """
    series, multiframe = _series(folder)
    if not series and multiframe:
        raise QmriError(
            "the original series is in Enhanced (multi-frame) form, which the export cannot refer to yet",
            found=f"{multiframe} multi-frame file(s)",
            expected="one file for each slice",
            remedy="export the series from the archive in classic form",
        )
    if not series:
        raise QmriError("there is no DICOM image in the folder", remedy=REMEDY)
    fitting = [
        found for number in sorted(series) if (found := _on_grid(series[number], shape, affine)) is not None
    ]
    if not fitting:
        raise QmriError(
            "no series in the folder has the slices of the examination's maps",
            found=f"{len(series)} series",
            expected=f"{' x '.join(map(str, shape))} voxels at the place of the maps",
            remedy=REMEDY,
        )
    return fitting[0]


def _series(folder: Path) -> tuple[dict[tuple[int, str], list[Dataset]], int]:
    """Return the single-frame images of a folder by series number and UID, and how many are multi-frame."""
    series: dict[tuple[int, str], list[Dataset]] = defaultdict(list)
    multiframe = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            header = dcmread(path, stop_before_pixels=True)
        except (InvalidDicomError, OSError):
            continue
        if "ImagePositionPatient" in header and "ImageOrientationPatient" in header:
            number = int(header.get("SeriesNumber") or 0)
            series[number, str(header.SeriesInstanceUID)].append(header)
        multiframe += "PerFrameFunctionalGroupsSequence" in header
    return series, multiframe


def _on_grid(
    headers: Sequence[Dataset], shape: tuple[int, ...], affine: NDArray[np.float64]
) -> SourceSeries | None:
    """Return the slices of a series if they cover the volume, each voxel once; else None."""
    to_voxel = np.asarray(np.linalg.inv(affine) @ TO_RAS, np.float64)
    planes: dict[tuple[int, ...], tuple[Dataset, NDArray[np.intp]]] = {}
    for header in sorted(headers, key=_by_instance):
        index = _voxels(header, to_voxel)
        if index is None or np.any(index < 0) or np.any(index >= np.array(shape)):
            return None
        planes.setdefault((*index[0, 0], *index[-1, -1]), (header, index))
    chosen = [planes[key] for key in sorted(planes, key=lambda key: _height(planes[key][0]))]
    covered = np.stack([index for _, index in chosen])
    count = int(np.prod(shape))
    if covered[..., 0].size != count:
        return None
    flat = np.ravel_multi_index(tuple(np.moveaxis(covered, -1, 0).reshape(3, -1)), shape)
    if len(np.unique(flat)) != count:
        return None
    return SourceSeries(tuple(header for header, _ in chosen), covered)


def _voxels(header: Dataset, to_voxel: NDArray[np.float64]) -> NDArray[np.intp] | None:
    """Return the voxel (row, column, 3) of the volume at each pixel of a slice; None off the grid."""
    along_row, along_column = np.array(_numbers(header.ImageOrientationPatient)).reshape(2, 3)
    between_rows, between_columns = _numbers(header.PixelSpacing)
    pixel = np.eye(4)
    pixel[:3, 0] = along_column * between_rows
    pixel[:3, 1] = along_row * between_columns
    pixel[:3, 3] = _numbers(header.ImagePositionPatient)
    step = to_voxel @ pixel
    corners = np.array([(r, c, 0, 1) for r in (0, header.Rows - 1) for c in (0, header.Columns - 1)])
    found = corners @ step.T
    if np.abs(found - np.rint(found)).max() > LATTICE_VOXELS:
        return None
    rows, columns = np.meshgrid(np.arange(header.Rows), np.arange(header.Columns), indexing="ij")
    points = np.stack([rows, columns, np.zeros_like(rows), np.ones_like(rows)], -1)
    return np.rint(points @ step.T)[..., :3].astype(np.intp)


def _numbers(value: Iterable[object]) -> list[float]:
    return [float(str(part)) for part in value]


def _height(header: Dataset) -> float:
    """Return the position of a slice along its normal, in mm."""
    along_row, along_column = np.array(_numbers(header.ImageOrientationPatient)).reshape(2, 3)
    return float(np.cross(along_row, along_column) @ _numbers(header.ImagePositionPatient))


def _by_instance(header: Dataset) -> tuple[int, str]:
    return int(header.get("InstanceNumber") or 0), str(header.SOPInstanceUID)
