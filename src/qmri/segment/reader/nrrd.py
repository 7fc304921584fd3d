"""Reading of NRRD images as 3D Slicer writes them: a text header, then raw or compressed samples.

The format is defined at https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError

REMEDY = "save the segmentation in 3D Slicer as .seg.nrrd, or export it as NIfTI"
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("unsigned char", "uchar", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    "float": "f4",
    "double": "f8",
}
_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda content: content,
    **dict.fromkeys(("gzip", "gz"), gzip.decompress),
    **dict.fromkeys(("bzip2", "bz2"), bz2.decompress),
}
_TO_RAS = {
    "left-posterior-superior": (-1.0, -1.0, 1.0),
    "LPS": (-1.0, -1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "RAS": (1.0, 1.0, 1.0),
}


@dataclass(frozen=True)
class NrrdImage:
    """An image with three spatial axes.

    Attributes
    ----------
    layers
        (layer, x, y, z); one layer where the file has three axes.
    affine
        (4, 4) float64 matrix from voxel index to RAS+ millimetres.
    keys
        The key/value pairs of the header, such as ``Segment0_Name``.
    """

    layers: NDArray[np.generic]
    affine: NDArray[np.float64]
    keys: Mapping[str, str]


def read_nrrd(path: Path) -> NrrdImage:
    """Read an NRRD file with its samples attached.

    Raises
    ------
    QmriError
        If the file is missing, damaged, or of a kind that 3D Slicer does not write for segmentations.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise QmriError("an image is missing", where=path.name) from None
    header, blank, samples = _split(content)
    if not content.startswith(b"NRRD") or not blank:
        raise QmriError("the file is not an NRRD image", where=path.name, remedy=REMEDY)
    fields, keys = _parse(header.decode("utf-8", "replace"))
    try:
        return NrrdImage(_samples(fields, samples), _affine(fields), keys)
    except (KeyError, ValueError, OSError, EOFError, zlib.error) as error:
        raise QmriError(
            "the NRRD image cannot be read", where=path.name, found=str(error).strip("'"), remedy=REMEDY
        ) from error


def _split(content: bytes) -> tuple[bytes, bytes, bytes]:
    match = re.search(rb"\r?\n\r?\n", content)
    return (content[: match.start()], b"\n", content[match.end() :]) if match else (content, b"", b"")


def _parse(header: str) -> tuple[dict[str, str], dict[str, str]]:
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    for line in header.splitlines()[1:]:
        if line.startswith("#"):
            continue
        name, between, value = line.partition(":")
        if between and value.startswith("="):
            keys[name] = value[1:].strip()
        elif between:
            fields[name.strip().lower()] = value.strip()
    return fields, keys


def _samples(fields: Mapping[str, str], content: bytes) -> NDArray[np.generic]:
    if "data file" in fields or "datafile" in fields:
        raise ValueError("the samples are in another file")
    if fields["type"] not in _TYPES or fields["encoding"].lower() not in _DECODERS:
        raise ValueError(f"type {fields['type']}, encoding {fields['encoding']}")
    sizes = tuple(int(word) for word in fields["sizes"].split())
    order = ">" if fields.get("endian", "little") == "big" else "<"
    plain = _DECODERS[fields["encoding"].lower()](content)
    data = np.frombuffer(plain, np.dtype(order + _TYPES[fields["type"]]))
    if data.size != int(np.prod(sizes)):
        raise ValueError(f"{data.size} samples for sizes {fields['sizes']}")
    data = data.reshape(sizes, order="F")
    directions = _directions(fields)
    if len(sizes) == len(directions) == 3 and None not in directions:
        return data[None]
    if len(sizes) == len(directions) == 4 and directions.count(None) == 1:
        return np.moveaxis(data, directions.index(None), 0)
    raise ValueError(f"sizes {fields['sizes']} with space directions {fields['space directions']}")


def _directions(fields: Mapping[str, str]) -> list[tuple[float, ...] | None]:
    words = re.findall(r"none|\([^)]*\)", fields["space directions"])
    return [None if word == "none" else _vector(word) for word in words]


def _vector(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.strip("() ").split(","))


def _affine(fields: Mapping[str, str]) -> NDArray[np.float64]:
    if fields["space"] not in _TO_RAS:
        raise ValueError(f"space {fields['space']}")
    columns = [direction for direction in _directions(fields) if direction is not None]
    affine = np.eye(4)
    affine[:3, :3] = np.array(columns).T
    affine[:3, 3] = _vector(fields["space origin"])
    affine[:3] *= np.array(_TO_RAS[fields["space"]])[:, None]
    if not np.all(np.isfinite(affine)) or abs(np.linalg.det(affine)) < 1e-9:
        raise ValueError("the axes do not span space")
    return affine
