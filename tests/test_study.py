import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.errors import QmriError
from qmri.outputs import FILES
from qmri.pipeline.study.reader_fractures import ReaderFractures, write_reader_fractures
from qmri.pipeline.study.study_sheet import LONGEST_NAME, exam_name, read_study

HEADER = "participant_id,session_id,dicom_dir"


def sheet(folder: Path, *lines: str, name: str = "study.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_row_is_read_with_paths_relative_to_the_sheet(tmp_path):
    path = sheet(
        tmp_path,
        HEADER + ",lowest_level,seeds,labels,treated_levels,acute_levels,old_levels",
        "sub-01,ses-pre,scans/01,l5,seeds/01.csv,,L1,T12; L1,n/a",
    )
    (exam,) = read_study(path)
    assert exam.name == "sub-01_ses-pre"
    assert (exam.participant_id, exam.session_id) == ("01", "pre")
    assert exam.dicom_dir == tmp_path / "scans" / "01"
    assert exam.seeds == tmp_path / "seeds" / "01.csv"
    assert exam.labels is None
    assert exam.lowest_level == "L5"
    assert exam.acute_levels == ("T12", "L1")
    assert exam.treated_levels == ("L1",)
    assert exam.old_levels == ()


@pytest.mark.parametrize("separator", ["\t", ","])
def test_csv_and_tsv_say_the_same(tmp_path, separator):
    path = sheet(tmp_path, HEADER.replace(",", separator), separator.join(["A1", "x", "d"]))
    assert read_study(path).names == ["sub-A1_ses-x"]


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path):
    path = sheet(tmp_path, "\ufeff" + HEADER, "1,1,d", "", ",,")
    assert read_study(path).names == ["sub-1_ses-1"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "lacks a column"),
        (["participant_id,session_id", "1,1"], "dicom_dir"),
        ([HEADER], "no examinations"),
        ([HEADER + ",lowest_levl", "1,1,d,L5"], "lowest_level, perhaps"),
        ([HEADER, "1,1,d", "1,1,e"], "twice"),
        ([HEADER, "a-1,1,d", "a1,1,e"], "a-1 1 and a1 1, both sub-a1_ses-1"),
        ([HEADER, "a-1,pre,d", "a1,post,e"], "a-1 and a1, both sub-a1"),
        ([HEADER, ",1,d"], "line 2"),
        ([HEADER, "1,1,d", "2,,d"], "line 3"),
        ([HEADER, "../x,1,d"], "file name"),
        ([HEADER + ",lowest_level", "1,1,d,S1"], "line 2"),
        ([HEADER + ",treated_levels", "1,1,d,L1,L2"], "more cells"),
    ],
)
def test_a_faulty_sheet_is_refused_with_the_place_and_the_remedy(tmp_path, lines, says):
    with pytest.raises(QmriError) as refusal:
        read_study(sheet(tmp_path, *lines))
    assert says in str(refusal.value)


def test_a_missing_sheet_is_refused(tmp_path):
    with pytest.raises(QmriError, match="no study sheet"):
        read_study(tmp_path / "study.csv")


def test_an_unknown_examination_is_answered_with_the_nearest(tmp_path):
    study = read_study(sheet(tmp_path, HEADER, "17,pre,d"))
    with pytest.raises(QmriError) as refusal:
        study.find("sub-17_ses-per")
    assert "sub-17_ses-pre, perhaps" in str(refusal.value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_the_name_is_a_bids_label_whatever_the_ids(participant, session):
    participant_part, session_part = exam_name(participant, session).split("_")
    assert participant_part.removeprefix("sub-").isalnum() or participant_part == "sub-"
    assert session_part.isascii()


@pytest.mark.parametrize("length", [LONGEST_NAME - len("sub-_ses-pre"), LONGEST_NAME, 200, 5000])
def test_a_name_that_no_file_system_takes_is_refused_with_its_line(tmp_path, length):
    lines = (HEADER, "1,pre,d", f"{'9' * length},pre,d")
    if length == LONGEST_NAME - len("sub-_ses-pre"):
        longest = max(read_study(sheet(tmp_path, *lines)).names, key=len)
        reader = "desc-manual_seeds.mrk.json"
        for suffix in (*(output.suffix for output in FILES.values()), reader):
            assert len(f".tmp-12345678_{longest}_{suffix}") <= 255
        return
    with pytest.raises(QmriError) as refusal:
        read_study(sheet(tmp_path, *lines))
    assert "line 3" in str(refusal.value)
    assert f"at most {LONGEST_NAME}" in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_ids_that_differ_in_zeros_alone_do_not_stand_in_the_order_of_the_rows(tmp_path):
    rows = ["1,pre,a", "001,pre,b", "01,pre,c"]
    back, forth = (read_study(sheet(tmp_path, HEADER, *lines)).names for lines in (rows, rows[::-1]))
    assert back == forth


def test_a_sheet_that_was_rewritten_is_read_anew_even_at_the_same_size_and_time(tmp_path):
    path = sheet(tmp_path, HEADER, "01,pre,a")
    first, time_ns = read_study(path), path.stat().st_mtime_ns
    assert read_study(path) is first
    sheet(tmp_path, HEADER, "02,pre,a")
    os.utime(path, ns=(time_ns, time_ns))
    assert read_study(path).names == ["sub-02_ses-pre"]
    row = ReaderFractures("02", "pre", ("L1",), (), (), "ab", "2026-01-01T00:00:00+00:00")
    write_reader_fractures(path, row)
    assert read_study(path).examinations[0].treated_levels == ("L1",)


def test_a_sheet_of_one_name_in_another_folder_is_another_sheet(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        sheet(tmp_path / name, HEADER, "01,pre,dicom")
        monkeypatch.chdir(tmp_path / name)
        assert read_study(Path("study.csv")).examinations[0].dicom_dir == tmp_path / name / "dicom"
