"""The table of a label map: its bodies, a row each."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qmri.images.sidecar import sidecar_path
from qmri.outputs.tables import read_rows
from qmri.spine.body_flag import BodyFlag, flags_text, read_flags
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


@dataclass(frozen=True)
class LabelledBody:
    """One row of the label table.

    Attributes
    ----------
    name
        Level.
    centre_mm
        Centroid of its voxels in RAS+ millimetres.
    n_voxels
        Number of voxels.
    complete
        Whether it is in the field of view from endplate to endplate and front to back; the sides
        may be cut, as in a thin sagittal slab.
    confidence
        0-1 from the cut; None for a body that a reader drew.
    flags
        What a reader should look at.
    """

    name: str
    centre_mm: tuple[float, float, float]
    n_voxels: int
    complete: bool
    confidence: float | None
    flags: tuple[BodyFlag, ...]


def table_path(label_map: Path) -> Path:
    """Return the table that belongs to a label map."""
    return sidecar_path(label_map).with_suffix(".tsv")


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
