"""What neighbours tell of a field, and when they are not believed."""

import numpy as np
import pytest

from qmri.fit.field.prior import neighbourhood
from qmri.fit.voxels import Signals, Voxels

SHAPE = (20, 20, 20)


def voxels(mask=None):
    mask = np.ones(SHAPE, dtype=bool) if mask is None else mask
    n = int(mask.sum())
    return Voxels(Signals(np.ones((6, n), np.complex64)), np.ones(n, np.float32), mask, (2.0, 2.0, 2.0), 1.0)


def look(field, sd, where=None, period=1000.0, outlier=100.0):
    where = where or voxels()
    values = field[where.mask].astype(np.float32)
    return neighbourhood(where, values, np.full(values.shape, sd**2, np.float32), period, outlier)


def test_a_constant_field_is_expected_and_the_mean_of_neighbours_is_precise():
    rng = np.random.default_rng(0)
    near = look(40 + rng.normal(scale=5.0, size=SHAPE), 5.0)
    assert np.std(near.expected) < 5.0 / np.sqrt(26) * 1.7
    assert np.median(near.variance) < 0.5 * 25


def test_a_linear_field_is_no_deviation_inside():
    x = np.arange(20.0)[:, np.newaxis, np.newaxis]
    near = look(np.broadcast_to(10 * x, SHAPE), 1.0)
    inner = near.deviation.reshape(SHAPE)[1:-1, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0, atol=0.3)


def test_beside_a_jump_the_neighbours_are_not_believed():
    field = np.zeros(SHAPE)
    field[10:] = 80.0
    variance = look(field, 2.0).variance.reshape(SHAPE)
    assert variance[9:11].min() > 100 * variance[2:6].max()


def test_a_field_over_the_edge_of_the_period_is_smooth():
    x = np.arange(20.0)[:, np.newaxis, np.newaxis]
    field = np.broadcast_to((480 + 4 * x + 500) % 1000 - 500, SHAPE)
    inner = look(field, 1.0).deviation.reshape(SHAPE)[1:-1, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0, atol=0.3)


def test_a_voxel_alone_has_no_expectation():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[5, 5, 5] = mask[15, 15, 15] = True
    near = look(np.full(SHAPE, 33.0), 1.0, voxels(mask))
    assert np.all(np.isinf(near.variance))
    np.testing.assert_allclose(near.expected, 33.0)


@pytest.mark.parametrize("thick", [0, 2])
def test_along_an_axis_on_which_the_field_is_rough_there_are_no_neighbours(thick):
    field = np.random.default_rng(0).normal(scale=0.5, size=SHAPE)
    np.moveaxis(field, thick, 0)[::2] += 60.0
    assert np.abs(look(field, 1.0).deviation).max() < 5
