"""The cheapest smooth surface over a grid of rays, by semi-global aggregation of costs.

Hirschmueller, Stereo processing by semiglobal matching and mutual information, IEEE TPAMI 2008,
doi:10.1109/TPAMI.2007.1166. Here the image is the grid of rays, circular in longitude, and the
disparity is the position along a ray.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cheapest_surface(
    cost: NDArray[np.float32], linear: float, quadratic: float, reach: int = 5
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the position of the surface on every ray and the aggregated costs.

    Parameters
    ----------
    cost
        (bodies, rows, longitudes, positions), arbitrary unit; each body has its own surface.
    linear, quadratic
        Cost of a step of k positions between neighbouring rays: linear |k| + quadratic k^2.
    reach
        Largest step in positions.

    Returns
    -------
    position
        (bodies, rows, longitudes) position, refined below the grid by a parabola.
    aggregated
        (bodies, rows, longitudes, positions) aggregated cost, its minimum 0 on every ray.
    """
    steps = np.arange(-reach, reach + 1)
    penalty = (linear * np.abs(steps) + quadratic * steps**2).astype(np.float32)
    total = np.moveaxis(_both_ways(np.moveaxis(cost, 1, 0), penalty), 0, 1)
    around = np.moveaxis(cost, 2, 0)
    half = len(around) // 2
    overlapping = np.concatenate([around[-half:], around, around[:half]])
    total = total + np.moveaxis(_both_ways(overlapping, penalty)[half : half + len(around)], 0, 2)
    total -= 3 * cost
    total -= total.min(axis=-1, keepdims=True)
    return _refined(total), total


def _both_ways(cost: NDArray[np.float32], penalty: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of the forward and the backward sweep along axis 0."""
    both = _sweep(np.stack([cost, cost[::-1]], axis=1), penalty)
    return np.asarray(both[:, 0] + both[::-1, 1])


def _sweep(cost: NDArray[np.float32], penalty: NDArray[np.float32]) -> NDArray[np.float32]:
    reach, size = len(penalty) // 2, cost.shape[-1]
    result = np.empty(cost.shape, np.float32)
    result[0] = cost[0]
    padded = np.full((*cost.shape[1:-1], size + 2 * reach), np.inf, np.float32)
    for index in range(1, len(cost)):
        previous = result[index - 1]
        padded[..., reach:-reach] = previous - previous.min(axis=-1, keepdims=True)
        cheapest = padded[..., :size] + penalty[0]
        for shift in range(1, len(penalty)):
            np.minimum(cheapest, padded[..., shift : shift + size] + penalty[shift], out=cheapest)
        result[index] = cost[index] + cheapest
    return result


def _refined(cost: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the minimum along the last axis by a parabola through three samples."""
    best = np.clip(cost.argmin(axis=-1), 1, cost.shape[-1] - 2)[..., None]
    before, at, after = (np.take_along_axis(cost, best + k, axis=-1)[..., 0] for k in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = np.where(bend > 0, (before - after) / (2 * np.where(bend > 0, bend, 1)), 0)
    return np.asarray(best[..., 0] + np.clip(shift, -0.5, 0.5))
