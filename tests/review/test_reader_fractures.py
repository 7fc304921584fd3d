"""The reader's sheet beside the study sheet: it replaces what the sheet says, row by row, and tells so."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmri.errors import QmriError
from qmri.pipeline.study.reader_fractures import (
    ReaderFractures,
    read_reader_fractures,
    reader_fractures_path,
    write_reader_fractures,
)
from qmri.pipeline.study.study_sheet import read_study
from qmri.spine.levels import USUAL_LEVELS, sort_levels

HEADER = "participant_id,session_id,treated_levels,acute_levels,old_levels,reader,time\n"
LEVELS = st.sets(st.sampled_from(USUAL_LEVELS), max_size=4).map(lambda found: tuple(sort_levels(found)))


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "study.csv"
    path.write_text(
        "participant_id,session_id,dicom_dir,treated_levels,acute_levels,old_levels\n"
        "01,pre,a,L1,L1,T8\n02,pre,b,,,\n"
    )
    return path


def row(participant="01", treated=(), acute=(), old=()):
    return ReaderFractures(participant, "pre", treated, acute, old, "AB", "2026-01-01T10:00:00Z")


def test_without_a_readers_sheet_the_study_sheet_stands(sheet):
    study = read_study(sheet)
    assert study.find("sub-01_ses-pre").acute_levels == ("L1",)
    assert not study.notes


def test_the_readers_row_replaces_all_three_cells_and_is_told(sheet):
    before = sheet.read_bytes()
    write_reader_fractures(sheet, row(acute=("L2",), treated=("L2",)))
    exam = read_study(sheet).find("sub-01_ses-pre")
    assert (exam.treated_levels, exam.acute_levels, exam.old_levels) == (("L2",), ("L2",), ())
    assert read_study(sheet).find("sub-02_ses-pre").acute_levels == ()
    assert any("the reader's (study_reader.csv)" in note for note in read_study(sheet).notes)
    assert sheet.read_bytes() == before


@given(treated=LEVELS, acute=LEVELS, old=LEVELS)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_back(treated, acute, old, tmp_path_factory):
    sheet = tmp_path_factory.mktemp("study") / "study.csv"
    write_reader_fractures(sheet, row(treated=treated, acute=acute, old=old))
    write_reader_fractures(sheet, row("02"))
    write_reader_fractures(sheet, row("01", treated=treated, acute=acute, old=old))
    assert read_reader_fractures(sheet) == [row(treated=treated, acute=acute, old=old), row("02")]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("participant_id,session_id\n01,pre\n", "lacks a column"),
        (HEADER + "01,pre,L1,,none,A,t\n", "empty"),
        (HEADER + "01,pre,L9,none,none,A,t\n", "level"),
        (
            HEADER + "01,pre,L1,none,none,A,t\n01,pre,L2,none,none,A,t\n",
            "twice",
        ),
        (
            HEADER + "09,pre,L1,none,none,A,t\n",
            "study sheet lacks",
        ),
    ],
)
def test_a_readers_sheet_that_says_something_else_is_refused_by_name(sheet, text, match):
    reader_fractures_path(sheet).write_text(text)
    with pytest.raises(QmriError, match=match) as error:
        read_study(sheet)
    assert "study_reader.csv" in str(error.value)
