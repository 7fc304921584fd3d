"""A label map saved as a reader's correction with its note, or taken back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.images.nifti import Volume, write_volume
from qmri.images.sidecar import sidecar_path
from qmri.outputs import exam_directory
from qmri.pipeline.reading.notes import CorrectionNote, FormerCorrection, read_note, write_note
from qmri.pipeline.reading.readings import now
from qmri.pipeline.reading.saved import find_saved, set_aside
from qmri.pipeline.records.provenance import sha256


def correction_path(results: Path, exam: str) -> Path:
    """Return where a reader's label map of an examination lies."""
    return exam_directory(results, exam, "segment") / f"{exam}_desc-manual_dseg.nii.gz"


def save_correction(
    path: Path,
    labels: NDArray[np.int16],
    affine: NDArray[np.float64],
    *,
    reader: str,
    decisions: Sequence[str],
    names_confirmed: bool,
) -> str:
    """Save a label map as a correction, whole or not at all, and return its SHA-256.

    The file has the bytes that the segment stage gives the same labels, so its checksum is that of the label
    map to come.

    Parameters
    ----------
    path
        Where the correction lies. One of another form that lies beside it is kept, but counts no more.
    labels, affine
        (x, y, z) int16 and (4, 4) to RAS+ mm, of the fit's images.
    reader, decisions
        Initials, and what was decided so far.
    names_confirmed
        Whether the reader stands behind the names of all levels.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for other in path.parent.glob(path.name.replace("dseg.nii.gz", "*")):
        if other != path and other.name.endswith((".nii", ".nrrd")):
            set_aside(other)
    staging = path.with_name(f".{path.name}")  # its name ends as NIfTI files do
    write_volume(staging, Volume(labels, affine), dtype=np.int16)
    digest = sha256(staging)
    former = None
    if path.is_file():
        note = read_note(path)
        former = FormerCorrection(NamesConfirmed=note is None or note.NamesConfirmed, Sha256=sha256(path))
    write_note(
        path,
        CorrectionNote(
            Reader=reader,
            Time=now(),
            Decisions=tuple(decisions),
            NamesConfirmed=names_confirmed,
            Sha256=digest,
            Former=former,
        ),
    )
    with staging.open("rb") as file:
        os.fsync(file.fileno())
    staging.replace(path)
    return digest


def withdraw_correction(path: Path) -> None:
    """Take a correction and its note away."""
    path.unlink(missing_ok=True)
    sidecar_path(path).unlink(missing_ok=True)


def saved_correction(results: Path, exam: str) -> Path | None:
    """Return the reader's label map that counts for an examination, None where there is none."""
    return find_saved(exam_directory(results, exam, "segment"), exam).labels
