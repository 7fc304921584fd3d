import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.errors import QmriError
from qmri.spine.levels import (
    LEVEL_ID,
    LEVEL_NAME,
    USUAL_LEVELS,
    levels_upward,
    parse_level,
    sort_levels,
    steps_between,
)


def test_ids_are_those_of_the_verse_scheme():
    assert [LEVEL_ID[name] for name in ("C1", "C7", "T1", "T12", "L1", "L5", "L6", "T13")] == [
        1, 7, 8, 19, 20, 24, 25, 28,
    ]  # fmt: skip
    assert LEVEL_NAME[24] == "L5"


@pytest.mark.parametrize(("text", "level"), [("l3", "L3"), (" Th12 ", "T12"), ("t4", "T4"), ("C7", "C7")])
def test_levels_are_read_as_people_write_them(text, level):
    assert parse_level(text) == level


@pytest.mark.parametrize("text", ["", "L7", "T0", "S1", "LL3", "3"])
def test_what_is_no_level_is_refused(text):
    with pytest.raises(QmriError, match="not the name"):
        parse_level(text)


def test_counting_upward_crosses_the_thoracolumbar_junction():
    assert levels_upward("L2", 4) == ("L2", "L1", "T12", "T11")
    assert levels_upward("L6", 3) == ("L6", "L5", "L4")
    with pytest.raises(QmriError, match="only 24 levels"):
        levels_upward("L5", 25)


@given(st.sampled_from(USUAL_LEVELS), st.sampled_from(USUAL_LEVELS))
def test_distance_is_antisymmetric_and_agrees_with_counting(level, other):
    steps = steps_between(level, other)
    assert steps == -steps_between(other, level)
    if steps > 0:
        assert levels_upward(level, steps + 1)[-1] == other


def test_l6_counts_only_where_it_exists():
    assert steps_between("L6", "L4") == 2
    assert steps_between("L1", "T12") == 1


@given(st.permutations(list(LEVEL_ID)))
def test_sorting_goes_from_head_to_foot(names):
    assert sort_levels(names) == list(LEVEL_ID)
