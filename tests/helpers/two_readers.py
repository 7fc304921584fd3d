"""A results folder that two readers have read: examinations of five boxes, as the stages would leave them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from small_records import write_small_record

from qmri.images.acquisition import Acquisition
from qmri.images.nifti import Volume, write_volume
from qmri.outputs import exam_directory, file_path
from qmri.outputs.files import record_path
from qmri.pipeline.reading.readings import FIRST, SECOND, Reading, append_reading
from qmri.pipeline.reading.second_read import second_read_path
from qmri.pipeline.records.decisions import ReaderDecisions
from qmri.pipeline.records.provenance import sha256
from qmri.spine.levels import LEVEL_ID

LEVELS = ("T12", "L1", "L2", "L3", "L4")
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
SHAPE = (30, 30, 98)
HEIGHT, STEP = 13, 18

Labels = NDArray[np.int16]


def boxes(names: Mapping[str, str | None] | None = None, **lower: int) -> Labels:
    """Return bodies of 40 x 32 x 26 mm, called by ``names`` (None: left out), ``lower`` by so many voxels."""
    labels = np.zeros(SHAPE, np.int16)
    for place, level in enumerate(LEVELS):
        name = (names or {}).get(level, level)
        if name is not None:
            bottom = 5 + STEP * (len(LEVELS) - 1 - place)
            labels[5:25, 7:23, bottom : bottom + HEIGHT - lower.get(level, 0)] = LEVEL_ID[name]
    return labels


def first_read(
    results: Path, exam: str, labels: Labels, reader: str | None = "AB", *, field_t: float | None = None
) -> Path:
    """Write an examination with the labels that count; ``reader`` None is nobody's."""
    settings = results / "config.yaml"
    if not settings.is_file():
        settings.write_text("measure: {bootstrap_samples: 50}\n")
    rng = np.random.default_rng(len(exam))
    for key, low in (("pdff", 40.0), ("r2star", 90.0)):
        path = file_path(exam_directory(results, exam, "fit"), exam, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = low + 0.2 * np.arange(SHAPE[2]) + rng.normal(0, 2, SHAPE)
        write_volume(path, Volume(ramp, AFFINE), dtype=np.float32)
    acquisition = Acquisition(field_strength_t=field_t)
    write_small_record(record_path(results, exam, "fit"), "fit", exam, acquisition=acquisition)
    path = file_path(exam_directory(results, exam, "segment"), exam, "labels")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(path, Volume(labels, AFFINE), dtype=np.int16)
    write_small_record(record_path(results, exam, "segment"), "segment", exam, reader=None)
    if reader:
        decide(results, exam, "confirm", reader=reader, sha256=sha256(path))
    return path


def second_read(
    results: Path, exam: str, labels: Labels, reader: str = "CD", *, confirmed: bool = True
) -> Path:
    """Write a blinded second read."""
    path = second_read_path(results, reader, exam)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(path, Volume(labels, AFFINE), dtype=np.int16)
    if confirmed:
        decide(results, exam, "confirm", reader=reader, read=SECOND, sha256=sha256(path))
    return path


def decide(
    results: Path, exam: str, decision: str, *, reader: str = "AB", read: str = FIRST, **cells: str
) -> None:
    """Add a line to the log."""
    append_reading(results, Reading("2026-01-01T10:00:00Z", reader, read, exam, decision, **cells))


def from_a_correction(results: Path, exam: str, digest: str) -> None:
    """Let the labels that count be made from a reader's correction of this checksum."""
    reader = ReaderDecisions(file="x", sha256=digest)
    write_small_record(record_path(results, exam, "segment"), "segment", exam, reader=reader)
