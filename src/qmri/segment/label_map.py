"""A label map on disk with its table and sidecar, written and read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.images.sidecar import sidecar_path
from qmri.json_files import read_json
from qmri.segment.label_table import read_table, table_path, write_table
from qmri.segment.naming.numbering import Naming
from qmri.segment.segmentation import Segmentation
from qmri.spine.levels import LEVEL_ID


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
