"""Label maps that the measure stage reads, and what the table beside them says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume
from qmri.measure.data import LabelNote
from qmri.outputs.tables import read_rows
from qmri.spine.body_flag import read_flags
from qmri.spine.tissue_labels import TISSUE_NAME


def read_labels(path: Path) -> Volume:
    """Read a label map.

    Raises
    ------
    QmriError
        If it has not three dimensions, or values that are no whole numbers (an interpolated map).
    """
    volume = read_volume(path)
    if volume.data.ndim != 3:
        raise QmriError(
            "a label map has not three dimensions", where=path.name, found=f"shape {volume.data.shape}"
        )
    labels = np.rint(volume.data).astype(np.int32)
    if not np.array_equal(labels, volume.data):
        raise QmriError(
            "a label map has values that are no whole numbers",
            where=path.name,
            remedy="resample labels by nearest neighbour, never by interpolation",
        )
    return volume.like(labels)


def read_tissues(path: Path, labels: Volume) -> NDArray[np.integer] | None:
    """Read the tissue label map of the segmentation, (x, y, z); None where there is none.

    Raises
    ------
    QmriError
        If it lies on another grid than the labels of the bodies.
    """
    if not path.exists():
        return None
    tissues = read_labels(path)
    if not tissues.grid.matches(labels.grid):
        raise QmriError(
            "the tissue label map and the labels of the bodies lie on different grids",
            where=path.name,
            remedy="segment the examination again",
        )
    return tissues.data


def given_tissues(path: Path | None, labels: Volume) -> NDArray[np.integer] | None:
    """Read the tissue label map that the command line names, (x, y, z).

    Raises
    ------
    QmriError
        If it is not there, lies on another grid, or has ids of no tissue.
    """
    if path is None:
        return None
    tissues = read_tissues(path, labels)
    if tissues is None:
        raise QmriError("the tissue label map is not there", where=path.name)
    unknown = sorted(set(np.unique(tissues).tolist()) - {0, *TISSUE_NAME})
    if unknown:
        raise QmriError(
            "the tissue label map has ids that name no tissue",
            where=path.name,
            found=", ".join(str(number) for number in unknown[:5]),
            expected=", ".join(f"{number} {name}" for number, name in TISSUE_NAME.items()),
            remedy="give the labels of your program these ids",
        )
    return tissues


def read_notes(path: Path) -> dict[str, LabelNote]:
    """Read what the segmentation tells of its labels; nothing where there is no table."""
    if not path.exists():
        return {}
    return {row["name"]: _note(row) for row in read_rows(path)}


def _note(row: Mapping[str, str]) -> LabelNote:
    def yes(key: str) -> bool:
        return row.get(key, "").strip().lower() in ("1", "true", "yes")

    confidence = row.get("confidence", "")
    return LabelNote(
        complete=yes("complete"),
        confidence=None if confidence in ("", "n/a") else float(confidence),
        flags=read_flags(row.get("flags", "")),
        verified=yes("verified"),
    )
