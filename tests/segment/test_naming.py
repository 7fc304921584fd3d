"""Names come from what is told or from the sacrum, and doubt is said."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.segment.detector import Candidate, Detection
from qmri.segment.naming import (
    name_from_anchor,
    name_from_lowest_level,
    name_from_sacrum,
    seen_otherwise,
    view_below,
)
from qmri.segment.seeds import Seeds


def told(level, chances, *, complete=None, sacrum=True, below=0.5):
    bodies = tuple(Candidate((0.0, 0.0, -35.0 * n), 1.0, chance) for n, chance in enumerate(chances))
    detection = Detection(bodies, "told", (0.0, 0.0, -35.0 * len(bodies)) if sacrum else None)
    return name_from_lowest_level(level, detection, complete or [True] * len(bodies), below, 0.8)


def test_the_lowest_complete_body_takes_the_name_that_was_told():
    naming = told("L3", [0.0] * 4, complete=[True, True, True, False], sacrum=False)
    assert naming.levels == ("L1", "L2", "L3", "L4")
    assert naming.verified


def test_l5_is_the_body_on_the_sacrum_and_what_lies_below_has_no_name():
    naming = told("L5", [0.0, 0.05, 0.9, 0.02])
    assert naming.levels == ("L3", "L4", "L5", None)
    assert naming.verified
    assert naming.probability == 0.9


@pytest.mark.parametrize("chance", [0.6, 0.79])
def test_telling_l5_does_not_silence_a_doubt_that_it_cannot_settle(chance):
    naming = told("L5", [0.0, 0.0, 0.99 - chance, chance])
    assert naming.levels == ("L2", "L3", "L4", "L5")
    assert not naming.verified
    assert "one seed" in naming.doubts[0]
    assert "lowest_level" not in naming.doubts[0]


def test_a_told_l5_that_the_images_hardly_show_goes_to_the_likeliest_body_and_is_in_doubt():
    naming = told("L5", [0.0, 0.31, 0.17, 0.13], sacrum=False)
    assert naming.levels == ("L4", "L5", None, None)
    assert not naming.verified


@pytest.mark.parametrize("chances", [[0.0] * 4, [0.0, 0.0, 0.1, 0.6]])
def test_a_told_l5_at_the_edge_of_a_view_without_sacrum_is_believed(chances):
    naming = told("L5", chances, sacrum=False)
    assert naming.levels == ("L2", "L3", "L4", "L5")
    assert naming.verified


def test_sacral_bodies_at_the_edge_are_no_l5_without_doubt():
    assert not told("L5", [0.0, 0.1, 0.2, 0.3], sacrum=False).verified


@pytest.mark.parametrize(("level", "chance"), [("L5", 0.0), ("L5", 0.9), ("L2", 0.0)])
def test_a_view_that_goes_on_without_a_sacrum_is_in_doubt(level, chance):
    chances = [0.0, 0.0, 0.0, chance]
    assert not told(level, chances, sacrum=False, below=1.2).verified
    assert told(level, chances, sacrum=False, below=0.9).verified


@pytest.mark.parametrize("chances", [[0, 0, 0.1, 0.9], [0, 0, 0.4, 0.1]])
def test_a_told_l3_on_the_sacrum_is_in_doubt(chances):
    assert not told("L3", chances).verified


def test_a_told_l4_above_a_cut_l5_agrees_with_the_sacrum():
    naming = told("L4", [0.0, 0.0, 0.05, 0.9], complete=[True, True, True, False], sacrum=False)
    assert naming.levels == ("L2", "L3", "L4", "L5")
    assert naming.verified


def test_l6_stands_above_the_sacrum_when_it_is_told():
    naming = told("L6", [0.0, 0.0, 0.1, 0.9])
    assert naming.levels == ("L3", "L4", "L5", "L6")
    assert naming.verified
    assert not told("L6", [0.0, 0.0, 0.5, 0.5]).verified


def test_nothing_complete_is_refused():
    with pytest.raises(QmriError, match="fully in view"):
        told("L5", [0.5], complete=[False])


@pytest.mark.parametrize("flip", [1, -1])
def test_the_view_below_is_counted_in_body_spacings(flip):
    centres = [(0.0, 0.0, z) for z in (100.0, 70.0, 40.0)]
    detection = Detection(tuple(Candidate(centre, 1.0) for centre in centres), "told")
    affine = np.diag([4.0, 2.0, 2.0 * flip, 1.0])
    affine[:3, 3] = -20, -50, -19 if flip > 0 else 181
    assert view_below(detection, (11, 51, 101), affine) == pytest.approx(2.0)
    one = Detection(detection.candidates[-1:], "told")
    assert view_below(one, (11, 51, 101), affine) == pytest.approx(60 / 35)


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
