"""Names come from what is told or from the sacrum, and doubt is said."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.segment.detector import Candidate, Detection
from qmri.segment.naming import name_from_anchor, name_from_lowest_level, name_from_sacrum, seen_otherwise
from qmri.segment.seeds import Seeds

ALL = [True] * 4


def test_the_lowest_complete_body_takes_the_name_that_was_told():
    naming = name_from_lowest_level("L3", [0.0] * 4, [True, True, True, False])
    assert naming.levels == ("L1", "L2", "L3", "L4")
    assert naming.verified


def test_l5_is_the_body_on_the_sacrum_and_what_lies_below_has_no_name():
    naming = name_from_lowest_level("L5", [0.0, 0.05, 0.9, 0.02], ALL)
    assert naming.levels == ("L3", "L4", "L5", None)
    assert naming.verified
    assert naming.probability == 0.9


def test_a_told_l5_that_the_images_do_not_show_is_in_doubt():
    naming = name_from_lowest_level("L5", [0.0, 0.3, 0.2, 0.3], ALL)
    assert naming.levels[-1] == "L5"
    assert not naming.verified


def test_a_told_l3_on_the_sacrum_is_in_doubt():
    assert not name_from_lowest_level("L3", [0.0, 0.0, 0.1, 0.9], ALL).verified


def test_l6_stands_above_the_sacrum_when_it_is_told():
    assert name_from_lowest_level("L6", [0.0, 0.0, 0.1, 0.9], ALL).levels == ("L3", "L4", "L5", "L6")


def test_nothing_complete_is_refused():
    with pytest.raises(QmriError, match="fully in view"):
        name_from_lowest_level("L5", [0.5], [False])


@pytest.mark.parametrize(("chance", "verified"), [(0.9, True), (0.4, False)])
def test_without_a_word_the_body_on_the_sacrum_is_l5(chance, verified):
    naming = name_from_sacrum([0.0, 0.0, 0.05, chance], 0.5)
    assert naming.levels == ("L2", "L3", "L4", "L5")
    assert naming.verified is verified


def test_no_sacrum_and_no_word_is_refused():
    with pytest.raises(QmriError, match="no sacrum") as caught:
        name_from_sacrum([0.0] * 4, 0.5)
    assert "lowest_level" in str(caught.value.remedy)


def test_one_seed_names_the_bodies_above_and_below():
    assert name_from_anchor("T12", 1, [0.0, 0, 0, 0]).levels == ("T11", "T12", "L1", "L2")
    assert name_from_anchor("L5", 2, [0.0, 0, 0.6, 0]).levels == ("L3", "L4", "L5", None)
    assert name_from_anchor("L4", 1, [0.0, 0, 0, 0]).levels == ("L3", "L4", "L5", None)


def test_a_seed_that_disagrees_with_the_sacrum_is_in_doubt():
    assert not name_from_anchor("L4", 2, [0.0, 0, 0.9, 0]).verified


def seen_on_the_sacrum(point, chance):
    return Detection((Candidate(point, 1.0, chance),), "told")


def test_a_reader_whose_l4_rests_on_the_sacrum_is_asked():
    seeds = Seeds(("L3", "L4"), np.array([[0, 0, 36.0], [0, 0, 0]]))
    assert "L4" in seen_otherwise(seeds, seen_on_the_sacrum((1.0, 2.0, 3.0), 0.97))[0]


@pytest.mark.parametrize(
    ("levels", "point", "chance"),
    [
        (("L4", "L5"), (0, 0, 2.0), 0.97),
        (("L3", "L4"), (0, 0, 2.0), 0.6),
        (("L3", "L4"), (0, 0, -36.0), 0.97),
    ],
    ids=["agrees", "unsure", "below the seeds"],
)
def test_a_reader_is_not_asked_without_need(levels, point, chance):
    seeds = Seeds(levels, np.array([[0, 0, 36.0], [0, 0, 0]]))
    assert seen_otherwise(seeds, seen_on_the_sacrum(point, chance)) == ()
