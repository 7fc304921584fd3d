"""Where an image lies, and the grid of a stack of images: from position and orientation alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.grid import Grid

SAME_PLACE_MM = 0.02
"""Two images closer than this along the normal are of one slice."""
SAME_DIRECTION = 1e-3
"""Largest difference of direction cosines within a stack."""
EVEN_SPACING = 0.02
"""Largest share by which the distance of two slices may differ from the others."""
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Plane:
    """Position of an image in the patient (DICOM, LPS+).

    Attributes
    ----------
    position
        Centre of the first pixel, mm (0020,0032).
    orientation
        Direction cosines of a row, then of a column (0020,0037).
    spacing
        Distance of rows, then of columns, mm (0028,0030).
    thickness
        Distance to the next slice where the header tells, else the slice thickness, mm.
    frame_of_reference
        UID of the coordinate system (0020,0052); for comparison alone.
    """

    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float, float, float]
    spacing: tuple[float, float]
    thickness: float | None
    frame_of_reference: str

    @cached_property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector along which slices are counted: row direction x column direction; (3,), LPS."""
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        unit: NDArray[np.float64] = normal / np.linalg.norm(normal)
        return unit

    @cached_property
    def depth(self) -> float:
        """Place along the normal, mm."""
        return float(np.dot(self.normal, self.position))


@dataclass(frozen=True)
class StackGrid(Grid):
    """The voxels of a stack: columns, rows and slices are the axes (x, y, z) of an array.

    Attributes
    ----------
    depths
        Place of each slice along the normal, mm, in the order of the slices.
    """

    depths: NDArray[np.float64]

    def slice_of(self, plane: Plane) -> int:
        """Return the index of the slice in which an image lies."""
        return int(np.argmin(np.abs(self.depths - plane.depth)))


def check_plane(plane: Plane) -> str:
    """Return what is wrong with a position, or an empty text."""
    row, column = np.array(plane.orientation[:3]), np.array(plane.orientation[3:])
    if abs(np.linalg.norm(row) - 1) > 1e-2 or abs(np.linalg.norm(column) - 1) > 1e-2:
        return "ImageOrientationPatient (0020,0037) holds direction cosines that are no unit vectors"
    if abs(row @ column) > 1e-2:
        return "ImageOrientationPatient (0020,0037) holds rows and columns that are not perpendicular"
    if min(plane.spacing) <= 0:
        return "PixelSpacing (0028,0030) is not positive"
    return ""


def same_stack(one: Plane, two: Plane) -> bool:
    """Tell whether two images can be slices of one stack."""
    frames = {one.frame_of_reference, two.frame_of_reference} - {""}
    return bool(
        len(frames) < 2
        and np.allclose(one.orientation, two.orientation, atol=SAME_DIRECTION)
        and np.allclose(one.spacing, two.spacing, rtol=1e-4)
    )


def distinct_depths(planes: Sequence[Plane]) -> NDArray[np.float64]:
    """Return the places of the slices along the normal of the first image, mm, ascending; (n,)."""
    normal = planes[0].normal
    depths = np.sort(np.array([plane.position for plane in planes]) @ normal)
    first = np.concatenate([[True], np.diff(depths) > SAME_PLACE_MM])
    unique: NDArray[np.float64] = depths[first]
    return unique


def make_grid(
    planes: Sequence[Plane], columns: int, rows: int, where: str, *, backwards: bool = False
) -> StackGrid:
    """Return the grid on which a stack of images lies.

    The distance of slices comes from their positions; for a single slice it is its thickness.

    Parameters
    ----------
    planes
        Of all images, in any order; several may lie in one slice.
    columns, rows
        Size of an image.
    where
        Name of the series, for messages.
    backwards
        Count the slices against row direction x column direction.

    Raises
    ------
    QmriError
        If slices are not evenly spaced, or are shifted against each other within their plane.
    """
    depths = distinct_depths(planes)
    by_depth = sorted(planes, key=lambda plane: plane.depth)
    first, last = np.array(by_depth[0].position), np.array(by_depth[-1].position)
    row, column = np.array(by_depth[0].orientation[:3]), np.array(by_depth[0].orientation[3:])
    normal = by_depth[0].normal
    if len(depths) == 1:
        thickness = by_depth[0].thickness
        if not thickness or thickness <= 0:
            raise QmriError(
                "a single slice has no SliceThickness (0018,0050) in its header",
                where=where,
                remedy="export the whole series from the scanner",
            )
        step = normal * thickness
    else:
        _check_even(depths, where)
        step = (last - first) / (len(depths) - 1)
    expected = first + np.outer((np.array([p.depth for p in by_depth]) - depths[0]), step / (step @ normal))
    shift = np.abs(np.array([plane.position for plane in by_depth]) - expected).max()
    lean = np.linalg.norm(step - normal * (step @ normal)) / np.linalg.norm(step)
    if shift > 0.1 * min(by_depth[0].spacing) or lean > 2e-3:
        raise QmriError(
            "the slices of a stack are shifted against each other within their plane",
            where=where,
            found=f"ImagePositionPatient (0020,0032) up to {shift:.2f} mm beside the line of the others",
            expected="slices behind each other along the normal of the images",
            remedy="export the series again from the scanner",
        )
    spacing = by_depth[0].spacing
    if backwards:
        depths, first, step = depths[::-1], last, -step
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2], lps[:3, 3] = row * spacing[1], column * spacing[0], step, first
    return StackGrid((columns, rows, len(depths)), LPS_TO_RAS @ lps, depths)


def _check_even(depths: NDArray[np.float64], where: str) -> None:
    gaps = np.diff(depths)
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    uneven = np.flatnonzero(np.abs(gaps - usual) > EVEN_SPACING * usual + SAME_PLACE_MM)
    if uneven.size:
        raise QmriError(
            "the slices are not evenly spaced; one is missing, of another stack, or its "
            "ImagePositionPatient (0020,0032) is wrong",
            where=where,
            found=f"a distance of {gaps[uneven[0]]:.2f} mm after slice {uneven[0] + 1} of {len(depths)}",
            expected=f"{usual:.2f} mm as between the others",
            remedy="export the series again, complete",
        )
