"""Joining the tables of examinations, one after another, and what is kept of it."""

import shutil
from dataclasses import replace
from functools import partial

import hypothesis
import pytest
from hypothesis import strategies as st
from small_records import write_failure, write_small_record

from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.measure.comparison.changes import SessionOrder, change_rows
from qmri.outputs import CHANGE_COLUMNS, EXAM_TABLES, exam_directory, file_path
from qmri.outputs.files import record_path
from qmri.outputs.tables import read_rows, table_text
from qmri.pipeline.stages import collect as collecting
from qmri.pipeline.stages.collect import KEPT, collect
from qmri.pipeline.study.study_sheet import read_study

SETTINGS = MeasureSettings()
LEVELS = {"01": ("L1", "L2"), "02": ("T12", "L2", "L1"), "03": ("L3", "L2")}
SESSIONS = {"01": ("post", "pre"), "02": ("pre",), "03": ("pre", "post", "m6")}
ORDERS = {
    "01": SessionOrder(("pre", "post"), (0, 90)),
    "03": SessionOrder(("pre", "m6", "post"), (0, 180, 400)),
}


def order_of(exams, later=0):
    order = ORDERS[exams[0].participant_id]
    present = [session for session in order.sessions if session in {exam.session_id for exam in exams}]
    return SessionOrder(
        tuple(present), tuple(order.days[order.sessions.index(one)] + later for one in present)
    )


def measure(results, exam, height_mm):
    """Write what the stage leaves of an examination whose levels all have one height."""
    keys = {"participant_id": exam.participant_id, "session_id": exam.session_id, "status": "ok"}
    heights = {"height_ant_mm": height_mm, "height_mid_mm": 24.0, "height_post_mm": 26.0}
    tables = {
        "vertebrae": [
            keys | {"level": level, "genant_grade": 0} | heights for level in LEVELS[exam.participant_id]
        ],
        "patients": [keys | {"field_t": 3.0}],
    }
    directory = exam_directory(results, exam.name, "measure")
    directory.mkdir(parents=True, exist_ok=True)
    for name, table in EXAM_TABLES.items():
        text = table_text(tables.get(name, []), table.columns)
        file_path(directory, exam.name, table.file).write_text(text)
    write_small_record(record_path(results, exam.name, "measure"), "measure", exam.name)


def measured_study(results):
    """Return a study of examinations whose levels come in another order for each participant."""
    results.mkdir(exist_ok=True)
    rows = [f"{participant},{session},dicom" for participant, own in SESSIONS.items() for session in own]
    (results / "study.csv").write_text("\n".join(["participant_id,session_id,dicom_dir", *rows]) + "\n")
    study = read_study(results / "study.csv")
    for number, exam in enumerate(study):
        measure(results, exam, 25.0 - number)
    return study


@pytest.fixture
def measured(tmp_path):
    """A study and its results."""
    return measured_study(tmp_path), tmp_path


def tables(results):
    return {path.name: path.read_bytes() for path in (results / "markers").iterdir()}


@pytest.fixture
def read_anew(monkeypatch):
    """The names of the examinations whose rows were read since."""
    names = []
    texts = collecting._examination_texts

    def noted(exam, *rest):
        names.append(exam.name)
        return texts(exam, *rest)

    monkeypatch.setattr(collecting, "_examination_texts", noted)
    return names


def test_changes_are_those_of_all_rows_together(measured):
    study, results = measured
    paths = collect(study, results, SETTINGS, order_of)
    whole = change_rows(read_rows(paths["vertebrae"]), read_rows(paths["patients"]), SETTINGS, ORDERS)
    assert [row["level"] for row in whole] == ["L1", "L2", "L2", "L3", "L2", "L3"]
    assert paths["changes"].read_text() == table_text(whole, CHANGE_COLUMNS)


def test_the_rows_of_a_table_are_those_of_the_examinations_in_their_order(measured):
    study, results = measured
    paths = collect(study, results, SETTINGS, order_of)
    own = [
        row
        for exam in study
        for row in read_rows(
            file_path(exam_directory(results, exam.name, "measure"), exam.name, "exam_vertebrae")
        )
    ]
    assert read_rows(paths["vertebrae"]) == own


def test_without_a_second_session_nothing_is_compared(measured):
    study, results = measured
    first = {exam.participant_id: exam for exam in reversed(study.examinations)}
    paths = collect(replace(study, examinations=tuple(first.values())), results, SETTINGS, order_of)
    assert len(read_rows(paths["patients"])) == 3
    assert read_rows(paths["changes"]) == []


