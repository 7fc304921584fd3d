"""Cranial up, anterior left, patient right on the left, whatever the storage order."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.images.curved_plane import coronal_view, ras_voxel_mm, sagittal_view, to_ras
from qmri.report.examination.pictures import NAME_WIDTH_MM, PDFF, R2STAR, picture_svg


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


def drawn(svg):
    """ViewBox and names of a picture: (x, width), [(x of the end, name)]."""
    start, _, width, _ = map(float, re.search(r'viewBox="([^"]*)"', svg).group(1).split())
    names = re.findall(r'<text x="([-0-9.]+)" y="[^"]*" text-anchor="end">([TL][0-9]+)<', svg)
    return start, width, [(float(x), name) for x, name in names]


@pytest.mark.parametrize("first_column", [0, 2, 14, 30])
def test_names_are_whole_and_beside_their_bodies_wherever_the_images_end(first_column):
    labels = np.zeros((6, 60, 80), int)
    voxel = np.array([4.0, 1.5, 1.5])
    for number, z in ((18, 60), (19, 40), (20, 20)):
        labels[1:5, 59 - first_column - 15 : 60 - first_column, z - 6 : z + 6] = number
    view = sagittal_view(labels, voxel)
    start, width, names = drawn(picture_svg(np.full(labels.shape, 50.0), labels, view, PDFF))
    assert [name for _, name in names] == ["T11", "T12", "L1"]
    left_edge_of_bodies = np.nonzero(view.cut(labels).any(axis=0))[0].min() * 1.5
    for x, name in names:
        assert x < left_edge_of_bodies, f"{name} covers its body"
        assert x - NAME_WIDTH_MM >= start - 0.05, f"{name} is cut"
    assert width + start >= view.size_mm[1] - 0.05


def test_outlines_have_a_dark_casing_and_both_sides_a_letter():
    labels = np.zeros((6, 60, 80), int)
    labels[1:5, 20:40, 30:50] = 22
    for view, (left, right) in ((sagittal_view, "AP"), (coronal_view, "RL")):
        svg = picture_svg(np.full(labels.shape, 99.0), labels, view(labels, np.ones(3)), PDFF, labels)
        assert svg.index('class="casing"') < svg.index('class="body"')
        assert re.findall(r'class="edge"[^>]*>([A-Z])<', svg) == [left, right]


@given(st.lists(st.floats(-300, 900, allow_subnormal=False), max_size=6))
def test_an_axis_holds_what_is_drawn_on_it(values):
    scale = R2STAR.holding(values)
    assert scale.low <= min([0, *values])
    assert scale.high >= max([250, *values])
    assert (scale.ticks()[0], scale.ticks()[-1]) == (scale.low, scale.high)
    assert all(tick % 50 == 0 for tick in scale.ticks())
