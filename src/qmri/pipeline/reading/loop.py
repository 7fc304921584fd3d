"""One turn of the reader's loop: the automatic result, what the reader made of it, and what is handed out."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume
from qmri.images.sidecar import sidecar_path
from qmri.json_files import read_json
from qmri.outputs import FILES, file_path
from qmri.pipeline.reading.handout import write_handout
from qmri.pipeline.reading.notes import read_note
from qmri.pipeline.reading.saved import Saved, find_saved
from qmri.pipeline.records.decisions import SHEET_LABELS, ReaderDecisions, SegmentDecisions
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.records.record_files import read_part, read_record
from qmri.segment.detect.detector import SpineImages
from qmri.segment.label_map import read_label_map, write_label_map
from qmri.segment.label_table import table_path
from qmri.segment.naming.numbering import Naming
from qmri.segment.reader.correction import otherwise_named, overlap, take_labels, take_seeds, unchanged_bodies
from qmri.segment.reader.markups import read_markups
from qmri.segment.reader.reader_labels import accept_labels
from qmri.segment.reader.seeds import Seeds, read_seeds
from qmri.segment.reader.slicer_segmentation import read_slicer_segmentation
from qmri.segment.segmentation import Segmentation

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What one turn of the loop works on.

    Attributes
    ----------
    exam
        Name that the files begin with.
    images
        Images of the spine.
    segment
        Makes the automatic result; given points of the reader's, it starts from them.
    settings
        Thresholds.
    made_from
        All that the automatic result depends on; JSON values.
    sheet_labels
        Label map that the user named instead of automatic segmentation, or None.
    """

    exam: str
    images: SpineImages
    segment: Callable[[Seeds | None], tuple[Segmentation, SegmentDecisions]]
    settings: SegmentSettings
    made_from: Mapping[str, object] = field(default_factory=dict)
    sheet_labels: Path | None = None


@dataclass(frozen=True)
class Turn:
    """What came of it.

    Attributes
    ----------
    segmentation
        What counts.
    decisions
        For the record.
    warnings
        Sentences for the reader.
    """

    segmentation: Segmentation
    decisions: SegmentDecisions
    warnings: tuple[str, ...] = ()


def turn(task: Task, directory: Path, staging: Path) -> Turn:
    """Segment, take what a reader saved in ``directory``, and write everything into ``staging``.

    The automatic result of an earlier turn is taken again if nothing that it depends on has changed.

    Raises
    ------
    QmriError
        If the images cannot be segmented and nobody corrected that, or a correction is refused.
    """
    saved = find_saved(directory, task.exam)
    if saved.unusable is not None:
        raise QmriError(
            f"the reader {saved.unusable.Reader} found the examination not usable",
            found=saved.unusable.Reason,
            remedy="to use it after all: qmri review, or take the file desc-manual_unusable.json away",
        )
    if saved.path is None and task.sheet_labels is not None:
        result = _take(task, Saved(labels=task.sheet_labels), None, None)
        automatic = None
    else:
        automatic, decided, failure = _automatic(task, directory, staging, tolerate=saved.path is not None)
        if saved.path is None and automatic and decided:
            result = Turn(automatic, decided)
        else:
            result = _take(task, saved, automatic, decided)
        if failure:
            result = Turn(result.segmentation, result.decisions, (failure, *result.warnings))
    label_map = file_path(staging, task.exam, "labels")
    write_label_map(label_map, task.images.affine, result.segmentation, FILES["labels"].description, {})
    write_handout(staging, task.exam, task.images, result.segmentation, automatic)
    return result


def _automatic(
    task: Task, directory: Path, staging: Path, *, tolerate: bool
) -> tuple[Segmentation | None, SegmentDecisions | None, str | None]:
    """Return the automatic result with its decisions, as read back from the staged files."""
    path = file_path(staging, task.exam, "auto_labels")
    key = hashlib.sha256(json.dumps(task.made_from, sort_keys=True).encode()).hexdigest()
    if not _reuse(file_path(directory, task.exam, "auto_labels"), path, key, directory, task.exam):
        try:
            segmentation, decided = task.segment(None)
        except QmriError as error:
            if not tolerate:
                raise
            return None, None, f"there is no automatic result: {error.reason}"
        sidecar = {"MadeFrom": key, "Decisions": decided.to_json()}
        write_label_map(path, task.images.affine, segmentation, FILES["auto_labels"].description, sidecar)
    segmentation, content = read_label_map(path)
    return segmentation, read_part(SegmentDecisions, content["Decisions"], sidecar_path(path).name), None


