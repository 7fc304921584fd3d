"""NIfTI volumes with their JSON sidecars: the form in which stages hand images to each other."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from numpy.typing import DTypeLike, NDArray

from qmri.errors import QmriError
from qmri.images.grid import Grid
from qmri.images.sidecar import sidecar_path
from qmri.json_files import write_json


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
    if path.suffix == ".gz" and image.get_data_dtype().kind == "f":
        with path.open("wb") as file, _HuffmanGzipFile(file) as packed:
            image.to_stream(packed)
    else:
        nib.save(image, path)
    if sidecar is not None:
        write_json(sidecar_path(path), sidecar)


class _HuffmanGzipFile(gzip.GzipFile):
    """Gzip that looks for no repeats, which measured numbers do not hold: 2.5 times as fast, 5 % larger."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(filename="", mode="wb", fileobj=file, mtime=0)
        self.compress = zlib.compressobj(
            1, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY
        )
