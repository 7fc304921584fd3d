"""Files of the viewer: an examination's maps and labels in, one page out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qmri.errors import QmriError
from qmri.images.nifti import read_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.records.ledger import require_result
from qmri.pipeline.records.models import FitRecord, SegmentRecord
from qmri.pipeline.records.record_files import read_records
from qmri.viewer.layers import layers_of
from qmri.viewer.viewer_page import viewer_page


def examination_viewer(results: Path, exam: str) -> str:
    """Return the viewer's page of an examination of a study.

    Raises
    ------
    QmriError
        If there is no such results folder or examination, or it has no maps.
    """
    require_result(results, exam, FitRecord)
    folder = {verb: exam_directory(results, exam, verb) for verb in ("fit", "segment")}
    maps = {
        key: read_volume(path)
        for key in ("pdff", "r2star", "water", "fat")
        if (path := file_path(folder["fit"], exam, key)).exists()
    }
    if not maps:
        raise QmriError(f"{exam} has no maps")
    grid = next(iter(maps.values()))
    values = {key: np.asarray(volume.data, np.float64) for key, volume in maps.items()}
    if "water" in values and "fat" in values:
        values["in_phase"] = values["water"] + values["fat"]
    path = file_path(folder["segment"], exam, "labels")
    labels = read_volume(path).data.astype(np.int16) if path.exists() else np.zeros(grid.data.shape, np.int16)
    segmented = read_records(results, exam).of(SegmentRecord)
    verified = segmented is None or segmented.decisions.levels_verified
    return viewer_page(exam, layers_of(values), labels, grid.affine, verified=verified)
