"""A label map on disk with its table and sidecar, written and read back."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.images.nifti import Volume, read_volume, sidecar_path, write_volume
from qmri.json_files import read_json
from qmri.outputs.tables import read_rows
from qmri.segment.naming.numbering import Naming
from qmri.segment.segmentation import LabelledBody, Segmentation
from qmri.spine.body_flag import flags_text, read_flags
from qmri.spine.levels import LEVEL_ID

TABLE_COLUMNS = (
    "index",
    "name",
    "x_mm",
    "y_mm",
    "z_mm",
    "n_voxels",
    "complete",
    "confidence",
    "flags",
    "verified",
)
MISSING = "n/a"


def table_path(label_map: Path) -> Path:
    """Return the table that belongs to a label map."""
    return sidecar_path(label_map).with_suffix(".tsv")


def write_label_map(
    path: Path,
    affine: NDArray[np.float64],
    segmentation: Segmentation,
    description: str,
    sidecar: Mapping[str, object],
) -> None:
    """Write a label map, its sidecar and its table.

    ``affine`` (4, 4) leads from voxel index to RAS+ mm.
    """
    naming = segmentation.naming
    content = {
        "Description": description,
        "Levels": {str(LEVEL_ID[body.name]): body.name for body in segmentation.bodies},
        "LevelsNamedFrom": naming.basis,
        "LevelsVerified": naming.verified,
        "NamingProbability": None if naming.probability is None else round(naming.probability, 4),
        "NamingDoubts": list(naming.doubts),
        **sidecar,
    }
    write_volume(path, Volume(segmentation.labels, affine), dtype=np.int16, sidecar=content)
    write_table(table_path(path), segmentation.bodies, naming.verified)


def read_label_map(path: Path) -> tuple[Segmentation, dict[str, Any]]:
    """Return a label map that `write_label_map` wrote, without evidence, and its sidecar."""
    sidecar = read_json(sidecar_path(path))
    bodies = read_table(table_path(path))
    naming = Naming(
        tuple(body.name for body in bodies),
        sidecar["LevelsNamedFrom"],
        sidecar["NamingProbability"],
        tuple(sidecar["NamingDoubts"]),
    )
    return Segmentation(read_volume(path).data.astype(np.int16), bodies, naming), sidecar


def write_table(path: Path, bodies: Sequence[LabelledBody], verified: bool) -> None:
    """Write the table of the bodies of a label map."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(TABLE_COLUMNS)
        for body in bodies:
            table.writerow(
                [
                    LEVEL_ID[body.name],
                    body.name,
                    *(f"{value:.2f}" for value in body.centre_mm),
                    body.n_voxels,
                    int(body.complete),
                    MISSING if body.confidence is None else f"{body.confidence:.3f}",
                    flags_text(body.flags),
                    int(verified),
                ]
            )


def read_table(path: Path) -> tuple[LabelledBody, ...]:
    """Read the table of the bodies of a label map."""
    return tuple(_body(row) for row in read_rows(path))


def _body(row: Mapping[str, str]) -> LabelledBody:
    return LabelledBody(
        name=row["name"],
        centre_mm=(float(row["x_mm"]), float(row["y_mm"]), float(row["z_mm"])),
        n_voxels=int(row["n_voxels"]),
        complete=row["complete"] == "1",
        confidence=None if row["confidence"] == MISSING else float(row["confidence"]),
        flags=read_flags(row["flags"]),
    )
