"""What the page is told of an examination."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmri.errors import QmriError
from qmri.outputs import VERTEBRA_COLUMNS, exam_directory
from qmri.pipeline.reading.notes import read_unusable
from qmri.pipeline.records.models import SegmentRecord
from qmri.pipeline.records.record_files import read_records
from qmri.review.desk import Desk
from qmri.review.draft import Draft
from qmri.review.examination import Recorded, centres, measured_rows, recorded_labels
from qmri.review.queue import time_left
from qmri.review.second.consensus import waiting
from qmri.segment.reader.correction import otherwise_named
from qmri.spine.levels import LEVEL_ID
from qmri.spine.palette import LEVEL_COLOUR

NUMBERS = (
    "status",
    "pdff_median_pct",
    "pdff_se_total_pct",
    "r2star_median_per_s",
    "height_ant_mm",
    "height_mid_mm",
    "height_post_mm",
    "genant_grade",
    "fracture_status",
    "qc_flags",
)
UNITS = {column.name: column.unit or "" for column in VERTEBRA_COLUMNS}


def told_of(desk: Desk, exam: str) -> dict[str, Any]:
    """Return all that the page shows of an examination besides images; JSON values."""
    records = read_records(desk.results, desk.require(exam))
    segmented = records.of(SegmentRecord)
    desk.queue.refresh(exam)
    two = waiting(desk, [exam]).get(exam, [])
    readings = [each for each in desk.readings() if desk.shows(each)]
    row = desk.queue.rows(readings, desk.initials, [exam])[0]
    row["filters"] += ["consensus"] if two else []
    fractures, why_no_fractures = _fractures(desk, exam)
    told: dict[str, Any] = {
        "exam": exam,
        "row": row,
        "seconds_left": time_left(readings, desk.initials, desk.queue.left),
        "failure": f"{records.failure.failed_stage}: {records.failure.reason}" if records.failure else "",
        "remedy": (records.failure.remedy or "") if records.failure else "",
        "unusable": _unusable(desk, exam),
        "verified": segmented is not None and segmented.decisions.levels_verified,
        "doubts": list(segmented.decisions.naming_doubts) if segmented else [],
        "fractures": fractures,
        "no_fractures": why_no_fractures,
        "comments": [
            {"reader": reading.reader, "time": reading.time, "text": reading.detail}
            for reading in readings
            if reading.examination == exam and reading.decision == "comment"
        ],
        "again": desk.again.state(exam) if desk.again else None,
        "consensus": two,
        "sessions": [name for name in desk.names if name.split("_")[0] == exam.split("_", maxsplit=1)[0]],
    }
    try:
        draft = desk.draft(exam)
    except QmriError as error:
        return told | {"images": False, "why_no_images": _words(error)}
    recorded = recorded_labels(desk.results, exam)
    if recorded is not None and otherwise_named(draft.labels, recorded.labels):
        told["verified"] = False  # what was verified were other names
    return {
        **told,
        **images_told(draft),
        "bodies": bodies_told(draft, recorded),
        "numbers": _numbers(measured_rows(desk.results, exam)),
        "before": _numbers(desk.rows_before(exam)),
        "units": {name: UNITS[name] for name in NUMBERS},
    }


def images_told(draft: Draft) -> dict[str, Any]:
    """Return what can be shown, and how far the reader is."""
    opened = draft.opened
    return {
        "images": True,
        "version": draft.version,
        "names_confirmed": draft.names_confirmed,
        "undo": draft.undoable,
        "shape": list(opened.upright_shape),
        "layers": [layer.description for layer in opened.layers.values()],
    }


def bodies_told(draft: Draft, recorded: Recorded | None) -> list[dict[str, Any]]:
    """Return the bodies; what was found of one holds as long as its voxels are those that were checked."""
    opened = draft.opened
    checked = {body.name: body for body in recorded.bodies} if recorded else {}
    rows = []
    for level, centre in centres(draft.labels, opened.images.affine).items():
        number = LEVEL_ID[level]
        body = checked.get(level)
        if recorded and not np.array_equal(draft.labels == number, recorded.labels == number):
            body = None
        rows.append(
            {
                "level": level,
                "id": number,
                "colour": list(LEVEL_COLOUR[level]),
                "centre": centre,
                "changed": body is None,
                "complete": body.complete if body else None,
                "confidence": body.confidence if body else None,
                "flags": [flag.evidence for flag in body.flags] if body else [],
            }
        )
    return rows


def _numbers(rows: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {level: {name: row.get(name, "n/a") for name in NUMBERS} for level, row in rows.items()}


def _fractures(desk: Desk, exam: str) -> tuple[dict[str, list[str]] | None, str]:
    """Return which levels are treated, acute and old as the sheets say; None and why without a study sheet.

    What was decided is saved without the sheet; so it may be lacking.
    """
    if desk.sheet is None:
        return None, ""
    try:
        row = desk.study.find(exam)
    except QmriError as error:
        return None, f"Fractures cannot be said: {_words(error)}"
    kinds = ("treated", "acute", "old")
    return {kind: list(getattr(row, f"{kind}_levels")) for kind in kinds}, ""


def _unusable(desk: Desk, exam: str) -> str:
    """Return why an examination is not usable; a note that cannot be read is told where it refuses images."""
    try:
        unusable = read_unusable(exam_directory(desk.results, exam, "segment"), exam)
    except QmriError:
        return ""
    return unusable.Reason if unusable else ""


def _words(error: QmriError) -> str:
    """Return a refusal in one line."""
    words = (error.reason, error.where, error.remedy)
    return "; ".join(str(word) for word in words if word)
