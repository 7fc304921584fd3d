"""What a surface costs at every position along the rays of one body.

Outward, the signal of marrow first falls into dark cortex and then rises into disc, canal, muscle or
fat, and the fat fraction leaves that of marrow. The surface lies on the rim, a little inside the rise.
Full of oedema, or on other images than water, a body is brighter than its discs: there the signal falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.segment.cut.contrast import Contrast
from qmri.segment.cut.edges import (
    STEP_MM,
    fat_edge,
    inside_dark_disc,
    profile,
    signal_edge,
    signal_edge_either_way,
    valley,
)
from qmri.segment.cut.template import ROWS, Rays, Template
from qmri.segment.cut.voids import middle_points, sample_middle
from qmri.segment.cut.weights import CutWeights
from qmri.spine.body_frame import BodyFrame

REACH_MM = (-10.0, 12.0)
_PAD = round(4 / STEP_MM)
_NEVER = 50.0
# Below this share of the body's signal a tissue is no marrow.
DARK = 0.5
# Mean probability in the middle of a body from which the detector is listened to.
BELIEVED = 0.5
# Where along the ray to the template the body's own signal is read.
INNER_SHARES = (0.05, 0.15, 0.25, 0.35)

Plane = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A point in RAS+ millimetres and the normal that leads out of the body."""


@dataclass(frozen=True)
class Site:
    """Where one body is sought.

    Attributes
    ----------
    frame, template
        The body's frame and its expected size.
    middles
        Planes halfway to its neighbours.
    marrow
        Usual signal of the bodies of the spine; None where it is not known.
    """

    frame: BodyFrame
    template: Template
    middles: tuple[Plane, ...] = ()
    marrow: float | None = None


def surface_cost(
    contrast: Contrast, site: Site, rays: Rays, rho: float, weights: CutWeights
) -> NDArray[np.float32]:
    """Return the cost (rows, longitudes, positions) of the surface at each position.

    Position k lies ``REACH_MM[0] + k * STEP_MM`` beyond the template along the ray.

    Parameters
    ----------
    contrast
        Prepared images.
    site, rays
        The body.
    rho
        Contrast of the image, 1 in the water image of a healthy spine.
    weights
        Weights.
    """
    offset = np.arange(REACH_MM[0], REACH_MM[1] + STEP_MM / 2, STEP_MM)
    padded = np.arange(-_PAD, len(offset) + _PAD) * STEP_MM + REACH_MM[0]
    distance = rays.usual[..., None] + padded
    points = site.frame.to_world(rays.points(distance))
    cost = _signal_cost(contrast, site, rays, points, rho=rho, weights=weights)[..., _PAD:-_PAD]
    cost += weights.prior.by_ray()[..., None] * offset**2
    points, distance = points[..., _PAD:-_PAD, :], distance[..., _PAD:-_PAD]
    for point, outward in site.middles:
        cost += weights.neighbour * np.maximum((points - point) @ outward, 0)
    return np.asarray(np.where(distance < 1.0, cost + _NEVER, cost), np.float32)


def _signal_cost(
    contrast: Contrast,
    site: Site,
    rays: Rays,
    points: NDArray[np.float64],
    *,
    rho: float,
    weights: CutWeights,
) -> NDArray[np.float64]:
    middle = max(float(np.median(sample_middle(contrast, contrast.inphase, site.frame, site.template))), 0.15)
    signal = profile(contrast, contrast.inphase, points) / middle
    cost = -weights.valley * valley(signal, rho)
    cost += weights.dark * STEP_MM * np.cumsum(np.clip(1 - signal / DARK, 0, 1), axis=-1)
    belief = _belief(contrast, site, points)
    if contrast.fraction is None:
        own, disc = _own_signal(contrast, site, rays) / middle, _disc_signal(contrast, site) / middle
        brightness = own * middle / (site.marrow or middle)
        cost -= weights.edge * signal_edge_either_way(
            signal, own, disc, rho, weights, brightness=brightness, belief=belief
        )
        cost += weights.disc * inside_dark_disc(signal, own, disc)
    else:
        fraction = profile(contrast, contrast.fraction, points)
        usual = float(np.median(sample_middle(contrast, contrast.fraction, site.frame, site.template)))
        cost -= weights.edge * signal_edge(signal, rho, weights)
        cost -= weights.fat_edge * fat_edge(signal, fraction, usual)
    if belief is not None:
        doubt = np.cumsum(1 - 2 * belief, axis=-1)
        cost += weights.belief.by_ray()[..., None] * STEP_MM * doubt
    return np.asarray(cost)


def _own_signal(contrast: Contrast, site: Site, rays: Rays) -> NDArray[np.float64]:
    """Return the mean signal (rows, longitudes) of the body along the inner part of each ray."""
    distance = rays.usual[..., None] * np.array(INNER_SHARES)
    values = contrast.sample(contrast.inphase, site.frame.to_world(rays.points(distance)))
    return np.asarray(np.maximum(values.mean(axis=-1, dtype=np.float64), 0.1))


def _disc_signal(contrast: Contrast, site: Site) -> NDArray[np.float64]:
    """Return the signal (rows, 1) of the disc towards which each ray runs.

    It is what differs most from both bodies on the way to the neighbour, over 3 mm.
    """
    frame, found = site.frame, np.zeros(2)
    across = np.stack(np.meshgrid(np.linspace(-8, 8, 5), np.linspace(-6, 8, 5), [0.0], indexing="ij"), -1)
    for side, sign in enumerate((1.0, -1.0)):
        planes = [point for point, outward in site.middles if sign * (outward @ frame.axes[2]) > 0]
        half = planes[0] - frame.centre_mm if planes else sign * frame.spacing_mm / 2 * frame.axes[2]
        along = np.arange(0, 2 * np.linalg.norm(half))
        line = frame.centre_mm + along[:, None] * half / np.linalg.norm(half)
        points = line[:, None] + (across @ frame.axes).reshape(-1, 3)
        signal = ndimage.uniform_filter1d(contrast.sample(contrast.inphase, points).mean(-1), 4)
        size = len(signal)
        bodies = np.interp(np.arange(size), [3, size - 4], [signal[:7].mean(), signal[-7:].mean()])
        part = slice(int(0.2 * size), int(0.8 * size) + 1)
        furthest = np.argmax(np.abs(np.log(np.maximum(signal, 0.05) / np.maximum(bodies, 0.05))[part]))
        found[side] = signal[part][furthest]
    return np.asarray(np.where(ROWS < 2, found[0], found[1])[:, None])


def _belief(contrast: Contrast, site: Site, points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the detector's probability of a body at points; None where it sees none in the site's middle."""
    middle = contrast.sample_belief(middle_points(site.frame, site.template))
    belief = contrast.sample_belief(points)
    if middle is None or belief is None or float(middle.mean()) <= BELIEVED:
        return None
    return belief.astype(np.float64)