def test_an_examination_that_is_missing_leaves_the_former_tables_and_nothing_half_written(measured):
    study, results = measured
    collect(study, results, SETTINGS, order_of)
    former = tables(results)
    record_path(results, study.names[-1], "measure").unlink()
    with pytest.raises(QmriError, match="not been measured"):
        collect(study, results, SETTINGS, order_of)
    assert tables(results) == former


def test_what_has_not_changed_is_not_read_again(measured, read_anew):
    """Also where Snakemake has taken the tables away before."""
    study, results = measured
    collect(study, results, SETTINGS, order_of)
    whole = tables(results)
    assert read_anew == list(study.names)
    read_anew.clear()
    shutil.rmtree(results / "markers")
    collect(study, results, SETTINGS, order_of)
    assert read_anew == []
    assert tables(results) == whole
    measure(results, study.find("sub-03_ses-post"), 11.0)
    collect(study, results, SETTINGS, order_of)
    assert read_anew == ["sub-03_ses-post"]


def test_dates_that_are_found_later_order_the_sessions(measured):
    """The rows of a comparison depend on the DICOM too, which may have been out of reach."""
    study, results = measured
    unknown = replace(ORDERS["01"], days=(None, None), unknown="a session has no date of acquisition")
    paths = collect(
        study, results, SETTINGS, lambda exams: {**ORDERS, "01": unknown}[exams[0].participant_id]
    )
    assert "is not known" in paths["changes"].read_text()
    collect(study, results, SETTINGS, order_of)
    assert "is not known" not in paths["changes"].read_text()


def test_what_is_kept_may_be_damaged_or_taken_away(measured, read_anew):
    study, results = measured
    collect(study, results, SETTINGS, order_of)
    whole, kept = tables(results), results / KEPT
    lines = kept.read_bytes().splitlines(keepends=True)
    for damaged, lost in (
        (lines[:-1], 0),
        (lines[1:], 1),
        ([lines[0][: len(lines[0]) // 2]], 6),
        ([b"\0" * 4000], 6),
        ([b"x\ty\tz\n", *lines], 0),
        ([], 6),
    ):
        kept.write_bytes(b"".join(damaged))
        read_anew.clear()
        collect(study, results, SETTINGS, order_of)
        assert tables(results) == whole
        assert len(read_anew) == lost


def test_what_cannot_be_kept_costs_no_tables(measured, caplog):
    study, results = measured
    (results / KEPT).mkdir()
    collect(study, results, SETTINGS, order_of)
    assert len(tables(results)) == 12
    assert "is not kept" in caplog.text


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("measured"), st.integers(0, 5), st.floats(5, 40)),
        st.tuples(st.just("failed"), st.integers(0, 5), st.sampled_from(["no echoes", "ä; b"])),
        st.tuples(st.just("sheet"), st.permutations(range(6)), st.integers(1, 6)),
        st.tuples(st.just("treated"), st.integers(0, 5), st.sampled_from([(), ("L1",), ("L2", "L3")])),
        st.tuples(st.just("settings"), st.floats(0.1, 5), st.none()),
        st.tuples(st.just("dates"), st.integers(1, 500), st.none()),
    ),
    max_size=6,
)


@hypothesis.settings(max_examples=40)
@hypothesis.given(changes=CHANGES)
def test_joining_again_after_any_changes_is_joining_anew(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("joined")
    results, settings, later = folder / "kept", SETTINGS, 0
    study = measured_study(results)
    everybody = list(study.examinations)
    for kind, what, value in [("measured", 0, 25.0), *changes]:
        if kind == "measured":
            measure(results, everybody[what], value)
        elif kind == "failed":
            exam = everybody[what].name
            write_failure(record_path(results, exam, "measure"), "measure", exam, at="fit", reason=value)
        elif kind == "treated":
            everybody[what] = replace(everybody[what], treated_levels=value)
            study = replace(study, examinations=tuple(everybody))
        elif kind == "sheet":
            study = replace(study, examinations=tuple(everybody[place] for place in what[:value]))
        elif kind == "settings":
            settings = settings.model_copy(update={"erosion_mm": what})
        else:
            later = what
        order = partial(order_of, later=later)
        collect(study, results, settings, order)
        anew = folder / "anew"
        shutil.copytree(results, anew, ignore=shutil.ignore_patterns(KEPT, "markers"))
        collect(study, anew, settings, order)
        assert tables(results) == tables(anew)
        shutil.rmtree(anew)
