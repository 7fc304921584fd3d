"""Cranial up, anterior left, patient right on the left, whatever the storage order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.report.views import coronal_view, ras_voxel_mm, sagittal_view, to_ras


def marked(order, signs, shape_ras=(6, 9, 12), voxel=(4.0, 1.5, 1.2)):
    """A volume that holds its own RAS coordinate (x + 100 y + 10000 z), stored in another axis order."""
    x, y, z = np.indices(shape_ras)
    ras = x + 100 * y + 10000 * z
    affine_ras = np.diag([*voxel, 1.0])
    stored, affine = ras, affine_ras.copy()
    for axis, sign in enumerate(signs):
        if sign < 0:
            stored = np.flip(stored, axis)
            affine[:3, 3] += affine[:3, axis] * (shape_ras[axis] - 1)
            affine[:3, axis] *= -1
    affine = affine[:, [*order, 3]]
    return ras, stored.transpose(order), affine


@given(st.permutations(range(3)), st.tuples(*[st.sampled_from((-1, 1))] * 3))
def test_any_storage_order_comes_back_to_ras(order, signs):
    ras, stored, affine = marked(order, signs)
    assert np.array_equal(to_ras(stored, affine), ras)
    assert ras_voxel_mm(affine) == pytest.approx((4.0, 1.5, 1.2))


def test_directions_of_the_pictures():
    ras, _, _ = marked((0, 1, 2), (1, 1, 1))
    labels = np.zeros(ras.shape, int)
    labels[2:4, 3:5, 2:10] = 20
    x, y, z = ras % 100, ras // 100 % 100, ras // 10000
    voxel = np.array([4.0, 1.5, 1.2])
    sagittal, coronal = sagittal_view(labels, voxel), coronal_view(labels, voxel)
    assert np.all(np.diff(sagittal.cut(z), axis=0) < 0)
    assert np.all(np.diff(sagittal.cut(y), axis=1) < 0)
    assert np.all(np.diff(coronal.cut(z), axis=0) < 0)
    assert np.all(np.diff(coronal.cut(x), axis=1) < 0)
    assert (sagittal.edges, coronal.edges) == (("anterior", "posterior"), ("right", "left"))
    assert sagittal.size_mm == pytest.approx((12 * 1.2, 9 * 1.5))


def test_a_view_passes_through_every_body_of_a_bent_spine():
    labels = np.zeros((40, 20, 60), int)
    for level, (x, z) in zip((22, 21, 20, 19), ((10, 8), (20, 22), (26, 36), (22, 50)), strict=True):
        labels[x - 3 : x + 4, 8:12, z - 5 : z + 6] = level
    view = sagittal_view(labels, np.array([1.5, 1.5, 1.5]))
    assert view.curved
    assert set(np.unique(view.cut(labels))) == {0, 19, 20, 21, 22}
    straight = sagittal_view(labels, np.array([0.5, 1.5, 1.5]))
    assert not straight.curved
    assert len(set(straight.planes)) == 1


def test_without_labels_the_middle_is_shown():
    empty = np.zeros((6, 9, 12), int)
    assert sagittal_view(empty, np.ones(3)).cut(empty).shape == (12, 9)
    assert coronal_view(empty, np.ones(3)).cut(empty).shape == (12, 6)
