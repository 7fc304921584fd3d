"""Each check finds what it is for, and is silent on a sound spine."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.config import SegmentSettings
from qmri.segment.segmentation import segment_drawn

SETTINGS = SegmentSettings()


@pytest.fixture(scope="module")
def spine(draw):
    return draw("RAS", (2.0, 2.0, 2.0), with_fat=True)


def flags_of(spine, labels, settings=SETTINGS, **images):
    drawn = segment_drawn(replace(spine.images, **images), labels.astype(np.int16), settings)
    return {body.name: {flag.name: flag.figure for flag in body.flags} for body in drawn.bodies}


def test_a_sound_spine_has_no_flags(spine):
    assert flags_of(spine, spine.labels) == {f"L{n}": {} for n in range(1, 6)}


def test_exchanged_names_are_out_of_order(spine):
    labels = spine.labels.copy()
    labels[spine.labels == 21], labels[spine.labels == 22] = 22, 21
    assert "order" in flags_of(spine, labels)["L3"]


def test_a_name_that_skips_a_body_leaves_a_gap(spine):
    labels = np.where(spine.labels == 20, 19, spine.labels)
    labels = np.where(labels == 21, 20, labels)
    labels[labels == 22] = 0
    flags = flags_of(spine, labels)
    assert flags["L1"] == {}
    labels = np.where(spine.labels == 22, 0, spine.labels)
    labels = np.where(labels == 21, 22, np.where(labels == 20, 21, labels))
    assert float(flags_of(spine, labels)["L3"]["gap_below"]) == pytest.approx(2, rel=0.05)


def test_half_a_body_has_too_small_a_footprint(spine):
    labels = spine.labels.copy()
    labels[: labels.shape[0] // 2][labels[: labels.shape[0] // 2] == 22] = 0
    assert float(flags_of(spine, labels)["L3"]["footprint"]) == pytest.approx(-0.5, abs=0.05)


def test_a_body_in_pieces_is_told_with_the_share_of_the_smaller(spine):
    labels = spine.labels.copy()
    index = np.argwhere(labels == 22)
    cut = index[:, 2] == index[:, 2].min() + 2
    labels[tuple(index[cut].T)] = 0
    assert 0 < float(flags_of(spine, labels)["L3"]["pieces"]) < 0.5


def test_a_stray_voxel_is_no_failed_outline(spine):
    labels = spine.labels.copy()
    index = np.argwhere(labels == 22)
    labels[tuple(index.max(0) + 2)] = 22
    assert flags_of(spine, labels)["L3"] == {}


def test_a_spur_lowers_the_solidity(spine):
    labels = spine.labels.copy()
    middle = np.argwhere(labels == 22).mean(0).round().astype(int)
    labels[middle[0] - 1 : middle[0] + 2, middle[1] : middle[1] + 25, middle[2] - 1 : middle[2] + 2] = 22
    assert "solidity" in flags_of(spine, labels)["L3"]


@pytest.mark.parametrize(("half_width", "told"), [(0, False), (1, False), (5, True)])
def test_bodies_that_touch_over_much_of_their_cross_section_are_told_on_both(spine, half_width, told):
    """Across a thin disc outlines touch in places; where the disc is gone they touch all over."""
    labels = spine.labels.copy()
    middle = np.argwhere(labels == 22).mean(0).round().astype(int)
    columns = [slice(place - half_width, place + half_width + 1) for place in middle[:2]]
    block = labels[columns[0], columns[1]]
    block[(block == 0) & (np.arange(labels.shape[2]) > middle[2]) & _below(block, 21)] = 22
    flags = flags_of(spine, labels)
    assert ("touching" in flags["L3"], "touching" in flags["L2"]) == (told, told)


def _below(block, number):
    """Return which voxels of the columns lie below those of a label."""
    return np.flip(np.cumsum(np.flip(block == number, 2), 2), 2) > 0


def test_a_void_is_told_with_its_share(spine):
    inside = np.argwhere(spine.labels == 22)
    void = inside[np.linalg.norm((inside - inside.mean(0)) * 2, axis=1) < 9]
    water, fat = spine.images.water.copy(), spine.images.fat.copy()
    water[tuple(void.T)] = fat[tuple(void.T)] = 0.01
    flags = flags_of(spine, spine.labels, water=water, fat=fat)
    assert float(flags["L3"]["void"]) == pytest.approx(len(void) / len(inside), abs=0.03)


def test_labels_that_run_into_the_canal_are_told(spine):
    labels = spine.labels.copy()
    for shift in range(1, 7):
        grown = np.roll(spine.labels, -shift, axis=1)
        labels[(labels == 0) & (grown == 22)] = 22
    assert "leak_canal" in flags_of(spine, labels)["L3"]


def test_a_body_at_the_border_is_not_complete(spine):
    at = int(np.argwhere(spine.labels == 24)[:, 2].mean())
    images = replace(
        spine.images,
        water=spine.images.water[:, :, at:],
        fat=spine.images.fat[:, :, at:],
        pdff=spine.images.pdff[:, :, at:],
    )
    drawn = segment_drawn(images, spine.labels[:, :, at:], SETTINGS)
    assert [body.complete for body in drawn.bodies] == [True] * 4 + [False]
    assert drawn.bodies[-1].flags[-1].name == "field_of_view"


def test_a_slab_that_cuts_the_sides_alone_leaves_bodies_complete(spine):
    middle = spine.labels.shape[0] // 2
    part = slice(middle - 8, middle + 8)
    images = replace(
        spine.images, water=spine.images.water[part], fat=spine.images.fat[part], pdff=spine.images.pdff[part]
    )
    assert all(body.complete for body in segment_drawn(images, spine.labels[part], SETTINGS).bodies)


@pytest.mark.parametrize(
    ("share", "factor", "told"), [(1, 1.6, "+"), (1, 0.6, "-"), (0.4, 2.3, "+"), (1, 1.15, "")]
)
def test_a_body_unlike_its_neighbours_on_water_is_told(spine, share, factor, told):
    """Oedema in a body or in the front of it; the usual scatter of marrow is none."""
    index = np.argwhere(spine.labels == 22)
    front = index[index[:, 1] >= np.percentile(index[:, 1], 100 * (1 - share))]
    water = spine.images.water.copy()
    water[tuple(front.T)] *= factor
    flags = flags_of(spine, spine.labels, water=water)
    assert flags["L3"].get("brightness", "")[:1] == told
    assert all("brightness" not in flags[level] for level in ("L1", "L2", "L4", "L5"))


def test_a_single_body_has_no_neighbours_to_be_unlike(spine):
    assert "brightness" not in flags_of(spine, np.where(spine.labels == 22, 22, 0))["L3"]


def test_thresholds_come_from_the_settings(spine):
    strict = SETTINGS.model_copy(update={"gap_ratio": (0.9999, 1.0001)})
    assert any("gap_above" in flags for flags in flags_of(spine, spine.labels, strict).values())
