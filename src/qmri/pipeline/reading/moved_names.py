"""An off-by-one of the level names mended: the label map with every name moved, saved as a correction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qmri.errors import QmriError
from qmri.images.nifti import read_volume, write_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.reading.saved import find_saved, keep_edited, set_aside
from qmri.pipeline.records.ledger import require_result
from qmri.pipeline.records.models import SegmentRecord
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.run.batch import refuse_beside_review
from qmri.segment.reader.edits import levels_of, new_names, renumber


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


def relabel_examination(results: Path, exam: str, shift: int) -> Relabelled:
    """Save the label map of an examination with moved names as the reader's correction.

    A correction that was there before is kept as ``<exam>_desc-former_dseg...``.

    Raises
    ------
    QmriError
        If a review is at work, or the examination has no label map, or a correction that no run has taken.
    """
    refuse_beside_review(results)
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
    drawn = labels.data.astype(np.int16)
    names = new_names(levels_of(drawn), shift)
    moved = renumber(drawn, names)
    if saved.labels is not None:
        set_aside(saved.labels)
    path = directory / f"{exam}_desc-manual_dseg.nii.gz"
    write_volume(path, labels.like(moved), dtype=np.int16)
    return Relabelled(path, names)
