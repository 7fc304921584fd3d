"""The warp that collapses real spines for the benchmark, on boxes whose heights are known."""

import numpy as np
import pytest
from collapse import AT, Collapse, boxes_of, collapsed

from qmri.spine.levels import LEVEL_ID

HEIGHT, DEPTH, WIDTH, GAP = 26, 34, 30, 10
SIDE, AHEAD = 4, 14
LEVELS = ("L1", "L2", "L3")
KINDS = {
    "nothing": Collapse(),
    "wedge": Collapse(wedge=0.4),
    "crush": Collapse(crush=0.4),
    "biconcave": Collapse(biconcave=0.4),
    "step": Collapse(step=0.3),
    "both": Collapse(wedge=0.2, crush=0.1),
}


@pytest.fixture(scope="module")
def column():
    """Three boxes at 1 mm, cranial to caudal, of marrow 100 in tissue 200."""
    labels = np.zeros((WIDTH + 2 * SIDE, DEPTH + 2 * AHEAD, 3 * (HEIGHT + GAP) + 20), np.int16)
    for place, level in enumerate(reversed(LEVELS)):
        low = 10 + place * (HEIGHT + GAP)
        labels[SIDE : SIDE + WIDTH, AHEAD : AHEAD + DEPTH, low : low + HEIGHT] = LEVEL_ID[level]
    water = np.where(labels > 0, 100, 200).astype(np.float32)
    affine = np.eye(4)
    affine[:3, 3] = -30, 12, 5
    return water, labels, affine


def warp(column, done):
    water, labels, affine = column
    places = np.moveaxis(np.indices(labels.shape), 0, -1) + affine[:3, 3]
    return collapsed(water, labels, affine, {"L2": done}, places_mm=places, across_mm=np.zeros(1))


@pytest.fixture(scope="module")
def warped(column):
    return {name: warp(column, done) for name, done in KINDS.items()}


def test_what_is_kept_follows_the_closed_forms():
    front, middle, back = 0.15, 0.5, 0.85
    assert np.allclose(Collapse(wedge=0.4).kept(AT), [1 - 0.4 * (1 - at) for at in (front, middle, back)])
    assert np.allclose(Collapse(crush=0.3).kept(AT), 0.7)
    assert np.allclose(Collapse(biconcave=0.5).kept(np.array([0.0, 0.5, 1.0])), [1, 0.5, 1])
    assert np.allclose(Collapse(step=0.3).kept(AT), [0.7, 1 - 0.3 / (1 + np.exp(4)), 1], atol=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_has_the_heights_that_are_told(warped, kind):
    """The extent of the warped mask along the axis, in columns at 15, 50 and 85 % of the depth."""
    _, labels, heights = warped[kind]
    told = HEIGHT * KINDS[kind].kept(AT)
    before, after = heights["L2"]
    assert np.allclose(before, HEIGHT, atol=0.5)
    assert np.allclose(after, told, atol=0.5)
    middle = (labels == LEVEL_ID["L2"])[SIDE + WIDTH // 2]
    front = AHEAD + DEPTH
    columns = [middle[round(front - at * DEPTH)].sum() for at in AT]
    # A wedged endplate turns about its rear edge, so its columns also move a little to the front.
    assert np.allclose(columns, told, atol=1.6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_body_below_stays_and_that_above_follows_as_a_whole(column, warped, kind):
    _, before, affine = column
    _, after, _ = warped[kind]
    assert np.array_equal(before == LEVEL_ID["L3"], after == LEVEL_ID["L3"])
    volume = np.sum(after == LEVEL_ID["L1"]) / np.sum(before == LEVEL_ID["L1"])
    assert volume == pytest.approx(1, abs=0.02)
    sizes = [
        (box.height, box.depth, box.width)
        for box in (boxes_of(labels, affine)["L1"] for labels in (before, after))
    ]
    assert np.allclose(*sizes, atol=1.0)


def test_nothing_done_changes_nothing(column, warped):
    water, labels, _ = column
    image, after, _ = warped["nothing"]
    assert np.array_equal(after, labels)
    assert np.allclose(image, water)


def test_the_spine_above_turns_by_the_wedge(warped, column):
    _, labels, _ = warped["wedge"]
    axis = boxes_of(labels, column[2])["L1"].frame.axes[2]
    lean = np.degrees(np.arctan2(axis[1], axis[2]))
    assert lean == pytest.approx(np.degrees(np.arcsin(0.4 * HEIGHT / DEPTH)), abs=2)


@pytest.mark.parametrize("front_only", [False, True])
def test_oedema_is_bright_inside_and_nowhere_else(column, front_only):
    water, labels, _ = column
    image, _, _ = warp(column, Collapse(oedema=2.0, front_only=front_only))
    body = labels == LEVEL_ID["L2"]
    assert np.allclose(image[~body], water[~body], atol=2)
    centre = tuple(np.argwhere(body).mean(axis=0).round().astype(int))
    front_upper = (centre[0], AHEAD + DEPTH - 5, centre[2] + HEIGHT // 2 - 5)
    back_lower = (centre[0], AHEAD + 5, centre[2] - HEIGHT // 2 + 5)
    assert image[front_upper] == pytest.approx(200, abs=2)
    assert image[back_lower] == pytest.approx(100 if front_only else 200, abs=2)


def test_cement_is_a_void_within_the_body(column):
    water, labels, _ = column
    image, _, _ = warp(column, Collapse(cement=True))
    body = labels == LEVEL_ID["L2"]
    assert image[body].min() < 15
    assert 0.1 < np.mean(image[body] < 50) < 0.6
    assert np.allclose(image[~body], water[~body], atol=2)


@pytest.mark.parametrize("done", [Collapse(step=0.3), Collapse(cement=True)])
def test_a_level_without_a_label_is_refused_by_name(column, done):
    places, across = np.zeros((1, 1, 1, 3)), np.zeros(1)
    collapses = {"L2": done, "L4": done}
    with pytest.raises(ValueError, match="no body to collapse at L4; there are L1, L2, L3"):
        collapsed(*column, collapses, places_mm=places, across_mm=across)
