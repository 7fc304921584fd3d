"""NIfTI volumes with their JSON sidecars: the form in which stages hand images to each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import DTypeLike, NDArray

from qmri.errors import QmriError
from qmri.images.grid import Grid


@dataclass(frozen=True)
class Volume:
    """An image on a grid.

    Attributes
    ----------
    data
        Array of shape (x, y, z) or (x, y, z, echo), in the order in which it was acquired.
    affine
        (4, 4) float64 matrix from voxel index to RAS+ millimetres.
    """

    data: NDArray[Any]
    affine: NDArray[np.float64]

    @property
    def grid(self) -> Grid:
        """Where the voxels lie; echoes share them."""
        x, y, z = self.data.shape[:3]
        return Grid((x, y, z), self.affine)

    def like(self, data: NDArray[Any]) -> Volume:
        """Return other data (x, y, z), of any unit, on the same grid."""
        return Volume(data, self.affine)


def sidecar_path(path: Path) -> Path:
    """Return the JSON file that belongs to a NIfTI file."""
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def read_volume(path: Path) -> Volume:
    """Read a NIfTI file.

    Raises
    ------
    QmriError
        If the file is missing or is not a NIfTI image with a spatial transform.
    """
    with _image(path) as image:
        return Volume(np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64))


def read_grid(path: Path) -> Grid:
    """Return where the voxels of a NIfTI file lie, without reading them.

    Raises
    ------
    QmriError
        As `read_volume`.
    """
    with _image(path) as image:
        x, y, z = image.shape[:3]
        return Grid((x, y, z), np.asarray(image.affine, dtype=np.float64))


@contextmanager
def _image(path: Path) -> Iterator[nib.Nifti1Image]:
    try:
        yield nib.Nifti1Image.from_filename(path)
    except FileNotFoundError:
        raise QmriError("an image is missing", where=path.name) from None
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
        raise QmriError("an image cannot be read", where=path.name, found=str(error)) from error


def write_volume(
    path: Path, volume: Volume, *, dtype: DTypeLike, sidecar: Mapping[str, object] | None = None
) -> None:
    """Write a NIfTI file in millimetres, RAS+, and its sidecar if one is given."""
    image = nib.Nifti1Image(np.asarray(volume.data, dtype=dtype), volume.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(volume.affine, code="scanner")
    image.set_qform(volume.affine, code="scanner")
    nib.save(image, path)
    if sidecar is not None:
        write_json(sidecar_path(path), sidecar)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    QmriError
        If the file is missing or holds no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise QmriError("a record is missing", where=path.name) from None
    except json.JSONDecodeError as error:
        raise QmriError("a record is not valid JSON", where=path.name, found=str(error)) from error
    if not isinstance(content, dict):
        raise QmriError("a record is not a JSON object", where=path.name, found=type(content).__name__)
    return content


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON object, keys in the order given, numbers strict (NaN is refused)."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
