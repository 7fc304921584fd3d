"""Outlines of a region against lines drawn by hand, and the areas that they enclose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from qmri.images.outline import outlines_mm


def area(line):
    x, y = line[:-1].T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def test_the_outline_of_a_pixel_is_a_diamond_about_its_middle():
    mask = np.zeros((3, 4), bool)
    mask[1, 2] = True
    (line,) = outlines_mm(mask, (2.0, 0.5))
    assert {tuple(point) for point in line} == {(1.0, 3.0), (1.25, 2.0), (1.5, 3.0), (1.25, 4.0)}


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_outlines_are_closed_also_at_the_edge_of_the_picture(mask):
    lines = outlines_mm(mask, (1.0, 1.0))
    assert bool(lines) == mask.any()
    for line in lines:
        assert np.array_equal(line[0], line[-1])


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("columns", [1, 7])
def test_a_rectangle_loses_a_corner_of_an_eighth_of_a_pixel_four_times(rows, columns):
    (line,) = outlines_mm(np.ones((rows, columns), bool), (2.0, 3.0))
    assert area(line) == pytest.approx((rows * columns - 0.5) * 6.0)
