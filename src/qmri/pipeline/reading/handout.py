"""The files that a reader gets beside the label map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.images.nifti import Volume, write_volume
from qmri.outputs import FILES, file_path
from qmri.segment.detect.detector import SpineImages
from qmri.segment.reader.markups import markups_json
from qmri.segment.reader.reader_sheet import write_sheet
from qmri.segment.segmentation import Segmentation
from qmri.spine.palette import itksnap_labels, slicer_colours

INPHASE_TOP = 4000


def write_handout(
    directory: Path,
    exam: str,
    images: SpineImages,
    final: Segmentation,
    automatic: Segmentation | None,
) -> None:
    """Write the sheet, the in-phase image, the names and colours of the labels, and the automatic points."""
    file_path(directory, exam, "itksnap_labels").write_text(itksnap_labels(), encoding="utf-8")
    file_path(directory, exam, "slicer_colours").write_text(slicer_colours(), encoding="utf-8")
    if automatic is not None:
        levels = [body.name for body in automatic.bodies]
        centres = np.array([body.centre_mm for body in automatic.bodies])
        text = markups_json(levels, centres)
        file_path(directory, exam, "auto_seeds").write_text(text, encoding="utf-8")
    inphase = file_path(directory, exam, "inphase")
    shown = "Water image: there is no fat image." if images.fat is None else FILES["inphase"].description
    sidecar = {"Description": shown, "Units": "arbitrary"}
    write_volume(inphase, Volume(_inphase(images), images.affine), dtype=np.int16, sidecar=sidecar)
    write_sheet(file_path(directory, exam, "sheet"), images, final, exam)


def _inphase(images: SpineImages) -> NDArray[np.int16]:
    """Return the in-phase image (x, y, z), its 99.9th percentile scaled to `INPHASE_TOP`."""
    whole = np.nan_to_num(np.asarray(images.in_phase, np.float64))
    top = float(np.percentile(whole, 99.9)) or 1.0
    return np.clip(np.rint(whole / top * INPHASE_TOP), 0, np.iinfo(np.int16).max).astype(np.int16)
