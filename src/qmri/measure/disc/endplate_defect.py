"""Pits in an endplate, such as Schmorl's nodes: how deep, and over how much of the plate.

An endplate is read twice: where the label ends, and where the marrow ends in the image (an outline often
bridges a pit). Along each column from the disc into the body the disc goes on as far as its fat fraction
stays nearer to the disc's than to the marrow's. A parabola in both directions (Huber's fit) takes away the
hollow of a concave or a biconcave endplate; from what is left of either surface, z, the paraboloid closing

    closing(z)(x) = min_y max_w [z(w) - |w - y|^2 / 2R] + |y - x|^2 / 2R

fills what is narrower than a ball of radius R (a grey-scale closing). Depth is what it filled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.disc.sampling import sample
from qmri.measure.shape.bodies import Body
from qmri.measure.shape.endplate import huber_fit
from qmri.measure.shape.morphometry import Morphometry
from qmri.measure.shape.occupancy import Occupancy, extents

BALL_MM = 40.0
"""Radius of the ball: it enters a pit of 16 mm across by less than a millimetre."""
RIGHT_STEP_MM, ANTERIOR_STEP_MM, CRANIAL_STEP_MM = 2.0, 1.0, 0.5
RIM_MM = 5.0
"""Pits are looked for so far from the rim, where the outline turns into the wall."""
LEAST_COLUMN = 0.5
"""A column lower than this share of the usual one passes through a wall, not through the endplates."""
INTO_BODY_MM, INTO_DISC_MM = 12.0, 3.0
DISC_PCT = 1.0
"""Fat fraction of a disc."""
DISC_LIKE = 0.7
"""From the marrow's fat fraction (0) to the disc's (1); oedema lies lower."""
LEAST_CONTRAST_PCT = 20.0
"""Marrow with less fat more than the disc does not show where it ends."""
SMOOTHING_MM = 1.5
WIDE_SHARE = 0.5
"""Marrow that looks like disc under more of the plate is no pit but oedema."""
COUNTED_MM = 1.0
CONFIRMED = 0.6
"""A pit of the outline counts if the image, where it tells, shows so much of its depth."""
AVERAGED = 3
"""Nodes along either axis over whose median a depth is taken: a single column is noise."""

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Defect:
    """The deepest pit of an endplate.

    Attributes
    ----------
    depth_mm
        Its depth.
    area_share
        Share of the plate, without its rim, that it takes: where it is deeper than 1 mm.
    seen_in
        ``outline`` or ``image``.
    """

    depth_mm: float
    area_share: float
    seen_in: str


def endplate_defect(
    body: Body, shape: Morphometry, upper: bool, affine: Real, pdff: Real | None = None
) -> Defect:
    """Return the deepest pit of the upper or lower endplate of a body.

    Parameters
    ----------
    body, shape
        The label, cropped, and its shape.
    upper
        Whether the upper endplate is meant.
    affine, pdff
        (4, 4) to RAS+ mm of the map (x, y, z) in percent; None where the image is not to be used.
    """
    right, anterior = _plane(shape)
    sign = 1.0 if upper else -1.0
    plate = shape.upper if upper else shape.lower
    smooth = sign * plate.height_mm(right[:, None], anterior[None, :])
    outline = _outline(body, shape, right, anterior, sign)
    surfaces = {"outline": outline}
    if pdff is not None:
        marrow = float(np.nanmedian(pdff[body.window][body.mask]))
        end = _image(marrow, shape, (pdff, affine), (right, anterior, sign * smooth), sign)
        if end is not None:
            surfaces["image"] = end
    from_rim = ndimage.distance_transform_edt(
        np.pad(np.isfinite(outline), 1), sampling=(RIGHT_STEP_MM, ANTERIOR_STEP_MM)
    )[1:-1, 1:-1]
    inner = from_rim >= RIM_MM
    found = {
        name: _deepest(without_hollow(surface, right, anterior), inner, name)
        for name, surface in surfaces.items()
    }
    drawn = found["outline"]
    seen = found.get("image", drawn)
    confirmed = CONFIRMED * drawn.depth_mm <= seen.depth_mm < drawn.depth_mm
    return drawn if confirmed else seen


def _plane(shape: Morphometry) -> tuple[Real, Real]:
    """Return the nodes, right and anterior in mm, that cover the plate."""
    half = shape.half_width_mm
    right = np.arange(-half, half + 1e-6, RIGHT_STEP_MM)
    return right, np.arange(shape.posterior_mm, shape.anterior_mm + 1e-6, ANTERIOR_STEP_MM)


def _outline(body: Body, shape: Morphometry, right: Real, anterior: Real, sign: float) -> Real:
    """Return where the label ends along each column (r, a), mm outward; NaN where there is none."""
    occupancy = Occupancy.of(body.mask, body.affine)
    reach = float(np.abs(shape.heights_mm(np.array([0.15, 0.5, 0.85]))).max()) + 10.0
    cranial = np.arange(-reach, reach, CRANIAL_STEP_MM)
    low, high = extents(occupancy.sample(shape.frame, right, anterior, cranial), cranial)
    heights = np.nan_to_num(high - low)
    solid = heights > LEAST_COLUMN * np.median(heights[heights > 0])
    return np.where(solid, high if sign > 0 else -low, np.nan)


def _image(
    marrow_pct: float, shape: Morphometry, image: tuple[Real, Real], at: tuple[Real, Real, Real], sign: float
) -> Real | None:
    """Return where the marrow ends along each column (r, a), mm outward; None where the fat does not tell."""
    right, anterior, plate = at
    if not marrow_pct - DISC_PCT >= LEAST_CONTRAST_PCT:
        return None
    outward = np.arange(INTO_DISC_MM, -INTO_BODY_MM - 1e-6, -CRANIAL_STEP_MM)
    places = (right[:, None, None], anterior[None, :, None], plate[..., None] + sign * outward)
    values = sample(*image, shape.frame, places)
    steps = SMOOTHING_MM / np.array([RIGHT_STEP_MM, ANTERIOR_STEP_MM, CRANIAL_STEP_MM]) / 2
    like = (marrow_pct - _smooth(values, steps)) / (marrow_pct - DISC_PCT)
    inside = like < DISC_LIKE
    # The first node, from the disc, from which on the column is marrow.
    reached = inside.any(axis=-1) & ~inside[..., 0]
    first = inside.argmax(axis=-1)
    before = np.take_along_axis(like, np.maximum(first - 1, 0)[..., None], -1)[..., 0]
    after = np.take_along_axis(like, first[..., None], -1)[..., 0]
    part = np.clip((before - DISC_LIKE) / np.maximum(before - after, 1e-6), 0, 1)
    end = INTO_DISC_MM - CRANIAL_STEP_MM * (first - 1 + part)
    surface = np.where(reached, sign * plate + end, np.nan)
    deep = reached & (end < -2.0)
    if deep.sum() > WIDE_SHARE * max(reached.sum(), 1) or reached.sum() < 0.5 * reached.size:
        return None
    return surface


def _smooth(values: Real, steps: Real) -> Real:
    """Return values smoothed by a Gaussian over those that are numbers."""
    known = np.isfinite(values)
    weight = ndimage.gaussian_filter(known.astype(np.float64), steps)
    total = ndimage.gaussian_filter(np.where(known, values, 0.0), steps)
    return np.where(known, total / np.maximum(weight, 1e-6), np.nan)


def _deepest(surface: Real, inner: NDArray[np.bool_], name: str) -> Defect:
    """Return the deepest pit of a surface (r, a)."""
    known = np.isfinite(surface)
    filled = closing(np.where(known, surface, -np.inf), known)
    pit = np.where(known & inner, filled - surface, 0.0)
    pit = ndimage.median_filter(pit, AVERAGED)
    pit[~inner] = 0.0
    depth = float(pit.max())
    pieces, _ = ndimage.label(pit > COUNTED_MM)
    own = pieces[np.unravel_index(int(pit.argmax()), pit.shape)]
    area = float(np.sum(pieces == own) / max(np.sum(known & inner), 1)) if own else 0.0
    return Defect(depth, area, name)


def without_hollow(surface: Real, right: Real, anterior: Real) -> Real:
    """Return a surface (r, a), mm, less its robust fit by a parabola in both directions; NaN stay."""
    known = np.isfinite(surface)
    r, a = (place[known] for place in np.meshgrid(right / 10, anterior / 10, indexing="ij"))
    design = np.column_stack([np.ones_like(r), r, a, r * r, r * a, a * a])
    result = np.full(surface.shape, np.nan)
    result[known] = surface[known] - design @ huber_fit(design, surface[known])
    return result


def closing(surface: Real, known: NDArray[np.bool_]) -> Real:
    """Return the paraboloid closing of a surface (r, a), mm outward, on the nodes that are known."""
    grown = _along(_along(surface, RIGHT_STEP_MM, 0, np.maximum), ANTERIOR_STEP_MM, 1, np.maximum)
    shrunk = _along(_along(grown, RIGHT_STEP_MM, 0, np.minimum), ANTERIOR_STEP_MM, 1, np.minimum)
    return np.where(known, shrunk, np.nan)


def _along(surface: Real, step_mm: float, axis: int, extreme: np.ufunc) -> Real:
    """Return the dilation (maximum) or erosion (minimum) by a parabola along one axis."""
    count = surface.shape[axis]
    place = np.arange(count) * step_mm
    parabola = (place[:, None] - place[None, :]) ** 2 / (2 * BALL_MM)
    lines = np.moveaxis(surface, axis, -1)
    sign = -1.0 if extreme is np.maximum else 1.0
    result = extreme.reduce(lines[..., None, :] + sign * parabola, axis=-1)
    return np.moveaxis(result, -1, axis)
