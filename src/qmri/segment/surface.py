"""The cheapest smooth surface over a grid of rays, by semi-global aggregation of costs.

Hirschmueller, Stereo processing by semiglobal matching and mutual information, IEEE TPAMI 2008,
doi:10.1109/TPAMI.2007.1166. Here the image is the grid of rays, circular in longitude, and the
disparity is the position along a ray.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cheapest_surface(
    cost: NDArray[np.float64], linear: float, quadratic: float, reach: int = 5
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the position of the surface on every ray and the aggregated costs.

    Parameters
    ----------
    cost
        (rows, longitudes, positions).
    linear, quadratic
        Cost of a step of k positions between neighbouring rays: linear |k| + quadratic k^2.
    reach
        Largest step in positions.

    Returns
    -------
    position
        (rows, longitudes) position, refined below the grid by a parabola.
    aggregated
        (rows, longitudes, positions) aggregated cost, its minimum 0 on every ray.
    """
    steps = np.arange(-reach, reach + 1)
    penalty = linear * np.abs(steps) + quadratic * steps**2
    along_rows = np.moveaxis(cost, 0, 0)
    total = _both_ways(along_rows, penalty) - cost
    around = np.moveaxis(cost, 1, 0)
    twice = np.concatenate([around, around, around])
    count = around.shape[0]
    total += np.moveaxis(_both_ways(twice, penalty)[count : 2 * count], 0, 1) - cost
    total -= cost
    total -= total.min(axis=-1, keepdims=True)
    return _refined(total), total


def _both_ways(cost: NDArray[np.float64], penalty: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of the forward and the backward sweep along axis 0."""
    return np.asarray(_sweep(cost, penalty) + _sweep(cost[::-1], penalty)[::-1])


def _sweep(cost: NDArray[np.float64], penalty: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = len(penalty) // 2
    result = np.empty_like(cost)
    result[0] = cost[0]
    padded = np.full((cost.shape[1], cost.shape[2] + 2 * reach), np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(penalty), axis=1)
    for index in range(1, len(cost)):
        previous = result[index - 1]
        padded[:, reach:-reach] = previous - previous.min(axis=-1, keepdims=True)
        result[index] = cost[index] + (windows + penalty).min(axis=-1)
    return result


def _refined(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the minimum along the last axis by a parabola through three samples."""
    best = np.clip(cost.argmin(axis=-1), 1, cost.shape[-1] - 2)[..., None]
    before, at, after = (np.take_along_axis(cost, best + k, axis=-1)[..., 0] for k in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.where(bend > 0, (before - after) / (2 * np.where(bend > 0, bend, 1)), 0)
    return np.asarray(best[..., 0] + np.clip(shift, -0.5, 0.5))
