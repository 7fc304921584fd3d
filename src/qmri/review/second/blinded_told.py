"""What the page of a blinded second reader is told: the images, the automatic labels, the reader's own words.

Nothing here reads the label map that counts, the measured rows, the worklist, the sheets or another reader's
lines of the log.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from qmri.errors import QmriError
from qmri.images.nifti import read_volume
from qmri.images.sidecar import sidecar_path
from qmri.json_files import read_json
from qmri.pipeline.reading.readings import SECOND, Reading, by_examination
from qmri.pipeline.reading.second_read import automatic_labels
from qmri.pipeline.records.models import FitRecord
from qmri.pipeline.records.record_files import read_records
from qmri.review.examination import Recorded
from qmri.review.queue import time_left
from qmri.review.second.blinded_desk import SecondDesk
from qmri.review.told import bodies_told, images_told
from qmri.segment.label_table import read_table, table_path

KINDS = ("treated", "acute", "old")


def blinded_study(desk: SecondDesk) -> dict[str, Any]:
    """Return the queue of a blinded read, by name: no order of need comes from the first one."""
    readings = desk.readings()
    of_exam = by_examination(readings)
    rows = [_row(desk, exam, of_exam[exam]) for exam in desk.names]
    left = sum(row["state"] not in ("done", "no_images") for row in rows)
    return {
        "results": desk.results.name,
        "reader": desk.initials,
        "read": SECOND,
        "sheet": None,
        "queue": rows,
        "left": left,
        "seconds_left": time_left(readings, desk.initials, left, read=SECOND),
        "again": None,
    }


def blinded_told(desk: SecondDesk, exam: str) -> dict[str, Any]:
    """Return all that the page shows of an examination besides images; JSON values."""
    own = [each for each in desk.readings() if each.examination == desk.require(exam)]
    path = automatic_labels(desk.results, exam)
    naming = read_json(sidecar_path(path)) if path else {}
    told: dict[str, Any] = {
        "exam": exam,
        "row": _row(desk, exam, own),
        "failure": "",
        "remedy": "",
        "unusable": _unusable(own),
        "verified": bool(naming.get("LevelsVerified")),
        "doubts": list(naming.get("NamingDoubts", ())),
        "fractures": _fractures(own),
        "comments": [
            {"reader": each.reader, "time": each.time, "text": each.detail}
            for each in own
            if each.decision == "comment"
        ],
        "again": None,
        "sessions": [],
        "numbers": {},
        "before": {},
        "units": {},
    }
    try:
        draft = desk.draft(exam)
    except QmriError as error:
        return told | {"images": False, "why_no_images": error.reason}
    automatic = _automatic(path, path.stat().st_mtime_ns) if path else None
    return told | images_told(draft) | {"bodies": bodies_told(draft, automatic)}


@lru_cache(maxsize=8)  # a file that was written again has another time
def _automatic(label_map: Path, time_ns: int) -> Recorded:
    """Return the automatic labels with their table."""
    return Recorded(read_volume(label_map).data.astype(np.int16), read_table(table_path(label_map)))


def _row(desk: SecondDesk, exam: str, own: list[Reading]) -> dict[str, Any]:
    """Return the line of the queue."""
    fitted = read_records(desk.results, exam).of(FitRecord) is not None
    done = _done(own)
    sessions = Counter(name.split("_")[0] for name in desk.names)
    filters = {
        "failed": not fitted,
        "follow-up": sessions[exam.split("_", maxsplit=1)[0]] > 1,
        "unseen": not own,
        "mine": bool(own),
    }
    return {
        "exam": exam,
        "state": "done" if done else "look" if fitted else "no_images",
        "need": 0.0,
        "why": "" if fitted else "no images",
        "done_by": desk.initials if done else "",
        "filters": [name for name, holds in filters.items() if holds],
    }


def _done(own: list[Reading]) -> bool:
    """Tell whether the reader's last word, comments and looks aside, is a verdict."""
    words = [each.decision for each in own if each.decision not in ("seen", "comment", "fracture")]
    return bool(words) and words[-1] in ("confirm", "not_usable")


def _unusable(own: list[Reading]) -> str:
    said = [each for each in own if each.decision in ("not_usable", "usable")]
    return said[-1].detail if said and said[-1].decision == "not_usable" else ""


def _fractures(own: list[Reading]) -> dict[str, list[str]]:
    last = {each.level: each.detail.split() for each in own if each.decision == "fracture"}
    return {kind: [level for level, kinds in last.items() if kind in kinds] for kind in KINDS}
