"""The sub-voxel cut: one point per vertebral body in, one closed surface per body out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.segment.cut.contrast import Contrast, prepare
from qmri.segment.cut.cost import REACH_MM, Plane, Site, surface_cost
from qmri.segment.cut.edges import STEP_MM
from qmri.segment.cut.refit import follow, refit
from qmri.segment.cut.surface import cheapest_surface
from qmri.segment.cut.template import BodySurface, rays_of
from qmri.segment.cut.voids import fill_voids, marrow_signal, sample_middle
from qmri.segment.cut.weights import WATER_ALONE, WATER_AND_FAT, CutWeights
from qmri.segment.detect.detector import ProbabilityMap, SpineImages
from qmri.spine.body_frame import BodyFrame, frames_of_chain

OUTSIDE_MM = (3.0, 5.0)
# Of the spacings of a spine, bodies that collapsed lie below this percentile.
WHOLE_PCT = 90
# Where muscle and disc lie, in spacings to the side and along the axis.
BESIDE = np.array([-1.07, -0.9, 0.9, 1.07])
BETWEEN = np.array([-0.53, -0.5, -0.47, 0.47, 0.5, 0.53])


@dataclass(frozen=True)
class BodyCut:
    """One body that was cut.

    Attributes
    ----------
    surface
        Its surface.
    confidence
        0-1; low where another surface would have been nearly as cheap, or where the detector sees
        no body inside or more of it outside.
    """

    surface: BodySurface
    confidence: float


def cut_surfaces(
    images: SpineImages,
    seeds_mm: NDArray[np.float64],
    counts: Sequence[int] | None = None,
    *,
    belief: ProbabilityMap | None = None,
    weights: CutWeights | None = None,
) -> list[BodyCut]:
    """Return the surface of each body.

    Each body is cut twice: around the usual template at its seed, and around the template that
    was fitted to the first surface.

    Parameters
    ----------
    images
        Images of the spine.
    seeds_mm
        (n, 3) one point per body in RAS+ millimetres, cranial to caudal, each within about
        4 mm of the centre.
    counts
        How many levels each body lies below the one before it; 1 unless a level was left out.
    belief
        Where the detector sees bodies, if it ran.
    weights
        Weights of the cost; by default those for the images that are there.
    """
    return cut_prepared(prepare(images, belief), seeds_mm, counts, weights=weights)


def cut_prepared(
    contrast: Contrast,
    seeds_mm: NDArray[np.float64],
    counts: Sequence[int] | None = None,
    *,
    only: Sequence[int] | None = None,
    weights: CutWeights | None = None,
) -> list[BodyCut]:
    """Return the surface of each body, or of some, in images that are prepared.

    Parameters
    ----------
    contrast
        Prepared images (x, y, z).
    seeds_mm, counts, weights
        As for `cut_surfaces`, (n, 3) in RAS+ mm.
    only
        Places in ``seeds_mm`` of the bodies that are wanted; the others tell size, direction and signal
        to expect, and only those next to a wanted one are cut, once. None for all bodies.
    """
    wanted = sorted(range(len(seeds_mm)) if only is None else only)
    near = [place for place in range(len(seeds_mm)) if any(abs(place - own) <= 1 for own in wanted)]
    cuts, _ = _cut_rounds(contrast, seeds_mm, counts, [near, wanted], weights)
    return [cuts[place] for place in wanted]


def cut_from_click(
    contrast: Contrast, seeds_mm: NDArray[np.float64], counts: Sequence[int], place: int
) -> BodyCut:
    """Return the surface of one body whose seed may be 8 mm from its centre.

    A first cut around the usual template tells where the centre is.

    Parameters
    ----------
    contrast, counts
        As for `cut_prepared`.
    seeds_mm
        (n, 3) one point per body in RAS+ mm, cranial to caudal.
    place
        Place of the body in ``seeds_mm``.
    """
    _, frames = _cut_rounds(contrast, seeds_mm, counts, [[place]])
    centred = seeds_mm.copy()
    centred[place] = frames[place].centre_mm
    return cut_prepared(contrast, centred, counts, only=[place])[0]


def _cut_rounds(
    contrast: Contrast,
    seeds_mm: NDArray[np.float64],
    counts: Sequence[int] | None,
    rounds: Sequence[Sequence[int]],
    weights: CutWeights | None = None,
) -> tuple[dict[int, BodyCut], list[BodyFrame]]:
    """Cut some bodies in each round, around what the round before made of them, and fit their frames."""
    if weights is None:
        weights = WATER_ALONE if contrast.fraction is None else WATER_AND_FAT
    rho = image_contrast(contrast, seeds_mm)
    frames = frames_of_chain(seeds_mm, counts)
    weights = weights.beside(*surroundings(contrast, frames, weights))
    templates = [
        weights.usual_body(frame.spacing_mm, whole)
        for frame, whole in zip(frames, whole_spacings(frames), strict=True)
    ]
    cuts: dict[int, BodyCut] = {}
    for chosen in rounds:
        bodies = list(zip(frames, templates, strict=True))
        filled = fill_voids(contrast, bodies, rounds[0])
        marrow = marrow_signal(filled, filled.inphase, bodies)
        middles = _middles(frames, counts)
        sites = [Site(frames[place], templates[place], middles[place], marrow) for place in chosen]
        previous = [cuts[place].surface for place in chosen] if cuts else None
        for place, cut in zip(chosen, _cut_bodies(filled, sites, rho, weights, previous), strict=True):
            cuts[place] = cut
            frames[place], templates[place] = refit(cut.surface, templates[place])
    return cuts, frames


def whole_spacings(frames: Sequence[BodyFrame]) -> NDArray[np.float64]:
    """Return the spacing (n,) at each body as it would be had no body lost height, mm.

    A collapse brings a body nearer to its neighbours but leaves it as wide and as deep as before. So the
    line along the spine goes through the larger ones of the spacings, and no spacing lies below it.
    """
    spacing = np.array([frame.spacing_mm for frame in frames])
    place = np.arange(len(spacing))
    first, second = np.triu_indices(len(spacing), 1)
    slope = float(np.median((spacing[second] - spacing[first]) / (second - first))) if len(first) else 0.0
    level = float(np.percentile(spacing - slope * place, WHOLE_PCT))
    return np.asarray(np.maximum(spacing, level + slope * place))


def image_contrast(contrast: Contrast, seeds_mm: NDArray[np.float64]) -> float:
    """Return how strongly tissues differ around seeds (n, 3), RAS+ mm; 1 is water of a healthy spine."""
    grid = np.meshgrid([0.0], np.arange(-40.0, 41, 4), np.arange(-20.0, 21, 4), indexing="ij")
    values = contrast.sample(contrast.inphase, seeds_mm[:, None, None, None] + np.stack(grid, -1))
    low, high = np.percentile(np.log(np.maximum(values, 0.05)), (16, 84))
    return float(np.clip((high - low) / 2 / 0.45, 0.5, 1.6))


def surroundings(contrast: Contrast, frames: Sequence[BodyFrame], weights: CutWeights) -> tuple[float, float]:
    """Return the signal beside and between the bodies over that of their middles, median over the spine."""
    ratios = []
    for frame in frames:
        template = weights.usual_body(frame.spacing_mm)
        own = max(float(np.median(sample_middle(contrast, contrast.inphase, frame, template))), 0.1)
        beside = np.meshgrid(BESIDE * frame.spacing_mm, [-8.0, 0, 8], [-8.0, -4, 0, 4, 8])
        between = np.meshgrid([-8.0, 0, 8], [-8.0, 0, 8], BETWEEN * frame.spacing_mm)
        places = [frame.to_world(np.stack(grid, -1)) for grid in (beside, between)]
        ratios.append([np.median(contrast.sample(contrast.inphase, points)) / own for points in places])
    muscle, disc = np.median(ratios, axis=0)
    return float(muscle), float(disc)


def _middles(frames: Sequence[BodyFrame], counts: Sequence[int] | None) -> list[tuple[Plane, ...]]:
    """Return for each body the planes halfway to its neighbours, and to those beyond the ends."""
    planes: list[tuple[Plane, ...]] = [() for _ in frames]
    for end, sign in ((0, 1.0), (-1, -1.0)):
        outward = sign * frames[end].axes[2]
        planes[end] += ((frames[end].centre_mm + frames[end].spacing_mm / 2 * outward, outward),)
    for index, (above, below) in enumerate(itertools.pairwise(frames)):
        if counts is not None and counts[index] != 1:
            continue
        point = (above.centre_mm + below.centre_mm) / 2
        normal = above.axes[2] + below.axes[2]
        normal /= np.linalg.norm(normal)
        planes[index] += ((point, -normal),)
        planes[index + 1] += ((point, normal),)
    return planes


def _cut_bodies(
    contrast: Contrast,
    sites: Sequence[Site],
    rho: float,
    weights: CutWeights,
    previous: Sequence[BodySurface] | None,
) -> list[BodyCut]:
    rays = [rays_of(site.template) for site in sites]
    if previous is not None and weights.follow:
        rays = [
            follow(own, site.frame, before, weights.follow)
            for own, site, before in zip(rays, sites, previous, strict=True)
        ]
    costs = [surface_cost(contrast, site, own, rho, weights) for site, own in zip(sites, rays, strict=True)]
    position, aggregated = cheapest_surface(np.stack(costs), weights.bend_linear, weights.bend_quadratic)
    distance = position * STEP_MM + REACH_MM[0]
    cuts = []
    for site, own, beyond, margins in zip(sites, rays, distance, aggregated, strict=True):
        surface = BodySurface(site.frame, own, np.maximum(own.usual + beyond, 0.5))
        cuts.append(BodyCut(surface, _margin(margins) * _agreement(contrast, surface)))
    return cuts


def _margin(aggregated: NDArray[np.float32]) -> float:
    """Return the median over rays of how much dearer the best surface 2 mm away is, squashed to 0-1."""
    best = aggregated.argmin(axis=-1)[..., None]
    far = np.abs(np.arange(aggregated.shape[-1]) - best) >= round(2 / STEP_MM)
    margin = np.where(far, aggregated, np.inf).min(axis=-1)
    return float(1 - np.exp(-np.median(margin)))


def _agreement(contrast: Contrast, surface: BodySurface) -> float:
    """Return how far the detector sees a body inside and none outside, 0-1; 1 without a detector."""
    inside = np.stack([share * surface.distance for share in (0.1, 0.4, 0.7)], axis=-1)
    outside = np.stack([surface.distance + beyond for beyond in OUTSIDE_MM], axis=-1)
    within, beyond = (
        contrast.sample_belief(surface.frame.to_world(surface.rays.points(distance)))
        for distance in (inside, outside)
    )
    if within is None or beyond is None:
        return 1.0
    return float(within.mean() * (1 - beyond.mean()))
