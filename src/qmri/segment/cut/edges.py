"""What looks like the surface of a body along its rays: edges of the signal and of the fat fraction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.segment.cut.contrast import Contrast
from qmri.segment.cut.weights import AT_WALL, CutWeights

STEP_MM = 0.5
# Below this share of the body's signal the fat fraction is noise.
FAINT = 0.3
# A disc of less than the first share of the body's signal ends it with a fall, of more than the
# second with a rise.
DISC_OVER_BODY = (0.7, 1.0)
# Signal over that of the spine's marrow from which a body is partly, and wholly, full of oedema.
OEDEMA_OVER_MARROW = (1.2, 1.6)
# A probability so far above one half is that of a body.
SURE = 0.3


def signal_edge(signal: NDArray[np.float64], rho: float, weights: CutWeights) -> NDArray[np.float64]:
    """Return how steeply the signal (rows, longitudes, positions) rises outward beyond each position."""
    rise = np.clip((_mean(signal, 0.5, 3) - _mean(signal, -3, -0.5)) / rho, -0.3, 0.8)
    return _ahead(rise, weights.rim_mm.by_ray())


def signal_edge_either_way(
    signal: NDArray[np.float64],
    own: NDArray[np.float64],
    disc: NDArray[np.float64],
    rho: float,
    weights: CutWeights,
    *,
    brightness: NDArray[np.float64] | None = None,
    belief: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return how steeply the signal leaves that of a body on water alone.

    At the endplates it rises to a bright disc and falls to a dark one, whichever the body's own
    signal on that ray tells: the same disc is bright beside marrow and dark beside oedema. The
    walls border on dark fat as often as on muscle: there both are edges. Where the detector sees body
    on both sides of a rise, it is the border of oedema within the body, from which the signal falls
    to the disc.

    Parameters
    ----------
    signal
        (rows, longitudes, positions) signal over that of the middle of the body.
    own
        (rows, longitudes) signal of the body along the inner part of each ray.
    disc
        (rows, 1) signal of the disc.
    rho
        Contrast of the image.
    weights
        Weights.
    brightness
        (rows, longitudes) signal of the body over that of the spine's marrow, None where it is as usual.
    belief
        (rows, longitudes, positions) probability of a body, None where it is no help.
    """
    inner, outer = _mean(signal, -3, -0.5), _mean(signal, 0.5, 3)
    most, border = np.maximum(own, 1)[..., None], np.zeros(signal.shape)
    if belief is not None:
        seen = np.clip((_mean(belief, -3, -0.5) - 0.5) / SURE, 0, 1)
        most = most + seen * np.maximum(inner - most, 0)
        border = seen * np.clip((_mean(belief, 2, 5) - 0.5) / SURE, 0, 1)
    inside = np.minimum(inner, most)
    rise, drop = np.clip((outer - inner) / rho, -0.3, 0.8), np.clip((inside - outer) / rho, -0.3, 0.8)
    rising = share_rising(np.maximum(own[..., None], inside), disc[..., None])
    ahead = weights.rim_mm.by_ray()
    oedema = np.zeros(own.shape) if brightness is None else share_of_oedema(brightness)
    behind_end, behind_wall = (
        -outside - oedema * (further - outside)
        for outside, further in zip(weights.fall_mm, weights.oedema_fall_mm, strict=True)
    )
    ends = _ahead(rising * (1 - border) * rise, ahead) + _ahead((1 - rising) * drop, behind_end)
    walls = np.maximum(_ahead(rise, ahead), 0) + np.maximum(_ahead(drop, behind_wall), 0)
    at_wall = AT_WALL[..., None]
    return np.asarray(at_wall * walls + (1 - at_wall) * ends)


def share_of_oedema(brightness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far rays (rows, longitudes) are in oedema: 1 where the body outshines the marrow, else 0.

    The share is without unit, as is the brightness over that of the spine's marrow.
    """
    low, high = OEDEMA_OVER_MARROW
    return np.asarray(np.clip((brightness - low) / (high - low), 0, 1))


def share_rising(own: NDArray[np.float64], disc: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 on rays that end in a disc brighter than the body, 0 where it is darker.

    Both signals are over that of the middle of the body and broadcast against each other.
    """
    low, high = DISC_OVER_BODY
    return np.asarray(np.clip((disc / own - low) / (high - low), 0, 1))


def inside_dark_disc(
    signal: NDArray[np.float64], own: NDArray[np.float64], disc: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the millimetres of dark disc that a surface at each position would take in.

    ``signal`` is (rows, longitudes, positions), ``own`` and ``disc`` as in `signal_edge_either_way`.
    """
    like = 2 * np.clip((own[..., None] - signal) / np.maximum(own - disc, 0.1)[..., None] - 0.5, 0, 0.5)
    falling = (1 - AT_WALL) * (1 - share_rising(own, disc))
    return np.asarray(falling[..., None] * STEP_MM * np.cumsum(like, axis=-1))


def valley(signal: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
    """Return how far each position lies below both of its surroundings, like cortex.

    ``signal`` and the result are (rows, longitudes, positions), over the signal of the middle of the body.
    """
    brim = np.minimum(_mean(signal, 1.5, 4), _mean(signal, -4, -1.5))
    return np.asarray(np.clip((brim - signal) / rho, 0, 0.5))


def fat_edge(signal: NDArray[np.float64], fraction: NDArray[np.float64], own: float) -> NDArray[np.float64]:
    """Return how far the fat fraction leaves that of the body, whose own is ``own``, at each position.

    Signal and fat fraction, 0-1, are (rows, longitudes, positions); so is the result.

    Beyond an endplate lies disc, so the fraction falls; it need not start from the body's own, for
    oedema often fills half of a body. Beyond a wall lies fat as often as water.
    """
    fat = signal * fraction
    inner = _mean(fat, -3, -0.5) / np.maximum(_mean(signal, -3, -0.5), FAINT)
    outer = _mean(fat, 0.5, 3) / np.maximum(_mean(signal, 0.5, 3), FAINT)
    fall, away = inner - outer, np.abs(outer - own) - np.abs(inner - own)
    at_wall = AT_WALL[..., None]
    return np.asarray(at_wall * np.clip(away, -0.2, 0.6) + (1 - at_wall) * np.clip(fall, -0.2, 0.6))


def profile(
    contrast: Contrast, image: NDArray[np.float32], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return an image at points (rows, longitudes, positions, 3), smoothed along the rays."""
    values = contrast.sample(image, points).astype(np.float64)
    return np.asarray(ndimage.gaussian_filter1d(values, 0.8 / STEP_MM, axis=-1))


def _ahead(values: NDArray[np.float64], distance_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values as they are ``distance_mm`` (rows, longitudes) ahead of each position."""
    size = values.shape[-1]
    index = np.arange(size) + np.rint(distance_mm / STEP_MM).astype(np.intp)[..., None]
    return np.asarray(np.take_along_axis(values, np.clip(index, 0, size - 1), axis=-1))


def _mean(values: NDArray[np.float64], near_mm: float, far_mm: float) -> NDArray[np.float64]:
    """Return the mean of values from ``near_mm`` to ``far_mm`` ahead of each position."""
    first, last = round(near_mm / STEP_MM), round(far_mm / STEP_MM)
    padded = np.pad(values, [(0, 0), (0, 0), (max(-first, 0) + 1, max(last, 0))], mode="edge")
    total = np.cumsum(padded, axis=-1)
    start = max(-first, 0) + first
    count = last - first + 1
    size = values.shape[-1]
    return np.asarray(
        (total[..., start + count : start + count + size] - total[..., start : start + size]) / count
    )
