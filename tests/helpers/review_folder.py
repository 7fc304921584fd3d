"""Results folders for tests of the review, and a browser's session with its server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from small_records import write_small_record
from starlette.testclient import TestClient
from two_readers import AFFINE, LEVELS, SHAPE, Labels, boxes

from qmri.images.nifti import Volume, write_volume
from qmri.outputs import VERTEBRA_COLUMNS, exam_directory, file_path
from qmri.outputs.files import VERBS, record_path
from qmri.outputs.tables import table_text
from qmri.review.desk import Desk
from qmri.review.guard import Door
from qmri.review.server import make_app
from qmri.segment.label_map import write_label_map
from qmri.segment.label_table import LabelledBody
from qmri.segment.naming.numbering import Naming
from qmri.segment.segmentation import Segmentation
from qmri.spine.body_flag import BodyFlag
from qmri.spine.levels import LEVEL_NAME

EXAMS = ("sub-1_ses-a", "sub-1_ses-b", "sub-2_ses-a")
PORT = 5998
HOME = f"http://127.0.0.1:{PORT}"


def client_of(desk: Desk) -> TestClient:
    """Return a browser that has opened the page of a desk."""
    tokens: list[str] = []
    client = TestClient(make_app(desk, Door(tokens.append), PORT), base_url=HOME)
    assert client.get("/", params={"token": tokens[0]}).status_code == 200
    client.headers["Origin"] = HOME
    return client


def segmentation(labels: Labels, *, doubt: str = "the lowest level is not certain") -> Segmentation:
    """Return labels with a table in which the first body is flagged."""
    names = [LEVEL_NAME[int(number)] for number in np.unique(labels) if number]
    flags = {names[0]: (BodyFlag("pieces", 2.0, 0.1),)}
    bodies = [LabelledBody(each, (30.0, 30.0, 100.0), 100, True, 0.8, flags.get(each, ())) for each in names]
    return Segmentation(labels, tuple(bodies), Naming(tuple(names), "sacrum", 0.7, (doubt,)))


def write_examination(results: Path, exam: str) -> None:
    """Write an examination as the stages leave it, before any reader."""
    labels = boxes()
    inside = np.where(labels > 0, 1.0, 0.3)
    rng = np.random.default_rng(len(exam))
    for key, scale in {"water": 900, "fat": 600, "pdff": 40, "r2star": 90}.items():
        path = file_path(exam_directory(results, exam, "fit"), exam, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(path, Volume(scale * inside + rng.normal(0, 1, SHAPE), AFFINE), dtype=np.float32)
    for key in ("auto_labels", "labels"):
        path = file_path(exam_directory(results, exam, "segment"), exam, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_label_map(path, AFFINE, segmentation(labels), "labels", {})
    for verb in VERBS:
        write_small_record(record_path(results, exam, verb), verb, exam)
    write_rows(results, exam, 40.0)


def write_rows(results: Path, exam: str, pdff: float) -> None:
    """Write the measured rows of an examination."""
    participant, session = exam.removeprefix("sub-").split("_ses-")
    keys = {"participant_id": participant, "session_id": session, "status": "ok", "pdff_median_pct": pdff}
    path = file_path(exam_directory(results, exam, "measure"), exam, "exam_vertebrae")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(table_text([keys | {"level": level} for level in LEVELS], VERTEBRA_COLUMNS))
