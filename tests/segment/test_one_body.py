"""A body from a click: the right name, its own voxels, and nobody else's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.affines import apply_affine
from scipy import ndimage

from qmri.errors import QmriError
from qmri.segment.checks.label_agreement import dice
from qmri.segment.cut.body_cut import cut_prepared, cut_surfaces
from qmri.segment.cut.contrast import prepare as prepare_contrast
from qmri.segment.detect.detector import Detection, ProbabilityMap
from qmri.segment.reader.click_name import ClickName, name_click, require_place
from qmri.segment.reader.edits import renumber
from qmri.segment.reader.one_body import add_body, move_body, prepare
from qmri.spine.levels import LEVEL_ID, USUAL_LEVELS

UNSEEN = Detection((), "none")
LEVELS = ("L1", "L2", "L3", "L4", "L5")


@pytest.fixture(scope="module")
def prepared(toy_spine):
    return prepare(toy_spine.images, UNSEEN)


def without(labels, level):
    return np.where(labels == LEVEL_ID[level], 0, labels).astype(np.int16)


def chain(count):
    """Return centres of a curved spine, RAS+ mm, cranial to caudal."""
    z = 30.0 * (count / 2 - np.arange(count))
    return np.column_stack([0.05 * z, 12 * np.cos(z / 90), z])


@pytest.mark.parametrize("place", range(5))
def test_a_body_that_was_deleted_comes_back_by_a_click_and_the_others_stay(toy_spine, prepared, place):
    level, truth = LEVELS[place], toy_spine.labels
    others = without(truth, level)
    before = others.copy()
    click = toy_spine.centres_mm[place] + np.random.default_rng(place).uniform(-4, 4, 3)
    found = add_body(prepared, others, click)
    mask = found.labels == LEVEL_ID[level]
    assert (found.level, dict(found.renamed), found.labels.dtype) == (level, {}, np.int16)
    assert dice(mask, truth == LEVEL_ID[level]) > 0.82
    assert ndimage.label(mask, np.ones((3, 3, 3)))[1] == 1
    np.testing.assert_array_equal(np.where(mask, 0, found.labels), before)
    np.testing.assert_array_equal(others, before)


@pytest.mark.parametrize(("axes", "voxel"), [("LPS", (1.5, 1.5, 4.0)), ("RAS", (2.0, 2.0, 2.0))])
def test_the_grid_may_have_any_orientation(draw, axes, voxel):
    spine = draw(axes, voxel)
    found = add_body(prepare(spine.images, UNSEEN), without(spine.labels, "L3"), spine.centres_mm[2])
    assert dice(found.labels == LEVEL_ID["L3"], spine.labels == LEVEL_ID["L3"]) > 0.82


@pytest.mark.parametrize("place", range(5))
def test_one_body_is_cut_as_if_all_were(toy_spine, place):
    every = cut_surfaces(toy_spine.images, toy_spine.centres_mm)
    alone = cut_prepared(prepare_contrast(toy_spine.images), toy_spine.centres_mm, only=[place])
    np.testing.assert_allclose(alone[0].surface.points_mm(), every[place].surface.points_mm(), atol=0.05)
    assert len(alone) == 1


def test_a_click_off_the_centre_is_forgiven(toy_spine, prepared):
    level, others = LEVEL_ID["L3"], without(toy_spine.labels, "L3")
    overlap = [
        dice(
            add_body(prepared, others, toy_spine.centres_mm[2] + off).labels == level,
            toy_spine.labels == level,
        )
        for off in np.array([[0, 0, 0], [0, 0, 8], [0, 0, -8], [0, 8, 0], [0, -8, 0], [8, 0, 0]])
    ]
    assert min(overlap) > overlap[0] - 0.045


def test_one_click_mends_a_body_that_was_missed_when_the_names_were_given(toy_spine, prepared):
    truth = toy_spine.labels
    missed = renumber(truth, {"L1": "L2", "L2": "L3", "L4": "L4", "L5": "L5"})
    found = add_body(prepared, missed, toy_spine.centres_mm[2])
    assert (found.level, dict(found.renamed)) == ("L3", {"L2": "L1", "L3": "L2"})
    others = truth != LEVEL_ID["L3"]
    added = found.labels == LEVEL_ID["L3"]
    np.testing.assert_array_equal(found.labels[others & ~added], truth[others & ~added])
    other_way = add_body(prepared, missed, toy_spine.centres_mm[2], moving="below")
    assert (other_way.level, dict(other_way.renamed)) == ("L4", {"L4": "L5", "L5": None})
    assert dice(other_way.labels == LEVEL_ID["L4"], added) > 0.97  # without L5, which tells it less


def test_names_that_move_for_what_the_detector_does_not_see_are_doubted(toy_spine):
    images = toy_spine.images
    nothing = ProbabilityMap(np.zeros(images.water.shape, np.float32), images.affine)
    ready = prepare(images, replace(UNSEEN, body_probability=nothing))
    missed = renumber(toy_spine.labels, {"L1": "L2", "L2": "L3", "L4": "L4", "L5": "L5"})
    found = add_body(ready, missed, toy_spine.centres_mm[2])
    assert found.doubts == ("2 names move for a body of which the cut is not sure",)
    assert found.flags[-1].name == "confidence"
    assert add_body(ready, without(toy_spine.labels, "L3"), toy_spine.centres_mm[2]).doubts == ()


def test_voxels_of_others_are_left_to_them_and_told(toy_spine, prepared):
    swollen = without(toy_spine.labels, "L3")
    reach = ndimage.binary_dilation(swollen == LEVEL_ID["L2"], iterations=12)
    swollen[reach & (swollen == 0)] = LEVEL_ID["L2"]
    centre = toy_spine.centres_mm[2] - [0, 0, 4]
    found = add_body(prepared, swollen, centre)
    assert found.taken > 0
    np.testing.assert_array_equal(found.labels[swollen > 0], swollen[swollen > 0])


def test_what_is_left_of_a_cut_is_one_piece(toy_spine, prepared):
    others, centre = without(toy_spine.labels, "L3"), toy_spine.centres_mm[2]
    height = apply_affine(toy_spine.images.affine, np.argwhere(others > -1))[:, 2].reshape(others.shape)
    others[(np.abs(height - centre[2] - 6) < 1.5) & (others == 0)] = LEVEL_ID["L2"]
    mask = add_body(prepared, others, centre - np.array([0, 0, 3])).labels == LEVEL_ID["L3"]
    assert ndimage.label(mask, np.ones((3, 3, 3)))[1] == 1
    assert height[mask].max() < centre[2] + 6


def test_a_body_is_cut_anew_from_where_its_point_was_moved(toy_spine, prepared):
    others = without(toy_spine.labels, "L3")
    wrong = others.copy()
    wrong[10:14, 10:14, 3:5] = LEVEL_ID["L3"]
    moved = move_body(prepared, wrong, "L3", toy_spine.centres_mm[2])
    np.testing.assert_array_equal(
        moved.labels, add_body(prepared, others, toy_spine.centres_mm[2], "L3").labels
    )
    with pytest.raises(QmriError, match="cannot be L3"):
        move_body(prepared, toy_spine.labels, "L3", toy_spine.centres_mm[0] + [0, 0, 30])
    with pytest.raises(QmriError, match="no body of the name T12"):
        move_body(prepared, toy_spine.labels, "T12", toy_spine.centres_mm[2])


def test_the_first_body_of_a_map_needs_its_name(toy_spine, prepared):
    empty = np.zeros_like(toy_spine.labels)
    with pytest.raises(QmriError, match="give the level"):
        add_body(prepared, empty, toy_spine.centres_mm[2])
    found = add_body(prepared, empty, toy_spine.centres_mm[2], "L3")
    assert dice(found.labels > 0, toy_spine.labels == LEVEL_ID["L3"]) > 0.8


def test_a_click_where_no_body_can_be_is_refused(toy_spine, prepared):
    others = without(toy_spine.labels, "L3")
    centre = toy_spine.centres_mm[2]
    for point, said in [
        (centre + np.array([0, 500, 0]), "outside the images"),
        (centre * np.nan, "three numbers"),
        (centre[:2], "three numbers"),
        (toy_spine.centres_mm[1], "lies in L2"),
    ]:
        with pytest.raises(QmriError, match=said) as refusal:
            add_body(prepared, others, point)
        assert refusal.value.remedy or refusal.value.expected
    with pytest.raises(QmriError, match="L4 already"):
        add_body(prepared, others, centre, "L4")
    with pytest.raises(QmriError, match="cannot be T12"):
        add_body(prepared, others, centre, "T12")
    with pytest.raises(QmriError, match="does not suit"):
        add_body(prepared, others[1:], centre)


def test_air_is_refused_and_a_body_with_cement_is_not(toy_spine):
    centre = toy_spine.centres_mm[2]
    affine, shape = toy_spine.images.affine, toy_spine.labels.shape
    points = (
        np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) @ affine[:3, :3].T + affine[:3, 3]
    )
    water = toy_spine.images.water.copy()
    noise = np.abs(np.random.default_rng(0).normal(0, 0.05, shape)).astype(np.float32)
    air = points[..., 1] > 35
    cement = np.linalg.norm(points - centre, axis=-1) < 8
    water[air | cement] = noise[air | cement]
    ready = prepare(replace(toy_spine.images, water=water), UNSEEN)
    others = without(toy_spine.labels, "L3")
    with pytest.raises(QmriError, match="in air"):
        add_body(ready, others, [0, 55, 0])
    assert add_body(ready, others, centre).level == "L3"


def test_the_sacrum_is_doubted(toy_spine):
    seen = replace(UNSEEN, sacrum_mm=tuple(toy_spine.centres_mm[4]))
    found = add_body(
        prepare(toy_spine.images, seen), without(toy_spine.labels, "L5"), toy_spine.centres_mm[4]
    )
    assert found.doubts == ("the detector takes this for the first sacral body",)


@given(st.integers(0, 18), st.integers(3, 6), st.data())
def test_the_missing_name_is_found_wherever_it_is_missing(first, count, data):
    names = USUAL_LEVELS[first : first + count]
    gap = data.draw(st.integers(0, count - 1))
    centres, rest = chain(count), [place for place in range(count) if place != gap]
    others = [names[place] for place in rest]
    jitter = np.array(data.draw(st.tuples(*[st.floats(-8, 8)] * 3)))
    assert name_click(others, centres[rest], centres[gap] + jitter) == ClickName(names[gap])
    assert require_place(names[gap], others, centres[rest], centres[gap] + jitter) == names[gap]


@given(st.integers(2, 17), st.data())
def test_names_make_room_on_one_side_alone(first, data):
    count = 5
    centres, at = chain(count + 1), data.draw(st.integers(1, count - 1))
    names = list(USUAL_LEVELS[first : first + count])
    rest = np.delete(centres, at, axis=0)
    up = name_click(names, rest, centres[at])
    assert up.level == names[at - 1]
    assert list(up.renamed.values()) == list(USUAL_LEVELS[first - 1 : first - 1 + at])
    down = name_click(names, rest, centres[at], moving="below")
    assert (down.level, list(down.renamed)) == (names[at], names[at:])
    assert list(down.renamed.values()) == list(USUAL_LEVELS[first + at + 1 : first + count + 1])


@given(st.integers(2, 15), st.floats(0.0, 0.3), st.data())
def test_between_neighbours_there_is_no_room(first, uneven, data):
    count = 5
    names, at = list(USUAL_LEVELS[first : first + count]), data.draw(st.integers(1, count - 1))
    centres = chain(count)
    centres[at:, 2] -= uneven * 30 * 0.7
    with pytest.raises(QmriError, match=f"no room for a body between {names[at - 1]} and {names[at]}"):
        name_click(names, centres, (centres[at - 1] + centres[at]) / 2)


def test_a_flat_body_is_room_enough():
    centres = chain(4)
    centres[1] += [0, 0, -8]  # a vertebra plana, its neighbours sunk towards it
    centres[0] += [0, 0, -14]
    assert name_click(("L2", "L3", "L4"), np.delete(centres, 1, axis=0), centres[1]).level == "L2"


@pytest.mark.parametrize(
    ("levels", "places", "at", "level", "renamed"),
    [
        (("T11", "L2"), (0, 3), 1, "T12", {}),
        (("T11", "L2"), (0, 3), 2, "L1", {}),
        (("L2", "L3"), (2, 3), 0, "T12", {}),
        (("T12", "L1"), (0, 1), 3, "L3", {}),
        (("L4", "L5"), (0, 1), 2, "L5", {"L4": "L3", "L5": "L4"}),
        (("L4",), (0,), 1, "L5", {}),
    ],
)
def test_the_distance_counts_where_more_than_one_name_is_free(levels, places, at, level, renamed):
    centres = chain(4) * [1, 1, 1.2]
    found = name_click(levels, centres[list(places)], centres[at])
    assert (found.level, dict(found.renamed)) == (level, renamed)


def test_names_in_the_wrong_order_are_no_help():
    with pytest.raises(QmriError, match="L2 lies below L3") as refusal:
        name_click(("L1", "L2", "L3"), chain(3)[[0, 2, 1]], chain(4)[3])
    assert "exchange" in refusal.value.remedy


def test_l6_and_c1_are_the_ends():
    centres = chain(3)
    assert name_click(("L4", "L5"), centres[:2], centres[2], moving="below") == ClickName("L6")
    for levels, place, said in [(("C1", "C2"), 0, "above C1"), (("L5", "L6"), 2, "unusual count")]:
        rest = np.delete(centres, place, axis=0)
        with pytest.raises(QmriError, match=said):
            name_click(levels, rest, centres[place])
