"""Joining the tables of examinations, one after another."""

import pytest
from small_records import write_small_record

from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.measure.comparison.changes import SessionOrder, change_rows
from qmri.outputs import CHANGE_COLUMNS, EXAM_TABLES, exam_directory, file_path
from qmri.outputs.files import record_path
from qmri.outputs.tables import read_rows, table_text
from qmri.pipeline.stages.collect import collect
from qmri.pipeline.study.study_sheet import read_study

SETTINGS = MeasureSettings()
LEVELS = {"01": ("L1", "L2"), "02": ("T12", "L2", "L1"), "03": ("L3", "L2")}
SESSIONS = {"01": ("post", "pre"), "02": ("pre",), "03": ("pre", "post", "m6")}
ORDERS = {
    "01": SessionOrder(("pre", "post"), (0, 90)),
    "03": SessionOrder(("pre", "m6", "post"), (0, 180, 400)),
}


@pytest.fixture
def measured(tmp_path):
    """Examinations with tables whose levels come in another order for each participant."""
    rows = [f"{participant},{session},dicom" for participant, own in SESSIONS.items() for session in own]
    (tmp_path / "study.csv").write_text("\n".join(["participant_id,session_id,dicom_dir", *rows]) + "\n")
    study = read_study(tmp_path / "study.csv")
    for number, exam in enumerate(study):
        keys = {"participant_id": exam.participant_id, "session_id": exam.session_id, "status": "ok"}
        heights = {"height_ant_mm": 25.0 - number, "height_mid_mm": 24.0, "height_post_mm": 26.0}
        tables = {
            "vertebrae": [
                keys | {"level": level, "genant_grade": 0} | heights for level in LEVELS[exam.participant_id]
            ],
            "patients": [keys | {"field_t": 3.0}],
        }
        directory = exam_directory(tmp_path, exam.name, "measure")
        directory.mkdir(parents=True)
        for name, table in EXAM_TABLES.items():
            text = table_text(tables.get(name, []), table.columns)
            file_path(directory, exam.name, table.file).write_text(text)
        write_small_record(record_path(tmp_path, exam.name, "measure"), "measure", exam.name)
    return study, tmp_path


def test_changes_are_those_of_all_rows_together(measured):
    study, results = measured
    paths = collect(study, results, SETTINGS, ORDERS)
    whole = change_rows(read_rows(paths["vertebrae"]), read_rows(paths["patients"]), SETTINGS, ORDERS)
    assert [row["level"] for row in whole] == ["L1", "L2", "L2", "L3", "L2", "L3"]
    assert paths["changes"].read_text() == table_text(whole, CHANGE_COLUMNS)


def test_the_rows_of_a_table_are_those_of_the_examinations_in_their_order(measured):
    study, results = measured
    paths = collect(study, results, SETTINGS, {})
    own = [
        row
        for exam in study
        for row in read_rows(
            file_path(exam_directory(results, exam.name, "measure"), exam.name, "exam_vertebrae")
        )
    ]
    assert read_rows(paths["vertebrae"]) == own
    assert read_rows(paths["changes"]) == []


def test_an_examination_that_is_missing_leaves_the_former_tables_and_nothing_half_written(measured):
    study, results = measured
    collect(study, results, SETTINGS, ORDERS)
    former = {path.name: path.read_bytes() for path in (results / "markers").iterdir()}
    record_path(results, study.names[-1], "measure").unlink()
    with pytest.raises(QmriError, match="not been measured"):
        collect(study, results, SETTINGS, ORDERS)
    assert {path.name: path.read_bytes() for path in (results / "markers").iterdir()} == former
