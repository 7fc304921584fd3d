"""One vertebral body at two sessions: the rigid motion between them.

The motion is found on the two outlines (signed distances, so that all of the surface counts) and refined on
PDFF in and around the body, both with robust weights: a collapsed endplate, cement, oedema or a bent disc
does not pull. The refinement is taken only where it agrees with itself forwards and backwards and stays near
the outlines: marrow that changed throughout has nothing to hold on to. A body that lost height may have lost
it above or below: both are tried, and where both fit alike this is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.images.grid import Grid
from qmri.measure.comparison.later_images import resample_to_first
from qmri.measure.comparison.rigid_motion import Field, inverse, refine
from qmri.measure.shape.bodies import Body

Values = NDArray[np.float64]

REACH_MM = 4.0
"""How far around the outline images are compared: endplates and walls, but not the neighbours."""

FAR_MM = 8.0
LATTICE_MM = 2.5
OUTLINE_SMOOTHING_MM = (3.0, 1.5)
SMOOTHING_MM = (2.0, 1.0)
"""Standard deviations of the Gaussians under which outlines and images are compared, one pass each."""

LEAST_SPREAD_MM, MOST_SPREAD_MM = 0.3, 0.5
LEAST_SPREAD_PCT = 3.0

MOST_REFINED_MM = 3.0
MOST_DIFFERENCE_MM = 0.5
"""A refinement that goes further than this, or differs more forwards and backwards, is not taken."""

LEAST_LOSS_MM = 2.5
"""Bodies that lost more in a third of their depth are also tried endplate on endplate."""

COST_MM = 4.0
AS_GOOD = 1.1
MOST_ERROR_MM = 1.5
LEAST_OVERLAP = 0.6
VOLUME_RANGE = (0.4, 1.5)
"""Limits beyond which a registration is not to be trusted."""


@dataclass(frozen=True)
class BodyImage:
    """A vertebral body at one session.

    Attributes
    ----------
    pdff
        (x, y, z) fat fraction, percent; NaN where there is none.
    affine
        (4, 4) from index to RAS+ mm.
    body
        The body in the label map on the same grid (`qmri.measure.find_bodies`).
    """

    pdff: Values
    affine: Values
    body: Body


@dataclass(frozen=True)
class BodyRegistration:
    """How a body lies at a later session against the first one.

    Attributes
    ----------
    to_first
        (4, 4) from RAS+ mm of the later session to RAS+ mm of the first one, rigid.
    by
        ``image`` where PDFF refined it, else ``outline``.
    error_mm
        Largest distance, at the corners of the body, between the motions found forwards and backwards.
    overlap
        Share of the smaller outline that lies in the larger one, after the motion.
    doubts
        Why it is not to be trusted; empty where it is.
    """

    to_first: Values
    by: str
    error_mm: float
    overlap: float
    doubts: tuple[str, ...] = ()


def register_body(first: BodyImage, later: BodyImage) -> BodyRegistration:
    """Return the rigid motion that takes a body at a later session onto itself at the first one.

    Parameters
    ----------
    first, later
        The body of one level, PDFF (x, y, z) in percent.

    Raises
    ------
    ValueError
        If the bodies are of two levels.
    """
    if first.body.level != later.body.level:
        raise ValueError(f"{first.body.level} is not registered with {later.body.level}")
    found = [_by_outlines(first, later, start) for start in _starts(first, later)]
    outline = min(found, key=lambda one: (one.error_mm > MOST_ERROR_MM, one.cost))
    image = _by_images(first, later, outline.to_first)
    corners = _corners(later.body)
    refined = (
        image.error_mm < MOST_DIFFERENCE_MM
        and _apart(outline.to_first, image.to_first, corners) < MOST_REFINED_MM
    )
    best = image if refined else outline
    overlap = _overlap(first.body, later.body, best.to_first)
    doubts = _label_doubts(first.body, later.body)
    if best.error_mm > MOST_ERROR_MM:
        doubts.append(f"forwards and backwards differ by {best.error_mm:.1f} mm")
    if overlap < LEAST_OVERLAP:
        doubts.append(f"only {100 * overlap:.0f} % of the smaller outline lies in the other")
    for other in found:
        apart = _apart(outline.to_first, other.to_first, corners)
        if apart > MOST_ERROR_MM > other.error_mm and other.cost < AS_GOOD * outline.cost:
            doubts.append(f"a place {apart:.1f} mm away fits as well: both endplates may have moved")
    loss = float(np.nanmax(_losses(first.body, later.body)))
    if not refined and loss >= LEAST_LOSS_MM:
        doubts.append(f"the body lost up to {loss:.0f} mm of height: how it is turned is known roughly")
    by = "image" if refined else "outline"
    return BodyRegistration(best.to_first, by, best.error_mm, overlap, tuple(dict.fromkeys(doubts)))


def _frame_matrix(body: Body) -> Values:
    """Return (4, 4) from the body's right, anterior and cranial to RAS+ mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = body.frame.axes.T
    matrix[:3, 3] = body.frame.centre_mm
    return matrix


