"""The cheapest surface, where it is known by other means."""

import numpy as np

from qmri.segment.cut.surface import cheapest_surface


def surface_of(cost, linear, quadratic, **how):
    position, aggregated = cheapest_surface(cost[None].astype(np.float32), linear, quadratic, **how)
    return position[0], aggregated[0]


def test_with_no_penalty_each_ray_takes_its_own_minimum():
    cost = np.random.default_rng(1).uniform(size=(6, 8, 20))
    position, aggregated = surface_of(cost, 0.0, 0.0, reach=19)
    np.testing.assert_array_equal(aggregated.argmin(-1), cost.argmin(-1))
    assert np.all(np.abs(position - np.clip(cost.argmin(-1), 1, 18)) <= 0.5)


def test_one_misleading_ray_is_overruled_by_its_neighbours():
    cost = np.ones((7, 12, 30))
    cost[:, :, 10] = 0
    cost[3, 4, 10], cost[3, 4, 22] = 0.5, 0.0
    position, _ = surface_of(cost, 0.2, 0.1)
    np.testing.assert_allclose(position, 10, atol=0.5)


def test_the_grid_is_circular_in_longitude():
    cost = 0.1 * (np.arange(12) - 6) ** 2 + np.random.default_rng(2).uniform(size=(5, 48, 12))
    position, _ = surface_of(cost, 0.3, 0.1)
    turned, _ = surface_of(np.roll(cost, 5, axis=1), 0.3, 0.1)
    np.testing.assert_allclose(turned, np.roll(position, 5, axis=1), atol=1e-4)


def test_the_position_is_refined_below_the_grid():
    at = np.arange(30.0)
    cost = np.broadcast_to((at - 12.3) ** 2, (5, 8, 30)).copy()
    position, _ = surface_of(cost, 0.1, 0.1)
    np.testing.assert_allclose(position, 12.3, atol=0.15)
