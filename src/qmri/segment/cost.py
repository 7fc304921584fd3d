"""What a surface costs at every position along the rays of one body.

Outward, the signal of marrow first falls into dark cortex and then rises into disc, canal, muscle or
fat, and the fat fraction leaves that of marrow. The surface lies on the rim, a little inside the rise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.segment.contrast import Contrast
from qmri.segment.frames import BodyFrame
from qmri.segment.template import LONGITUDES, ROWS, Rays, Template
from qmri.segment.voids import middle_points, sample_middle

STEP_MM = 0.5
REACH_MM = (-10.0, 12.0)
_PAD = round(4 / STEP_MM)
_NEVER = 50.0
# Below this share of the body's signal a tissue is no marrow.
DARK = 0.5
# Below this share of the body's signal the fat fraction is noise.
FAINT = 0.3
# Mean probability in the middle of a body from which the detector is listened to.
BELIEVED = 0.5
# Share of wall, the rest endplate, in each row of rays.
AT_WALL = np.clip(1.5 - np.abs(ROWS - 2), 0, 1)[:, None]

Plane = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A point in RAS+ millimetres and the normal that leads out of the body."""


@dataclass(frozen=True)
class Sides:
    """One figure for each side of a body."""

    upper: float
    lower: float
    front: float
    back: float
    side: float

    def by_ray(self) -> NDArray[np.float64]:
        """Return the figure (rows, longitudes) of each ray, blended between the sides."""
        sin = np.sin(2 * np.pi * np.arange(LONGITUDES) / LONGITUDES)
        towards = sin**2
        wall = self.side * (1 - towards) + np.where(sin > 0, self.front, self.back) * towards
        endplate = np.where(ROWS < 2, self.upper, self.lower)[:, None]
        return np.asarray(AT_WALL * wall + (1 - AT_WALL) * endplate)


@dataclass(frozen=True)
class CutWeights:
    """Weights of the cost of a surface, without unit unless one is named, and the usual size of a body.

    Attributes
    ----------
    edge
        Signal that rises outward; on water alone also signal that falls at a wall.
    rim_mm
        How far inside the rise the surface lies.
    valley
        Dark cortex at the surface.
    fat_edge
        Fat fraction that falls outward, or at the walls moves away from the body's own.
    belief
        Tissue inside that the detector takes for something else, per mm; 0 where it is undecided.
    dark
        Air, bowel or cortex inside, per mm.
    prior
        Squared distance from the template per mm^2; more at the sides, where muscle often looks
        like bone.
    neighbour
        Each mm beyond the middle between two bodies.
    bend_linear, bend_quadratic
        Steps of one position between neighbouring rays.
    width, depth, height
        Half sizes of the usual body over the spacing; the depth where the spacing is 36 mm.
    """

    edge: float = 3.0
    rim_mm: Sides = Sides(upper=0.5, lower=2.0, front=2.0, back=0.5, side=0.0)
    valley: float = 1.5
    fat_edge: float = 0.0
    belief: Sides = Sides(upper=0.15, lower=0.15, front=0.15, back=0.15, side=0.3)
    dark: float = 0.6
    prior: Sides = Sides(upper=0.004, lower=0.004, front=0.004, back=0.004, side=0.01)
    neighbour: float = 0.5
    bend_linear: float = 0.05
    bend_quadratic: float = 0.05
    width: float = 0.76
    depth: float = 0.45
    height: float = 0.39

    def usual_body(self, spacing_mm: float) -> Template:
        """Return the usual body where bodies are ``spacing_mm`` apart.

        The depth grows less along the spine than width and height do.
        """
        depth = self.depth * spacing_mm * (spacing_mm / 36) ** -0.3
        return Template(self.width * spacing_mm, 1.06 * depth, 0.94 * depth, self.height * spacing_mm)


WATER_ALONE = CutWeights()
WATER_AND_FAT = CutWeights(
    edge=1.0,
    rim_mm=Sides(upper=0.5, lower=0.5, front=1.5, back=1.5, side=1.5),
    valley=4.0,
    fat_edge=3.0,
    belief=Sides(upper=0.1, lower=0.1, front=0.1, back=0.1, side=0.1),
    prior=Sides(upper=0.008, lower=0.008, front=0.004, back=0.004, side=0.006),
    width=0.6,
)


@dataclass(frozen=True)
class Site:
    """Where one body is sought.

    Attributes
    ----------
    frame, template
        The body's frame and its expected size.
    middles
        Planes halfway to its neighbours.
    """

    frame: BodyFrame
    template: Template
    middles: tuple[Plane, ...] = ()


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
    cost = _signal_cost(contrast, site, points, rho, weights)[..., _PAD:-_PAD]
    cost += weights.prior.by_ray()[..., None] * offset**2
    points, distance = points[..., _PAD:-_PAD, :], distance[..., _PAD:-_PAD]
    for point, outward in site.middles:
        cost += weights.neighbour * np.maximum((points - point) @ outward, 0)
    return np.asarray(np.where(distance < 1.0, cost + _NEVER, cost), np.float32)


