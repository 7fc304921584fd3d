"""Names come from what is told or from the sacrum, and doubt is said."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.segment.detect.detector import Candidate, Detection
from qmri.segment.naming.level_evidence import doubts_of_sacrum, doubts_of_slab, sideways_bend
from qmri.segment.naming.numbering import (
    name_from_anchor,
    name_from_lowest_level,
    name_from_sacrum,
    seen_otherwise,
    view_below,
)
from qmri.segment.reader.seeds import Seeds


def spine(chances, *, seen=None, bend=0.0, whole=True):
    """Return bodies 35 mm apart, with so many mm of S1 below them, bending sideways by so many degrees."""
    turns = np.radians(np.linspace(0, 1.5 * bend, len(chances) + 1))
    steps = 35.0 * np.stack([np.sin(turns), np.zeros_like(turns), -np.cos(turns)], axis=1)
    points = [tuple(map(float, point)) for point in np.cumsum(steps, axis=0)]
    bodies = tuple(Candidate(*body) for body in zip(points, [1.0] * len(chances), chances, strict=False))
    return Detection(bodies, "told", None if seen is None else points[-1], seen or 0.0, whole)


def told(level, chances, *, complete=None, sacrum=True, seen=15.0, bend=0.0, below=0.5, room=None):
    detection = spine(chances, seen=seen if sacrum else None, bend=bend)
    return name_from_lowest_level(
        level, detection, complete or [True] * len(chances), below, 0.8, room_mm=room
    )


def test_the_lowest_complete_body_takes_the_name_that_was_told():
    naming = told("L3", [0.0] * 4, complete=[True, True, True, False], sacrum=False)
    assert naming.levels == ("L1", "L2", "L3", "L4")
    assert naming.verified


def test_l5_is_the_body_on_the_sacrum_and_what_lies_below_has_no_name():
    naming = told("L5", [0.0, 0.05, 0.9, 0.02])
    assert naming.levels == ("L3", "L4", "L5", None)
    assert naming.verified
    assert naming.probability == 0.9


@pytest.mark.parametrize("chance", [0.6, 0.69])
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
    assert view_below(one, (11, 51, 101), affine) == pytest.approx(60 / 36)


@pytest.mark.parametrize(("chance", "verified"), [(0.9, True), (0.4, False)])
def test_without_a_word_the_body_on_the_sacrum_is_l5(chance, verified):
    naming = name_from_sacrum(spine([0.0, 0.0, 0.05, chance], seen=25.0), 0.5)
    assert naming.levels == ("L2", "L3", "L4", "L5")
    assert naming.verified is verified


def test_no_sacrum_and_no_word_is_refused():
    with pytest.raises(QmriError, match="no sacrum") as caught:
        name_from_sacrum(spine([0.0] * 4), 0.5)
    assert "lowest_level" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("chance", "seen", "bend", "verified"),
    [
        (0.85, 25.0, 0.0, True),
        (0.85, 15.0, 0.0, False),
        (0.95, 15.0, 0.0, True),
        (0.85, 45.0, 0.0, False),
        (0.99, 8.0, 0.0, False),
        (0.99, None, 0.0, False),
        (0.85, 25.0, 15.0, False),
        (0.95, 25.0, 15.0, True),
    ],
)
def test_a_stump_of_s1_or_a_bent_spine_needs_more_to_be_believed(chance, seen, bend, verified):
    naming = name_from_sacrum(spine([0.0, 0.0, 0.0, 0.0, chance], seen=seen, bend=bend), 0.8)
    assert naming.levels[-1] == "L5"
    assert naming.verified is verified


@pytest.mark.parametrize(("chance", "verified"), [(0.92, False), (0.96, True)])
def test_told_nothing_a_view_that_ends_in_s1_may_show_a_cut_l5(chance, verified):
    cut = spine([0.0, 0.0, 0.0, chance], seen=22.0, whole=False)
    naming = name_from_sacrum(cut, 0.8)
    assert naming.verified is verified
    assert name_from_sacrum(spine([0.0, 0.0, 0.0, chance], seen=22.0), 0.8).verified


@pytest.mark.parametrize("level", ["L4", "L5"])
@pytest.mark.parametrize("room", [-3.0, 0.0, 4.0, 7.0])
def test_a_view_that_ends_at_a_body_cannot_tell_whether_it_is_whole(level, room):
    rooms = [75.0, 40.0, room]
    at_the_end = told(level, [0.0] * 3, sacrum=False, complete=[True, True, room >= 2], room=rooms)
    assert not at_the_end.verified
    assert "view ends" in at_the_end.doubts[-1]


@pytest.mark.parametrize(("rooms", "level"), [([80, 45, 10.0], "L5"), ([65, 30, -12.0], "L4")])
def test_a_view_that_ends_clear_of_every_endplate_settles_which_body_is_complete(rooms, level):
    naming = told(level, [0.0] * 3, sacrum=False, complete=[True, True, rooms[-1] > 0], room=rooms)
    assert naming.levels == ("L3", "L4", "L5")
    assert naming.verified


def test_ten_millimetres_of_s1_stand_in_for_the_margin_below_l5():
    near = [75.0, 40.0, 5.0]
    assert told("L5", [0.0, 0.0, 0.9], seen=12.0, room=near).verified
    assert not told("L5", [0.0, 0.0, 0.9], seen=6.0, room=near).verified


@pytest.mark.parametrize("chance", [0.5, 0.7])
def test_a_told_l5_that_is_the_lowest_complete_body_above_a_clear_s1_is_accepted(chance):
    chances = [0.0, 0.0, 0.1, chance]
    assert told("L5", chances, seen=24.0).verified
    assert not told("L5", chances, seen=24.0, bend=15.0).verified
    assert told("L5", chances, seen=12.0).verified is (chance >= 0.7)
    assert not told("L5", chances, seen=45.0).verified
    assert not told("L5", chances, seen=24.0, complete=[True, True, True, False]).verified
    assert not told("L5", [0.0, 0.1, chance, 0.1], seen=24.0).verified


def test_a_body_below_the_told_l5_is_a_doubt_unless_it_is_s1():
    chances = [0.0, 0.0, 0.85, 0.0]
    assert not told("L5", chances, sacrum=False).verified


@pytest.mark.parametrize(("bend", "width", "doubtful"), [(15, 36, True), (15, 80, False), (4, 28, False)])
def test_a_bent_spine_in_a_thin_slab_waits_for_a_reader(bend, width, doubtful):
    detection = spine([0.0] * 5, seen=25.0, bend=bend)
    assert sideways_bend(detection) == pytest.approx(bend, rel=0.2)
    assert bool(doubts_of_slab(detection, width)) is doubtful


@pytest.mark.parametrize(
    ("seen", "whole", "doubtful"),
    [(20.7, True, True), (24.5, True, False), (20.7, False, False), (0, True, False)],
)
def test_a_short_s1_that_lies_whole_in_view_may_be_a_collapsed_l5(seen, whole, doubtful):
    assert bool(doubts_of_sacrum(spine([0.0, 0.0, 0.9], seen=seen, whole=whole))) is doubtful


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
