"""Bodies matched by overlap, and the kappa of names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.measure.comparison.readings import BodyPair, cohen_kappa, match_bodies
from qmri.spine.levels import LEVEL_ID


def spine(levels, *, moved=0, thickness=6):
    """Slabs of ``thickness`` voxels every 10 voxels along z, top first."""
    labels = np.zeros((4, 4, 10 * len(levels) + 4), np.int16)
    for place, level in enumerate(levels):
        if level:
            low = 10 * (len(levels) - 1 - place) + moved
            labels[:, :, low : low + thickness] = LEVEL_ID[level]
    return labels


def test_the_same_map_twice_is_agreement():
    labels = spine(["L1", "L2", "L3"])
    assert match_bodies(labels, labels) == [BodyPair(level, level, 1.0) for level in ("L1", "L2", "L3")]


def test_names_that_are_one_off_are_of_the_same_bodies():
    pairs = match_bodies(spine(["L1", "L2", "L3"]), spine(["L2", "L3", "L4"]))
    assert [(pair.first, pair.second) for pair in pairs] == [("L1", "L2"), ("L2", "L3"), ("L3", "L4")]
    assert all(pair.dice == 1 for pair in pairs)
    kappa = cohen_kappa(*zip(*[(pair.first, pair.second) for pair in pairs], strict=True))
    assert kappa < 0


def test_dice_of_a_moved_outline_is_that_of_its_common_part():
    pairs = match_bodies(spine(["L1", "L2"]), spine(["L1", "L2"], moved=2))
    assert [pair.dice for pair in pairs] == pytest.approx([2 * 4 / 12] * 2)


def test_a_body_that_one_of_them_missed_has_no_partner():
    pairs = match_bodies(spine(["L1", "L2", "L3"]), spine(["L1", None, "L3"]))
    assert [(pair.first, pair.second, pair.matched) for pair in pairs] == [
        ("L1", "L1", True),
        ("L2", None, False),
        ("L3", "L3", True),
    ]
    assert match_bodies(spine([None, "L2"]), spine(["L1", "L2"]))[0] == BodyPair(None, "L1")


def test_a_neighbour_that_is_grazed_is_no_partner():
    first, second = spine(["L1", None]), spine(["L1", "L2"], moved=2)
    first[:, :, 7:10] = first.max()  # the first reader's L1 reaches down into what the second calls L2
    assert [(pair.first, pair.second) for pair in match_bodies(first, second)] == [("L1", "L1"), (None, "L2")]


def test_empty_maps_have_no_bodies():
    empty = np.zeros((4, 4, 4), np.int16)
    assert match_bodies(empty, empty) == []
    assert match_bodies(empty, spine(["L1"])[:, :, :4]) == [BodyPair(None, "L1")]
    assert match_bodies(spine(["L1"])[:, :, :4], empty) == [BodyPair("L1", None)]


def test_kappa_of_cohens_table():
    # Rows of the first reader: 25 yes-yes, 10 yes-no, 15 no-yes, 50 no-no: p .75, e .35 .4 + .65 .6 = .53.
    first = ["yes"] * 35 + ["no"] * 65
    second = ["yes"] * 25 + ["no"] * 10 + ["yes"] * 15 + ["no"] * 50
    assert cohen_kappa(first, second) == pytest.approx((0.75 - 0.53) / 0.47)


def test_kappa_of_one_word_is_not_known():
    assert np.isnan(cohen_kappa(["L1"] * 5, ["L1"] * 5))
    assert cohen_kappa(["L1"] * 5, ["L2"] * 5) == 0
    with pytest.raises(ValueError, match="as many"):
        cohen_kappa([], [])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_kappa_is_symmetric_and_at_most_one(pairs):
    first, second = zip(*pairs, strict=True)
    kappa = cohen_kappa(first, second)
    assert kappa <= 1 or np.isnan(kappa)
    assert cohen_kappa(second, first) == pytest.approx(kappa, nan_ok=True)


@given(st.permutations(["L1", "L2", "L3", "L4"]), st.integers(0, 3))
def test_matching_is_symmetric(names, moved):
    one, other = spine(["L1", "L2", "L3", "L4"]), spine(names, moved=moved)
    there = {(pair.first, pair.second) for pair in match_bodies(one, other)}
    assert {(pair.second, pair.first) for pair in match_bodies(other, one)} == there