def _signal_cost(
    contrast: Contrast, site: Site, points: NDArray[np.float64], rho: float, weights: CutWeights
) -> NDArray[np.float64]:
    middle = float(np.median(sample_middle(contrast, contrast.inphase, site.frame, site.template)))
    signal = _profile(contrast, contrast.inphase, points) / max(middle, 0.15)
    inner, outer = _mean(signal, -3, -0.5), _mean(signal, 0.5, 3)
    rise = np.clip((outer - inner) / rho, -0.3, 0.8)
    if contrast.fraction is None:
        # Fat is dark on water alone and borders on the walls: there a fall is an edge too.
        fall = AT_WALL[..., None] * np.clip((np.minimum(inner, 1) - outer) / rho, 0, 0.8)
        rise = np.where(rise < 0, (1 - AT_WALL[..., None]) * rise, rise)
        edge = _ahead(rise, weights.rim_mm.by_ray()) + fall
    else:
        edge = _ahead(rise, weights.rim_mm.by_ray())
    brim = np.minimum(_mean(signal, 1.5, 4), _mean(signal, -4, -1.5))
    valley = np.clip((brim - signal) / rho, 0, 0.5)
    cost = -weights.edge * edge - weights.valley * valley
    cost += weights.dark * STEP_MM * np.cumsum(np.clip(1 - signal / DARK, 0, 1), axis=-1)
    belief = contrast.sample_belief(points)
    if belief is not None and _is_believed(contrast, site):
        doubt = np.cumsum(1 - 2 * belief.astype(np.float64), axis=-1)
        cost += weights.belief.by_ray()[..., None] * STEP_MM * doubt
    if contrast.fraction is not None:
        fraction = _profile(contrast, contrast.fraction, points)
        own = float(np.median(sample_middle(contrast, contrast.fraction, site.frame, site.template)))
        cost -= weights.fat_edge * _fat_edge(signal, fraction, own)
    return np.asarray(cost)


def _fat_edge(signal: NDArray[np.float64], fraction: NDArray[np.float64], own: float) -> NDArray[np.float64]:
    """Return how far the fat fraction leaves that of the body, whose own is ``own``, at each position.

    Beyond an endplate lies disc, so the fraction falls; it need not start from the body's own, for
    oedema often fills half of a body. Beyond a wall lies fat as often as water.
    """
    fat = signal * fraction
    inner = _mean(fat, -3, -0.5) / np.maximum(_mean(signal, -3, -0.5), FAINT)
    outer = _mean(fat, 0.5, 3) / np.maximum(_mean(signal, 0.5, 3), FAINT)
    fall, away = inner - outer, np.abs(outer - own) - np.abs(inner - own)
    at_wall = AT_WALL[..., None]
    return np.asarray(at_wall * np.clip(away, -0.2, 0.6) + (1 - at_wall) * np.clip(fall, -0.2, 0.6))


def _is_believed(contrast: Contrast, site: Site) -> bool:
    """Tell whether the detector sees a body in the middle of the site; else its map is no help."""
    belief = contrast.sample_belief(middle_points(site.frame, site.template))
    return belief is not None and float(belief.mean()) > BELIEVED


def _profile(
    contrast: Contrast, image: NDArray[np.float32], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    values = contrast.sample(image, points).astype(np.float64)
    return np.asarray(ndimage.gaussian_filter1d(values, 0.8 / STEP_MM, axis=-1))


def _ahead(profile: NDArray[np.float64], distance_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the profile as it is ``distance_mm`` (rows, longitudes) ahead of each position."""
    size = profile.shape[-1]
    index = np.arange(size) + np.rint(distance_mm / STEP_MM).astype(np.intp)[..., None]
    return np.asarray(np.take_along_axis(profile, np.clip(index, 0, size - 1), axis=-1))


def _mean(profile: NDArray[np.float64], near_mm: float, far_mm: float) -> NDArray[np.float64]:
    """Return the mean of a profile from ``near_mm`` to ``far_mm`` ahead of each position."""
    first, last = round(near_mm / STEP_MM), round(far_mm / STEP_MM)
    padded = np.pad(profile, [(0, 0), (0, 0), (max(-first, 0) + 1, max(last, 0))], mode="edge")
    total = np.cumsum(padded, axis=-1)
    start = max(-first, 0) + first
    count = last - first + 1
    size = profile.shape[-1]
    return np.asarray(
        (total[..., start + count : start + count + size] - total[..., start : start + size]) / count
    )
