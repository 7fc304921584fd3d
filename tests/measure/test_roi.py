"""Erosion is physical: millimetres from the surface, whatever the voxel is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmri.measure.marrow.roi import (
    body_coordinates,
    make_region,
    smallest_height_mm,
    surface_depth_mm,
    vein_box,
)
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.morphometry import measure_shape


def no_void(body):
    return np.zeros_like(body.mask)


def test_depth_of_a_slab_is_the_distance_to_its_nearest_face():
    mask = np.zeros((9, 9, 9), bool)
    mask[2:7] = True
    depth = surface_depth_mm(mask, np.array([4.0, 100.0, 100.0]))
    assert depth[:, 4, 4] == pytest.approx([0, 0, 2, 6, 10, 6, 2, 0, 0])


@given(
    st.tuples(*[st.floats(0.5, 5.0)] * 3),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=25, deadline=None)
def test_depth_agrees_with_the_faces_counted_one_by_one(voxel, seed):
    mask = np.random.default_rng(seed).random((5, 4, 4)) < 0.7
    size = np.array(voxel)
    depth = surface_depth_mm(mask, size)
    padded = np.pad(mask, 1)
    nodes = set()
    for index in np.argwhere(padded):
        for offset in np.ndindex(3, 3, 3):
            step = np.array(offset) - 1
            if step.any():
                closure = [index + np.array(part) * step for part in np.ndindex(2, 2, 2)]
                if any(not padded[tuple(place)] for place in closure):
                    nodes.add(tuple(2 * index + step))
    points = np.array(sorted(nodes)) * size / 2
    for index in np.argwhere(mask):
        nearest = np.linalg.norm(points - (index + 1) * size, axis=1).min()
        assert depth[tuple(index)] == pytest.approx(nearest)


def test_a_margin_of_3_mm_takes_one_slice_of_4_mm_and_two_voxels_of_1_5_mm(make_spine):
    spine = make_spine(levels=("L2",), concavity_mm=0.0, bend_deg=0.0)
    body = find_bodies(spine.labels, spine.affine)[0]
    region = make_region(body, None, no_void(body), 3.0)

    def extent(mask, axis):
        return np.ptp(np.argwhere(mask)[:, axis]) + 1

    assert extent(body.mask, 0) - extent(region.roi, 0) == 2
    assert extent(body.mask, 2) - extent(region.roi, 2) == 4


def test_a_low_body_keeps_a_share_of_its_height(make_spine):
    spine = make_spine(loss={"L2": ("crush", 0.6)})
    body = next(b for b in find_bodies(spine.labels, spine.affine) if b.level == "L2")
    shape = measure_shape(body)
    region = make_region(body, shape, no_void(body), 3.0)
    assert region.erosion_mm == pytest.approx(0.2 * smallest_height_mm(shape))
    assert region.erosion_mm < 2
    assert region.roi.any()


def test_a_void_is_left_out_with_its_neighbours(make_spine):
    spine = make_spine(levels=("L2",))
    body = find_bodies(spine.labels, spine.affine)[0]
    void = no_void(body)
    centre = tuple(np.argwhere(body.mask).mean(axis=0).round().astype(int))
    void[centre] = True
    region = make_region(body, None, void, 3.0)
    assert not region.roi[centre]
    for axis in range(3):
        for step in (-1, 1):
            beside = list(centre)
            beside[axis] += step
            assert not region.roi[tuple(beside)]


def test_the_vein_box_lies_at_the_posterior_wall_at_mid_height(make_spine):
    spine = make_spine(levels=("L1", "L2", "L3"), tilt_deg=15.0)
    for body in find_bodies(spine.labels, spine.affine):
        shape = measure_shape(body)
        box = vein_box(body, shape) & body.mask
        place = body_coordinates(body, shape)[box]
        assert 0.005 < box.sum() / body.mask.sum() < 0.03
        assert place[:, 1].min() > 0.5
        assert abs(place[:, 2].mean() - 0.5) < 0.05
        assert abs(place[:, 0].mean()) < 1.0