def _reuse(former: Path, path: Path, key: str, directory: Path, exam: str) -> bool:
    """Copy a former automatic result if it was made from the same and nobody has touched it."""
    record = file_path(directory, exam, "segment_record")
    files = (former, sidecar_path(former), table_path(former))
    if not record.is_file() or not all(file.is_file() for file in files):
        return False
    written = read_record(record).outputs
    if any(written.get(file.name) != sha256(file) for file in files):
        return False
    if read_json(files[1]).get("MadeFrom") != key:
        return False
    for file in files:
        shutil.copyfile(file, path.with_name(file.name))
    return True


def _take(task: Task, saved: Saved, automatic: Segmentation | None, decided: SegmentDecisions | None) -> Turn:
    """Return the segmentation after a reader's correction; ``decided`` is what decided the automatic one."""
    path = saved.path
    if path is None:
        raise ValueError("nothing was saved")
    file = path.name if saved.labels != task.sheet_labels else SHEET_LABELS
    log.info("a reader's correction counts: %s", file)
    found: dict[str, object] = {}
    warnings: list[str] = []
    try:
        if saved.labels is not None:
            grid = Volume(task.images.water, task.images.affine)
            accepted = accept_labels(read_reader_labels(saved.labels), grid)
            found["left_out_ids"] = accepted.dropped
            segmentation = take_labels(task.images, accepted.labels, automatic, task.settings)
            if saved.seeds is not None:
                warnings.append(
                    "the reader's points are not used, because there is a label map by the reader"
                )
        else:
            segmentation, found = _from_seeds(task, path, automatic)
    except QmriError as error:
        error.where = file
        raise
    if automatic is not None:
        same = unchanged_bodies(segmentation.labels, automatic)
        found["corrected_levels"] = [body.name for body in segmentation.bodies if body.name not in same]
        found["renamed_levels"] = {body.name: name for name, body in same.items() if body.name != name}
        found["dice_with_automatic"] = overlap(segmentation.labels, automatic)
    note = read_note(path)
    if note is not None:
        found |= {"reader": note.Reader, "time": note.Time, "decisions": note.Decisions}
        found["names_confirmed"] = note.NamesConfirmed
        if not note.NamesConfirmed:
            naming = _as_before(segmentation, automatic, decided)
            segmentation = replace(segmentation, naming=naming)
    naming = segmentation.naming
    former: dict[str, object] = {} if decided is None else decided.to_json()
    if decided is not None:
        former["automatic_levels_named_from"] = decided.levels_named_from
    decisions = SegmentDecisions.model_validate(
        {
            **former,
            "levels_named_from": naming.basis,
            "levels_verified": naming.verified,
            "naming_doubts": naming.doubts,
            "reader": ReaderDecisions.model_validate({"file": file, "sha256": sha256(path), **found}),
        }
    )
    return Turn(segmentation, decisions, tuple(warnings))


def _as_before(
    segmentation: Segmentation, automatic: Segmentation | None, decided: SegmentDecisions | None
) -> Naming:
    """Return the naming of labels whose names no reader has confirmed: no surer than the automatic one."""
    if decided is None or automatic is None:
        return replace(segmentation.naming, doubts=("no reader has confirmed the names",))
    doubts = decided.naming_doubts
    if otherwise_named(segmentation.labels, automatic.labels):
        doubts += ("a reader has given other names and not confirmed them",)
    return replace(segmentation.naming, probability=decided.naming_probability, doubts=doubts)


def _from_seeds(
    task: Task, path: Path, automatic: Segmentation | None
) -> tuple[Segmentation, dict[str, object]]:
    """Return the segmentation from a reader's points, and what the record says of them."""
    seeds = read_markups(path) if path.name.endswith(".mrk.json") else read_seeds(path)
    if len(seeds.levels) == 1:
        segmentation, decided = task.segment(seeds)
        return segmentation, {"seeds": seeds.levels, "from_single_seed": decided.to_json()}
    segmentation = take_seeds(
        task.images, seeds, automatic, task.settings, lambda points: task.segment(points)[0]
    )
    return segmentation, {"seeds": seeds.levels}


def read_reader_labels(path: Path) -> Volume:
    """Read a reader's label map: NIfTI, or a segmentation of 3D Slicer.

    Raises
    ------
    QmriError
        If the file cannot be read.
    """
    return read_slicer_segmentation(path) if path.name.endswith(".nrrd") else read_volume(path)
