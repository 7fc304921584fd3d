"""The cut finds bodies in any orientation, from points that are some millimetres off."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.segment.cut.body_cut import cut_surfaces
from qmri.segment.cut.contrast import prepare
from qmri.segment.cut.rasterise import rasterise
from qmri.segment.cut.voids import fill_voids
from qmri.segment.cut.weights import WATER_AND_FAT
from qmri.segment.detect.detector import ProbabilityMap
from qmri.spine.body_frame import frames_of_chain

IDS = [20, 21, 22, 23, 24]
CRUSHED = (27.0, 27.0, 15.0, 27.0, 27.0)


def labels_of(spine, seeds, counts=None, ids=IDS):
    cuts = cut_surfaces(spine.images, seeds, counts)
    return rasterise([cut.surface for cut in cuts], ids, spine.images.water.shape, spine.images.affine)


def dice(first, second):
    return 2 * np.sum(first & second) / (first.sum() + second.sum())


def jittered(centres, seed):
    return centres + np.random.default_rng(seed).uniform(-4, 4, centres.shape)


@pytest.mark.parametrize(
    ("axes", "voxel"),
    [
        ("PSR", (1.5, 1.5, 4.0)),
        ("AIL", (1.5, 1.5, 4.0)),
        ("LPS", (1.5, 1.5, 4.0)),
        ("RSP", (1.5, 1.5, 4.0)),
        ("RAS", (2.0, 2.0, 2.0)),
    ],
    ids=["sagittal", "sagittal flipped", "axial", "coronal", "isotropic"],
)
def test_bodies_are_found_in_any_orientation(draw, axes, voxel):
    spine = draw(axes, voxel)
    labels = labels_of(spine, jittered(spine.centres_mm, 1))
    assert min(dice(labels == i, spine.labels == i) for i in IDS) > 0.82


@pytest.mark.parametrize("with_fat", [False, True])
def test_a_crushed_body_with_oedema_is_cut_like_the_others(draw, with_fat):
    spine = draw("PSR", (1.5, 1.5, 4.0), heights=CRUSHED, oedema=2 if with_fat else None, with_fat=with_fat)
    labels = labels_of(spine, jittered(spine.centres_mm, 2))
    assert min(dice(labels == i, spine.labels == i) for i in IDS) > 0.8


def test_a_crushed_body_between_dark_discs_is_not_filled_up_to_them(draw):
    spine = draw("PSR", (1.5, 1.5, 4.0), heights=CRUSHED, with_fat=True, disc=0.2)
    contrast = prepare(spine.images)
    frames = frames_of_chain(spine.centres_mm)
    bodies = [(frame, WATER_AND_FAT.usual_body(frame.spacing_mm)) for frame in frames]
    assert fill_voids(contrast, bodies) is contrast
    labels = labels_of(spine, jittered(spine.centres_mm, 2))
    assert min(dice(labels == i, spine.labels == i) for i in IDS) > 0.85


def test_cement_is_filled_also_where_it_is_large(draw):
    spine = draw("PSR", (1.5, 1.5, 4.0), with_fat=True)
    places = np.moveaxis(np.indices(spine.labels.shape), 0, -1) @ spine.images.affine[:3, :3].T
    places += spine.images.affine[:3, 3] - spine.centres_mm[2]
    cement = np.linalg.norm(places / [16, 11, 9], axis=-1) < 1
    dark = {name: np.where(cement, 0.01, getattr(spine.images, name)) for name in ("water", "fat")}
    contrast = prepare(replace(spine.images, **dark, pdff=None))
    frames = frames_of_chain(spine.centres_mm)
    filled = fill_voids(contrast, [(f, WATER_AND_FAT.usual_body(f.spacing_mm)) for f in frames])
    marrow = np.median(contrast.inphase[spine.labels == 21])
    np.testing.assert_allclose(filled.inphase[cement], marrow, rtol=0.1)
    untouched = spine.labels != 22
    np.testing.assert_array_equal(filled.inphase[untouched], contrast.inphase[untouched])


@pytest.mark.parametrize("thickness_mm", [4.0, 6.0])
def test_a_wall_that_borders_on_fat_is_found_like_one_on_muscle(draw, thickness_mm):
    voxel = (1.5, 1.5, thickness_mm)
    shares = []
    for around in ((0.6, 0.05), (0.6, 0.95)):
        spine = draw("PSR", voxel, with_fat=True, around=around)
        labels = labels_of(spine, jittered(spine.centres_mm, 5))
        shares.append(np.mean([dice(labels == i, spine.labels == i) for i in IDS]))
    assert min(shares) > 0.88
    assert shares[1] > shares[0] - 0.02


def test_on_water_alone_a_wall_is_found_also_where_dark_fat_lies_before_the_muscle(draw):
    spine = draw("PSR", (1.5, 1.5, 4.0), around=(0.05, 0.05), psoas_mm=31.0)
    labels = labels_of(spine, jittered(spine.centres_mm, 5))
    assert np.mean([dice(labels == i, spine.labels == i) for i in IDS]) > 0.85


def test_a_level_that_was_left_out_does_not_change_its_neighbours(toy_spine):
    keep = [0, 1, 3, 4]
    labels = labels_of(toy_spine, toy_spine.centres_mm[keep], [1, 2, 1], [IDS[k] for k in keep])
    whole = labels_of(toy_spine, toy_spine.centres_mm)
    assert min(dice(labels == IDS[k], whole == IDS[k]) for k in keep) > 0.97
    assert not np.any(labels == IDS[2])


def test_one_seed_is_enough(toy_spine):
    labels = labels_of(toy_spine, toy_spine.centres_mm[2:3], None, [22])
    assert dice(labels == 22, toy_spine.labels == 22) > 0.82


def test_the_same_input_gives_the_same_labels_and_the_input_is_left_alone(toy_spine):
    before = toy_spine.images.water.copy()
    first = labels_of(toy_spine, toy_spine.centres_mm)
    np.testing.assert_array_equal(first, labels_of(toy_spine, toy_spine.centres_mm))
    np.testing.assert_array_equal(before, toy_spine.images.water)


def test_the_cut_does_not_depend_on_the_unit_of_the_signal(toy_spine):
    loud = replace(toy_spine, images=replace(toy_spine.images, water=toy_spine.images.water * 1000))
    np.testing.assert_array_equal(
        labels_of(toy_spine, toy_spine.centres_mm), labels_of(loud, toy_spine.centres_mm)
    )


def belief_of(spine):
    return ProbabilityMap((spine.labels > 0).astype(np.float32), spine.images.affine)


def test_a_detector_that_sees_nothing_does_not_move_the_surfaces(toy_spine):
    nothing = ProbabilityMap(np.zeros((4, 4, 4), np.float32), np.eye(4))
    alone = cut_surfaces(toy_spine.images, toy_spine.centres_mm)
    unseen = cut_surfaces(toy_spine.images, toy_spine.centres_mm, belief=nothing)
    for first, second in zip(alone, unseen, strict=True):
        np.testing.assert_array_equal(first.surface.distance, second.surface.distance)
        assert second.confidence == 0


def test_a_map_of_bodies_brings_the_surfaces_closer_to_it(toy_spine):
    seeds = jittered(toy_spine.centres_mm, 3)
    alone = labels_of(toy_spine, seeds)
    cuts = cut_surfaces(toy_spine.images, seeds, belief=belief_of(toy_spine))
    shape, affine = toy_spine.images.water.shape, toy_spine.images.affine
    helped = rasterise([cut.surface for cut in cuts], IDS, shape, affine)
    assert dice(helped > 0, toy_spine.labels > 0) > dice(alone > 0, toy_spine.labels > 0)


def test_the_confidence_is_low_where_the_point_was_no_body(toy_spine):
    seeds = toy_spine.centres_mm.copy()
    right = cut_surfaces(toy_spine.images, seeds, belief=belief_of(toy_spine))
    seeds[2, 1] -= 40
    wrong = cut_surfaces(toy_spine.images, seeds, belief=belief_of(toy_spine))
    assert wrong[2].confidence < 0.4 < min(cut.confidence for cut in right)
    assert min(cut.confidence for k, cut in enumerate(wrong) if k != 2) > 0.4
