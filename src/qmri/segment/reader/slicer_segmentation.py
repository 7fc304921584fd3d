"""A segmentation of 3D Slicer (``.seg.nrrd``) as a label map with level ids.

Slicer numbers the segments as it likes; what counts is each segment's name.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nrrd
import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.nifti import Volume
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, SACRUM_ID, parse_level

FIRST_DISC_ID = 100
SAVE = "save the segmentation in 3D Slicer as .seg.nrrd, or export it as NIfTI"
REMEDY = "name each segment after its level in the Segmentations module, as in L3"

_TO_RAS = {
    **dict.fromkeys(("left-posterior-superior", "LPS"), (-1.0, -1.0, 1.0)),
    **dict.fromkeys(("right-anterior-superior", "RAS"), (1.0, 1.0, 1.0)),
}
_DAMAGE = (nrrd.NRRDError, KeyError, ValueError, OSError, EOFError, IndexError, zlib.error, StopIteration)


@dataclass(frozen=True)
class NrrdImage:
    """An image with three spatial axes.

    Attributes
    ----------
    layers
        (layer, x, y, z); one layer where the file has three axes.
    affine
        (4, 4) float64 matrix from voxel index to RAS+ millimetres.
    header
        Fields and key/value pairs of the header, such as ``Segment0_Name``.
    """

    layers: NDArray[np.generic]
    affine: NDArray[np.float64]
    header: Mapping[str, str]


def read_slicer_segmentation(path: Path) -> Volume:
    """Read a ``.seg.nrrd`` file; its segments get the ids of their levels.

    A segment may be named after its level (``L3``), after the sacrum, or still bear the id of the
    label map it was imported from (``Segment_22``). Discs and sacrum come through with their ids.

    Raises
    ------
    QmriError
        If a segment has another name, two have the same level, or two overlap.
    """
    image = read_nrrd(path)
    labels = np.zeros(image.layers.shape[1:], np.int16)
    named: dict[int, str] = {}
    for number in _segment_numbers(image):
        name = image.header.get(f"Segment{number}_Name", "")
        layer, value = _layer_and_value(image, number, path.name)
        mask = image.layers[layer] == value
        if not mask.any():
            continue
        level_id = _level_id(name, path.name)
        if level_id in named:
            raise QmriError(
                "two segments have one level", where=path.name, found=f"{named[level_id]} and {name}"
            )
        shared = int(np.count_nonzero(labels[mask]))
        if shared:
            other = named[int(labels[mask][labels[mask] > 0][0])]
            raise QmriError(
                f"the segments {other} and {name} overlap",
                where=path.name,
                found=f"{shared} voxels in both",
                remedy="allow no overlap in the Segment Editor (Masking: Modify other segments)",
            )
        labels[mask] = level_id
        named[level_id] = name
    if not named:
        raise QmriError("the segmentation is empty", where=path.name, remedy=REMEDY)
    return Volume(labels, image.affine)


def read_nrrd(path: Path) -> NrrdImage:
    """Read an NRRD file with its samples attached.

    Raises
    ------
    QmriError
        If the file is missing, damaged, or of a kind that 3D Slicer does not write for segmentations.
    """
    try:
        stream = io.BytesIO(path.read_bytes())
    except FileNotFoundError:
        raise QmriError("an image is missing", where=path.name) from None
    try:
        header = nrrd.read_header(stream)
        if "data file" in header or "datafile" in header:
            raise ValueError("the samples are in another file")
        samples = nrrd.read_data(header, stream)
        spatial = np.isfinite(header["space directions"]).all(axis=1)
        if samples.ndim - spatial.sum() not in (0, 1) or spatial.sum() != 3:
            raise ValueError(f"{samples.ndim} axes, {spatial.sum()} of them with a direction in space")
        layers = samples[None] if spatial.all() else np.moveaxis(samples, int(np.argmin(spatial)), 0)
        return NrrdImage(layers, _affine(header, spatial), header)
    except _DAMAGE as error:
        raise QmriError(
            "the file is not an NRRD image that can be read",
            where=path.name,
            found=str(error).strip("'"),
            remedy=SAVE,
        ) from error


def _affine(header: nrrd.NRRDHeader, spatial: NDArray[np.bool_]) -> NDArray[np.float64]:
    if header["space"] not in _TO_RAS:
        raise ValueError(f"space {header['space']}")
    affine = np.eye(4)
    affine[:3, :3] = header["space directions"][spatial].T
    affine[:3, 3] = header["space origin"]
    affine[:3] *= np.array(_TO_RAS[header["space"]])[:, None]
    if not np.all(np.isfinite(affine)) or abs(np.linalg.det(affine)) < 1e-9:
        raise ValueError("the axes do not span space")
    return affine


def _segment_numbers(image: NrrdImage) -> list[int]:
    matches = (re.fullmatch(r"Segment(\d+)_ID", key) for key in image.header)
    return sorted(int(match.group(1)) for match in matches if match)


def _layer_and_value(image: NrrdImage, number: int, where: str) -> tuple[int, int]:
    """Return in which layer a segment lies and with which value."""
    layer = image.header.get(f"Segment{number}_Layer", "0")
    value = image.header.get(f"Segment{number}_LabelValue", "1")
    if not (layer.isdecimal() and value.isdecimal() and int(layer) < len(image.layers)):
        raise QmriError(
            f"the file does not say where segment {number} lies",
            where=where,
            found=f"layer {layer}, value {value}",
            expected=f"a layer from 0 to {len(image.layers) - 1} and a whole number",
            remedy=SAVE,
        )
    return int(layer), int(value)


def _level_id(name: str, where: str) -> int:
    if name.strip().lower() == "sacrum":
        return SACRUM_ID
    if match := re.fullmatch(r"(?:Segment_|label_?|)(\d+)", name.strip(), flags=re.IGNORECASE):
        number = int(match.group(1))
        if number in LEVEL_NAME or number == SACRUM_ID or number > FIRST_DISC_ID:
            return number
    try:
        return LEVEL_ID[parse_level(name)]
    except QmriError as error:
        error.where = where
        error.remedy = REMEDY
        raise