def _label_doubts(first: Body, later: Body) -> list[str]:
    doubts = [
        f"the body is cut by the edge of the images at the {session} session"
        for session, body in (("first", first), ("later", later))
        if body.touches_edge or body.touches_side
    ]
    volumes = [body.mask.sum() * body.voxel_volume_mm3 for body in (first, later)]
    ratio = volumes[1] / volumes[0]
    if not VOLUME_RANGE[0] < ratio < VOLUME_RANGE[1]:
        doubts.append(f"the outline of the later session is {ratio:.1f} times as large")
    return doubts


def _corners(body: Body) -> Values:
    """Return (8, 3) RAS+ mm of the corners of the box around a body along its axes."""
    local = body.local(np.argwhere(body.mask).astype(np.float64))
    low, high = local.min(axis=0), local.max(axis=0)
    return body.frame.to_world(np.array(list(product(*zip(low, high, strict=True)))))


def _overlap(first: Body, later: Body, to_first: Values) -> float:
    """Return the share of the smaller of two outlines that lies in the larger one."""
    grid = Grid(first.mask.shape, first.affine)
    moved = resample_to_first(later.mask.astype(np.float64), later.affine, to_first, grid, order=0) > 0
    sizes = [body.mask.sum() * body.voxel_volume_mm3 for body in (first, later)]
    return float((moved & first.mask).sum() * first.voxel_volume_mm3 / min(sizes))


def _apart(one: Values, other: Values, points: Values) -> float:
    """Return the largest distance between images of points (n, 3) under two (4, 4)."""
    difference = one - other
    return float(np.linalg.norm(points @ difference[:3, :3].T + difference[:3, 3], axis=1).max())


def _starts(first: BodyImage, later: BodyImage) -> list[Values]:
    """Return motions (4, 4), later to first, to start from: as a whole, and endplate on endplate."""
    middle = _frame_matrix(first.body) @ inverse(_frame_matrix(later.body))
    whole = inverse(_by_outline(first, later, inverse(middle), OUTLINE_SMOOTHING_MM[0]))
    losses = _losses(first.body, later.body)
    half = float(np.nanmean(losses)) / 2
    shifts = (0.0,) if np.nanmax(np.abs(losses)) < LEAST_LOSS_MM else (0.0, -half, half)
    starts = [whole.copy() for _ in shifts]
    for start, shift in zip(starts, shifts, strict=True):
        start[:3, 3] += shift * first.body.frame.axes[2]
    return starts


def _losses(first: Body, later: Body) -> Values:
    """Return the height lost (3,), mm, in the back, middle and front third of the depth."""
    return _heights(first) - _heights(later)


def _heights(body: Body) -> Values:
    """Return the extent (3,) of a label along the cranial axis near its midline, mm, from back to front."""
    right, anterior, cranial = body.local(np.argwhere(body.mask).astype(np.float64)).T
    midline = np.abs(right - np.median(right)) <= np.ptp(right) / 4
    edges = np.linspace(anterior.min(), anterior.max(), 4)
    thirds = [midline & (anterior >= low) & (anterior <= high) for low, high in pairwise(edges)]
    return np.array([np.ptp(cranial[third]) if third.any() else np.nan for third in thirds])


