"""Angles of the spine on columns of bodies whose tilt is known."""

import numpy as np
import pytest

from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.curvature import (
    coronal_cobb_deg,
    kyphosis_deg,
    local_kyphosis_deg,
    thoracolumbar_kyphosis_deg,
)
from qmri.measure.shape.morphometry import measure_shape


def shapes_of(spine):
    return {body.level: measure_shape(body) for body in find_bodies(spine.labels, spine.affine)}


def test_lordosis_is_negative_and_adds_up_over_the_levels(make_spine):
    angles = []
    for tilt in (-5.0, 0.0, 2.0, 4.0):
        # One tilt alone can be in step with the grid, which moves an endplate's edge by a degree.
        shapes = shapes_of(make_spine(levels=("L1", "L2", "L3"), bend_deg=8.0, tilt_deg=tilt))
        angles.append(kyphosis_deg(shapes, "L1", "L3"))
        assert local_kyphosis_deg(shapes, "L2") == angles[-1]
    assert np.mean(angles) == pytest.approx(-16, abs=0.8)
    assert np.abs(np.add(angles, 16)).max() < 2.5
    assert local_kyphosis_deg(shapes, "L1") is None


def test_the_kyphosis_of_one_level_is_its_wedge_angle(make_spine):
    spine = make_spine(levels=("T12", "L1", "L2"), loss={"L1": ("wedge", 0.35)})
    shapes = shapes_of(spine)
    assert kyphosis_deg(shapes, "L1", "L1") == pytest.approx(shapes["L1"].wedge_angle_deg, abs=1e-6)
    assert kyphosis_deg(shapes, "L1", "L1") == pytest.approx(spine.wedge_angle("L1"), abs=2.0)


def test_the_widest_span_in_view_counts(make_spine):
    spine = make_spine(levels=("T11", "T12", "L1"), bend_deg=-5.0)
    assert thoracolumbar_kyphosis_deg(shapes_of(spine)) == pytest.approx(10, abs=1.5)
    assert thoracolumbar_kyphosis_deg(shapes_of(make_spine(levels=("L3", "L4")))) is None


def test_a_straight_spine_has_no_cobb_angle_and_a_bent_one_has_its_own(make_spine):
    straight = make_spine(levels=("L1", "L2", "L3", "L4"), bend_deg=0.0)
    assert coronal_cobb_deg(shapes_of(straight)) < 3
    # The sagittal bend of the phantom becomes a coronal one when the right and anterior axes are exchanged.
    bent = make_spine(levels=("L1", "L2", "L3", "L4"), bend_deg=10.0, voxel_mm=(1.5, 1.5, 1.5))
    turned = bent.affine.copy()
    turned[[0, 1]] = turned[[1, 0]]
    turned[0] *= -1
    shapes = {body.level: measure_shape(body) for body in find_bodies(bent.labels, turned)}
    assert coronal_cobb_deg(shapes) == pytest.approx(30, abs=3)
    assert coronal_cobb_deg({"L1": next(iter(shapes.values()))}) is None
    assert np.isfinite(kyphosis_deg(shapes, "L1", "L4"))
