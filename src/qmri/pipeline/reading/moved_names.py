"""An off-by-one of the level names mended: the label map with every name moved, saved as a correction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.images.nifti import read_volume, write_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.reading.saved import find_saved, keep_edited
from qmri.pipeline.records.ledger import require_result
from qmri.pipeline.records.models import SegmentRecord
from qmri.pipeline.records.provenance import sha256
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, USUAL_LEVELS


@dataclass(frozen=True)
class Relabelled:
    """A correction that was written.

    Attributes
    ----------
    path
        The correction.
    renamed
        Former name of each body to its new name; None for a body that is left out as sacrum.
    """

    path: Path
    renamed: Mapping[str, str | None]


def new_names(levels: list[str], shift: int) -> dict[str, str | None]:
    """Return the names of levels moved by ``shift`` along the spine, + caudal: +1 makes L3 L4.

    What would come below L5 was sacrum taken for a lumbar body, and gets None.

    Raises
    ------
    QmriError
        If the spine has levels that most spines lack, or a name would come above C1.
    """
    unusual = [level for level in levels if level not in USUAL_LEVELS]
    if unusual and shift:
        raise QmriError(
            "names cannot be moved along a spine of unusual count",
            found=", ".join(unusual),
            remedy="rename the labels in ITK-SNAP or 3D Slicer",
        )
    names: dict[str, str | None] = {}
    for level in levels:
        place = USUAL_LEVELS.index(level) + shift if shift else None
        if place is not None and place < 0:
            raise QmriError(f"there is no level {-shift} above {level}", remedy="check --shift")
        names[level] = level if place is None else (*USUAL_LEVELS, None)[min(place, len(USUAL_LEVELS))]
    if not any(names.values()):
        raise QmriError("no body would be left", found=f"--shift {shift:+d}", remedy="check --shift")
    return names


def renumber(labels: NDArray[np.integer], names: Mapping[str, str | None]) -> NDArray[np.int16]:
    """Return a label map (x, y, z) with the ids of new names, as int16."""
    result = np.zeros(labels.shape, np.int16)
    for former, name in names.items():
        if name is not None:
            result[labels == LEVEL_ID[former]] = LEVEL_ID[name]
    return result


def relabel_examination(results: Path, exam: str, shift: int) -> Relabelled:
    """Save the label map of an examination with moved names as the reader's correction.

    A correction that was there before is kept as ``<exam>_desc-former_dseg...``.

    Raises
    ------
    QmriError
        If the examination has no label map, or a correction that no run has taken yet.
    """
    reader = require_result(results, exam, SegmentRecord).decisions.reader
    directory = exam_directory(results, exam, "segment")
    keep_edited(directory, exam)
    saved = find_saved(directory, exam)
    if saved.path is not None and (reader is None or sha256(saved.path) != reader.sha256):
        raise QmriError(
            "there is a correction that no run has taken yet",
            where=saved.path.name,
            remedy="run the study, look at the sheet, and relabel then",
        )
    labels = read_volume(file_path(directory, exam, "labels"))
    levels = [LEVEL_NAME[int(number)] for number in np.unique(labels.data) if number]
    names = new_names(levels, shift)
    moved = renumber(labels.data.astype(np.int16), names)
    if saved.labels is not None:
        saved.labels.rename(_former(saved.labels))
    path = directory / f"{exam}_desc-manual_dseg.nii.gz"
    write_volume(path, labels.like(moved), dtype=np.int16)
    return Relabelled(path, names)


def _former(path: Path) -> Path:
    names = (path.name.replace("_desc-manual", f"_desc-former{number or ''}", 1) for number in range(100))
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())
