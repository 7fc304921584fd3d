"""Files of the export: an examination's results and its original series in, DICOM files out."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.records.ledger import require_result
from qmri.pipeline.records.models import FitRecord, SegmentRecord
from qmri.pipeline.records.record_files import require_record
from qmri.spine.palette import LEVEL_COLOUR

MAP_FILES = {"pdff": "pdff.dcm", "r2star": "r2star.dcm"}
SEGMENTATION_FILE = "vertebral_bodies.dcm"


def export_examination(results: Path, exam: str, series: Path, out: Path) -> list[Path]:
    """Write an examination's label map and maps as DICOM that refers to the original series.

    The files carry the patient's identity from the series, as a hospital's archive needs it, so they
    are refused a place in the results folder.

    Parameters
    ----------
    results
        Results folder of the study.
    exam
        Name of the examination.
    series
        Folder of the original DICOM.
    out
        Folder for the files, outside the results.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    QmriError
        If ``results`` is no results folder, the examination has no maps, no series fits, ``out`` is not
        allowed, or highdicom is not installed.
    """
    require_result(results, exam, FitRecord)
    if out.resolve().is_relative_to(results.resolve()):
        raise QmriError(
            "DICOM files carry the patient's identity and may not lie in the results folder",
            remedy="name another folder with --out",
        )
    try:
        from qmri.export.objects import QUANTITIES, parametric_map, segmentation  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise QmriError(
            "the export to DICOM needs the package highdicom", remedy="pip install 'qmri[dicom]'"
        ) from error
    from qmri.export.source import find_source  # noqa: PLC0415 - after the check of what is installed

    logging.getLogger("highdicom").setLevel(logging.WARNING)  # it names every module of the header
    maps, labels, by_reader = _results(results, exam)
    grid = next(iter(maps.values()))
    source = find_source(series, grid.data.shape[:3], grid.affine)
    made = {
        MAP_FILES[key]: parametric_map(source, volume.data.astype(np.float32), QUANTITIES[key])
        for key, volume in maps.items()
    }
    if labels is not None:
        numbers = labels.data.astype(np.int16)
        made[SEGMENTATION_FILE] = segmentation(source, numbers, LEVEL_COLOUR, by_reader=by_reader)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        content.save_as(out / name, enforce_file_format=True)
    return [out / name for name in sorted(made)]


def _results(results: Path, exam: str) -> tuple[dict[str, Volume], Volume | None, bool]:
    """Return the maps, the label map if there is one, and whether a reader corrected it."""
    folder = {verb: exam_directory(results, exam, verb) for verb in ("fit", "segment")}
    maps = {
        key: read_volume(path) for key in MAP_FILES if (path := file_path(folder["fit"], exam, key)).exists()
    }
    if not maps:
        raise QmriError(f"{exam} has no maps")
    path = file_path(folder["segment"], exam, "labels")
    if not path.exists():
        return maps, None, False
    record = require_record(file_path(folder["segment"], exam, "segment_record"), SegmentRecord)
    return maps, read_volume(path), record.decisions.reader is not None
