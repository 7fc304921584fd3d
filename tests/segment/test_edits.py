"""Edits of a label map: what undoes what, what stays untouched, what is refused."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qmri.errors import QmriError
from qmri.segment.reader import edits
from qmri.spine.levels import LEVEL_ID, USUAL_LEVELS

AFFINE = np.array([[0, 0, 4.0, -10], [-1.5, 0, 0, 30], [0, -1.5, 0, 90], [0, 0, 0, 1]])
SHAPE = (6, 40, 3)


def stack(levels):
    """Return a map whose bodies lie below each other: the second axis of the grid runs caudal."""
    labels = np.zeros(SHAPE, np.int16)
    for place, level in enumerate(levels):
        labels[1:5, 4 * place + 1 : 4 * place + 4] = LEVEL_ID[level]
    return labels


MAPS = st.sets(st.sampled_from(USUAL_LEVELS), min_size=2, max_size=9).map(
    lambda levels: stack(sorted(levels, key=USUAL_LEVELS.index))
)
STROKES = st.lists(st.integers(0, np.prod(SHAPE) - 3), max_size=30).map(
    lambda starts: edits.mask_of_runs([number for start in starts for number in (start, 3)], SHAPE)
)


@given(MAPS, st.integers(-3, 3))
def test_a_shift_is_undone_by_its_opposite(labels, shift):
    levels = edits.levels_of(labels)
    moved = [USUAL_LEVELS.index(level) + shift for level in levels]
    if min(moved) < 0:
        with pytest.raises(QmriError, match="no level"):
            edits.shift_names(labels, shift)
    elif max(moved) < len(USUAL_LEVELS):
        np.testing.assert_array_equal(edits.shift_names(edits.shift_names(labels, shift), -shift), labels)


@given(MAPS, st.data())
def test_a_rename_is_undone_by_the_rename_back_and_keeps_the_order(labels, data):
    levels = edits.levels_of(labels)
    level, name = data.draw(st.sampled_from(levels)), data.draw(st.sampled_from(USUAL_LEVELS))
    before = labels.copy()
    between = [other for other in levels if other != level]
    allowed = name not in between and (
        sorted([*between, name], key=USUAL_LEVELS.index).index(name) == levels.index(level)
    )
    if allowed:
        renamed = edits.rename(labels, level, name)
        assert edits.levels_of(renamed)[levels.index(level)] == name
        np.testing.assert_array_equal(edits.rename(renamed, name, level), labels)
    else:
        with pytest.raises(QmriError, match="already" if name in between else "cannot become"):
            edits.rename(labels, level, name)
    np.testing.assert_array_equal(labels, before)


def test_two_names_in_the_wrong_order_are_exchanged_and_in_the_right_order_are_not():
    right = stack(["L1", "L2", "L3", "L4"])
    wrong = right.copy()
    wrong[right == LEVEL_ID["L2"]], wrong[right == LEVEL_ID["L3"]] = LEVEL_ID["L3"], LEVEL_ID["L2"]
    np.testing.assert_array_equal(edits.exchange(wrong, "L2", "L3", AFFINE), right)
    with pytest.raises(QmriError, match="in the right order"):
        edits.exchange(right, "L3", "L2", AFFINE)


@given(MAPS, STROKES, st.data())
def test_painting_takes_only_what_is_free_and_is_undone_by_erasing(labels, stroke, data):
    level = data.draw(st.sampled_from(USUAL_LEVELS))
    painted = edits.paint(labels, stroke, level)
    fresh = stroke & (labels == 0)
    np.testing.assert_array_equal(painted[~fresh], labels[~fresh])
    np.testing.assert_array_equal(painted[fresh], LEVEL_ID[level])
    if level in edits.levels_of(painted):
        np.testing.assert_array_equal(edits.erase(painted, fresh, level), labels)


@given(MAPS, STROKES, st.data())
def test_erasing_takes_mask_of_runs_one_level_alone(labels, stroke, data):
    level = data.draw(st.sampled_from(edits.levels_of(labels)))
    assume(not stroke[labels > 0].all())
    changed = edits.erase(labels, stroke, level) != labels
    np.testing.assert_array_equal(changed, stroke & (labels == LEVEL_ID[level]))


def test_painting_over_takes_all_mask_of_runs_the_stroke_but_never_a_whole_body():
    labels = stack(["L1", "L2"])
    half = (labels == LEVEL_ID["L2"]) & (np.arange(6) < 3)[:, None, None]
    painted = edits.paint(labels, half, "L1", over=True)
    np.testing.assert_array_equal(painted == LEVEL_ID["L1"], half | (labels == LEVEL_ID["L1"]))
    with pytest.raises(QmriError, match="L2 would have no voxel left"):
        edits.paint(labels, labels == LEVEL_ID["L2"], "L1", over=True)


def test_runs_are_in_the_order_of_the_last_axis_and_may_overlap():
    mask = edits.mask_of_runs([0, 3, 2, 2], (2, 2, 2))
    np.testing.assert_array_equal(np.argwhere(mask), [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)])


UNREADABLE = [[0], [0.5, 1.0], ["0", "1"], [[0, 1], [2, 1]], [[0], 1], [True, True], [None, None], [2**70, 1]]
OUTSIDE = [[0, 0], [-1, 2], [719, 2], [720, 1], [2**63 - 1, 1], [0, 2**63 - 1], [3, -2]]


@pytest.mark.parametrize("runs", [*UNREADABLE, *OUTSIDE], ids=str)
def test_voxels_that_are_none_are_refused(runs):
    with pytest.raises(QmriError, match="cannot be read" if runs in UNREADABLE else "out of the volume"):
        edits.mask_of_runs(runs, SHAPE)


LUMBAR, ALONE = stack(["L1", "L2"]), stack(["L1"])
ALL = np.ones(SHAPE, bool)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda: edits.rename(LUMBAR, "L1", "X9"), "not the name"),
        (lambda: edits.rename(LUMBAR, "L3", "L4"), "no body of the name L3"),
        (lambda: edits.exchange(LUMBAR, "L1", "L3", AFFINE), "no body of the name L3"),
        (lambda: edits.delete(LUMBAR, "T12"), "no body of the name T12"),
        (lambda: edits.delete(ALONE, "L1"), "no body would be left"),
        (lambda: edits.erase(ALONE, ALL, "L1"), "no body would be left"),
        (lambda: edits.paint(LUMBAR, ALL, "S1"), "not the name"),
        (lambda: edits.paint(LUMBAR, ALL[1:], "L1"), "does not suit"),
        (lambda: edits.erase(LUMBAR, ALL.astype(int), "L1"), "does not suit"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(edit, said):
    with pytest.raises(QmriError, match=said):
        edit()


def test_t13_and_l6_have_their_place_in_the_order():
    labels = stack(["T12", "L1", "L2"])
    assert edits.levels_of(edits.rename(labels, "L1", "T13")) == ["T12", "T13", "L2"]
    assert edits.levels_of(edits.rename(stack(["L4", "L5"]), "L5", "L6")) == ["L4", "L6"]