@dataclass(frozen=True)
class _Found:
    to_first: Values
    error_mm: float
    cost: float = 0.0


def _by_outlines(first: BodyImage, later: BodyImage, start: Values) -> _Found:
    """Return the motion that the outlines lead to from a start, forwards and backwards."""
    smoothing = OUTLINE_SMOOTHING_MM[1]
    forward = inverse(_by_outline(first, later, inverse(start), smoothing, MOST_SPREAD_MM))
    backward = _by_outline(later, first, start, smoothing, MOST_SPREAD_MM)
    error = _apart(forward, backward, _corners(later.body))
    return _Found(forward, error, _cost(first.body, later.body, forward))


def _by_images(first: BodyImage, later: BodyImage, start: Values) -> _Found:
    """Return the motion that PDFF leads to from a start, forwards and backwards."""
    forward, backward = _by_image(first, later, inverse(start)), _by_image(later, first, start)
    to_first = inverse(forward)
    return _Found(to_first, _apart(to_first, backward, _corners(later.body)))


def _cost(first: Body, later: Body, to_first: Values) -> float:
    """Return how much of the surface at the first session the later one does not explain, 0-1."""
    points, depth = _lattice(first)
    shell = np.abs(depth) <= LATTICE_MM
    back = inverse(to_first)
    moved = points[shell] @ back[:3, :3].T + back[:3, 3]
    residual = depth[shell] - Field(*_signed_distance(later), 0.0).at(moved)
    residual -= np.nanmedian(residual)
    scaled = np.where(np.isfinite(residual), np.abs(residual) / COST_MM, 1.0)
    return float(np.mean(1 - (1 - np.clip(scaled, 0, 1) ** 2) ** 3))


def _by_outline(
    fixed: BodyImage, moving: BodyImage, start: Values, smoothing_mm: float, most_spread_mm: float = np.inf
) -> Values:
    """Return the (4, 4) from RAS+ mm of the fixed session to the moving one by the surfaces of the bodies."""
    points, depth = _lattice(fixed.body)
    one, other = (Field(*_signed_distance(side.body), smoothing_mm) for side in (fixed, moving))
    shell = points[np.abs(depth) <= REACH_MM]
    return refine(shell, one, other, start, (LEAST_SPREAD_MM, most_spread_mm))


def _by_image(fixed: BodyImage, moving: BodyImage, motion: Values) -> Values:
    """Return the (4, 4) from RAS+ mm of the fixed session to the moving one by PDFF."""
    points, _ = _lattice(fixed.body)
    for smoothing in SMOOTHING_MM:
        one, other = (Field(side.pdff, side.affine, smoothing) for side in (fixed, moving))
        motion = refine(points, one, other, motion, (LEAST_SPREAD_PCT, np.inf))
    return motion


def _lattice(body: Body) -> tuple[Values, Values]:
    """Return points (n, 3), RAS+ mm, in and around a body, and their signed distance from its surface, mm."""
    local = body.local(np.argwhere(body.mask).astype(np.float64))
    reach = np.abs(local).max(axis=0) + REACH_MM
    axes = [np.arange(-np.ceil(edge / LATTICE_MM), edge / LATTICE_MM + 1) * LATTICE_MM for edge in reach]
    points = body.frame.to_world(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
    depth = Field(*_signed_distance(body), 0.0).at(points)
    near = depth <= REACH_MM
    return points[near], depth[near]


def _signed_distance(body: Body) -> tuple[Values, Values]:
    """Return the distance (x, y, z) from the surface of a body, mm, negative inside, and its (4, 4)."""
    edges = body.voxel_size_mm
    padding = np.ceil(FAR_MM / edges).astype(int)
    mask = np.pad(body.mask, [(int(n), int(n)) for n in padding])
    outside, inside = (ndimage.distance_transform_edt(part, sampling=edges) for part in (~mask, mask))
    affine = body.affine.copy()
    affine[:3, 3] -= body.affine[:3, :3] @ padding
    return np.clip(outside - inside, -FAR_MM, FAR_MM), affine
