"""The log of readings: nothing that was written is lost, and nothing half written is taken."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmri.errors import QmriError
from qmri.pipeline.reading.readings import (
    DECISIONS,
    Reading,
    append_reading,
    check_reader,
    log_path,
    now,
    read_readings,
)

WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60)


def reading(**changes):
    given = {"time": now(), "reader": "AB", "read": "first", "examination": "sub-1_ses-a", "decision": "seen"}
    return Reading(**(given | changes))


def test_a_folder_without_a_log_has_no_readings(tmp_path):
    assert read_readings(tmp_path) == []


@given(details=st.lists(WORDS, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_what_is_appended_is_read_back_but_for_white_space(details, tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    for detail in details:
        append_reading(results, reading(decision="comment", detail=detail))
    assert [item.detail for item in read_readings(results)] == [" ".join(text.split()) for text in details]


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_line_that_a_kill_cut_short_is_not_taken_and_the_next_stands_whole(tmp_path, cut):
    append_reading(tmp_path, reading(detail="one"))
    append_reading(tmp_path, reading(detail="two"))
    path = log_path(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    assert [item.detail for item in read_readings(tmp_path)] == ["one"]
    append_reading(tmp_path, reading(detail="three"))
    assert [item.detail for item in read_readings(tmp_path)] == ["one", "three"]


def test_a_log_that_somebody_edited_is_refused_by_line(tmp_path):
    append_reading(tmp_path, reading())
    path = log_path(tmp_path)
    path.write_text(path.read_text() + "2026,AB,first,sub-1_ses-a,guess,,,,\n")
    with pytest.raises(QmriError, match="no decision") as error:
        read_readings(tmp_path)
    assert "line 3" in error.value.where
    path.write_text("a,b\n")
    with pytest.raises(QmriError, match="other columns"):
        read_readings(tmp_path)


@pytest.mark.parametrize("initials", ["", "1A", "a b", "../x", "=cmd", "A" * 13])
def test_initials_are_letters(initials):
    with pytest.raises(QmriError, match="initials"):
        check_reader(initials)
    assert check_reader("A.B-2") == "A.B-2"


def test_every_decision_can_be_logged(tmp_path):
    for decision in DECISIONS:
        append_reading(tmp_path, reading(decision=decision))
    assert [item.decision for item in read_readings(tmp_path)] == list(DECISIONS)
