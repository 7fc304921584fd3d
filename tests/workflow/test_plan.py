import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from qmri.errors import QmriError
from qmri.pipeline.run.inputs import MEMORY, fingerprint
from qmri.pipeline.run.variables import CONFIG_VARIABLE, RESULTS_VARIABLE, STUDY_VARIABLE
from qmri.pipeline.run.workflow import Plan, make_plan, require_shared_folder

WILDCARDS = SimpleNamespace(sub="sub-01", ses="ses-pre")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "a").write_bytes(b"abc")
    (tmp_path / "site.yaml").write_text("series: []\n")
    (tmp_path / "study.csv").write_text("participant_id,session_id,dicom_dir\n01,pre,dicom\n")
    for name in (STUDY_VARIABLE, CONFIG_VARIABLE, RESULTS_VARIABLE, "PATH"):
        monkeypatch.setenv(name, "")
    return tmp_path


def plan(folder: Path, **sections: object) -> Plan:
    return make_plan(
        {"study": str(folder / "study.csv"), "out": str(folder / "out")} | sections, main_process=True
    )


def test_a_fingerprint_follows_names_sizes_and_times_and_tells_no_path(folder):
    first = fingerprint(folder / "dicom")
    assert fingerprint(folder / "dicom") == first
    assert "dicom" not in first
    (folder / "dicom" / "b").write_bytes(b"")
    assert fingerprint(folder / "dicom") != first


def test_memory_grows_with_the_dicom_of_the_examination_and_with_a_program_that_needs_more(folder):
    small = {verb: plan(folder).memory_mb(verb, WILDCARDS) for verb in MEMORY}
    (folder / "large").mkdir()
    (folder / "large" / "a").write_bytes(bytes(10_000_000))
    sheet = folder / "study.csv"
    sheet.write_text(sheet.read_text().replace("dicom\n", "large\n"))
    made = plan(folder)
    for verb, need in MEMORY.items():
        assert small[verb] == need.base
        assert made.memory_mb(verb, WILDCARDS) == need.base + 10 * need.per_megabyte
    assert plan(folder, segment={"backend": "totalsegmentator"}).memory_mb("segment", WILDCARDS) > 2000


def test_a_change_of_the_override_file_counts(folder):
    with_file = {"ingest": {"overrides": "site.yaml"}}
    before = plan(folder, **with_file).source(WILDCARDS)
    assert before != plan(folder).source(WILDCARDS)
    (folder / "site.yaml").write_text("series: [{match: {}, type: water}]\n")
    assert plan(folder, **with_file).source(WILDCARDS) != before


def test_a_study_must_be_named():
    with pytest.raises(QmriError, match="no study sheet is named"):
        make_plan({}, main_process=True)


def test_making_a_plan_changes_no_environment_and_says_nothing(folder, capsys):
    (folder / "config.yaml").write_text("measure: {erosion_mm: 2}\n")
    before = dict(os.environ)
    made = plan(folder)
    assert os.environ == before
    assert capsys.readouterr().err == ""
    made.publish_environment()
    assert os.environ[STUDY_VARIABLE] == str(folder / "study.csv")
    assert os.environ[RESULTS_VARIABLE] == str(folder / "out")


def test_the_settings_beside_the_sheet_hold_in_every_process_unless_others_are_given(folder, capsys):
    (folder / "config.yaml").write_text("measure: {erosion_mm: 2}\n")
    made = plan(folder)
    assert made.config.measure.erosion_mm == 2
    made.publish_environment()
    assert "settings: config.yaml beside the study sheet" in capsys.readouterr().err
    assert make_plan({}, main_process=False).config.measure.erosion_mm == 2
    assert capsys.readouterr().err == ""
    assert plan(folder, measure={"erosion_mm": 1}).config.measure.erosion_mm == 1
    assert plan(folder, fit={}).config.measure.erosion_mm == 3


def test_settings_that_differ_from_those_of_the_results_are_told_until_they_are_frozen(folder, capsys):
    plan(folder).begin()
    changed = plan(folder, measure={"erosion_mm": 2})
    changed.publish_environment()
    told = capsys.readouterr().err
    assert "measure.erosion_mm: 3.0 -> 2.0" in told
    assert "done again in every examination: measure, report" in told
    changed.begin()
    plan(folder, measure={"erosion_mm": 2}).publish_environment()
    assert capsys.readouterr().err == ""


def test_a_session_order_written_later_makes_the_tables_anew_and_the_order_of_rows_does_not(folder):
    rows = ["participant_id,session_id,dicom_dir,session_order", "01,pre,a,1", "01,post,b,2"]
    told = []
    for lines in (rows, [rows[0], *reversed(rows[1:])], [rows[0], "01,pre,a,2", "01,post,b,1"]):
        (folder / "study.csv").write_text("\n".join(lines) + "\n")
        made = plan(folder)
        told.append((made.given_orders(), made.exam_files("report", "report.json")))
    assert told[0] == told[1]
    assert told[0] != told[2]


def test_the_page_of_a_participant_depends_on_the_order_of_its_own_sessions_alone(folder):
    rows = ["participant_id,session_id,dicom_dir,session_order", "01,pre,a,1", "01,post,b,2", "02,pre,c,1"]
    rows += ["02,post,d,2"]
    (folder / "study.csv").write_text("\n".join(rows) + "\n")
    assert plan(folder).given_orders("sub-01") == "sub-01_ses-post:2 sub-01_ses-pre:1"


def test_participants_with_several_sessions_have_a_page_and_the_others_none(folder):
    rows = ["participant_id,session_id,dicom_dir", "01,pre,a", "01,post,b", "02,pre,c"]
    (folder / "study.csv").write_text("\n".join(rows) + "\n")
    made = plan(folder)
    assert made.participant_pages == ["report/participants/sub-01.html"]
    assert made.session_files("sub-01", "measure", "measure.json") == [
        "sub-01/ses-post/measure/sub-01_ses-post_measure.json",
        "sub-01/ses-pre/measure/sub-01_ses-pre_measure.json",
    ]
    assert made.participant("sub-01") == "01"


def test_a_storage_provider_is_refused_since_it_would_leave_the_images_behind():
    require_shared_folder(None)
    with pytest.raises(QmriError, match="results folder that all jobs share"):
        require_shared_folder("s3")
