"""Heights and wedge angle of a vertebral body, finer than a voxel, from its label.

The label is resampled into the body's own frame (`occupancy`). The frame is that of the quadrilateral that
overlaps best with the label in the mid-sagittal plane (`quadrilateral`), so that it needs no
neighbour; its cranial axis is the bisector of the endplates. Each endplate is a smooth surface through
the ends of the columns between its corners (`endplate`). The heights are read at 15, 50 and 85 % of
the depth, mid-sagittal, and held against a plain caliper on the label itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

from qmri.measure.shape.bodies import Body
from qmri.measure.shape.endplate import Endplate, fit_endplate
from qmri.measure.shape.occupancy import Occupancy, extents
from qmri.measure.shape.quadrilateral import STARTS_RAD, Quadrilateral, fit_quadrilateral
from qmri.spine.body_frame import BodyFrame, frame_along

ANTERIOR_AT, MIDDLE_AT, POSTERIOR_AT = 0.15, 0.50, 0.85
HEIGHTS_AT = np.array([ANTERIOR_AT, MIDDLE_AT, POSTERIOR_AT])
RIGHT, ANTERIOR, CRANIAL = 0, 1, 2

MARGIN_MM = 4.0
STEP_MM = np.array([2.0, 1.0, 0.75])
MIDDLE_SLAB_MM = 4.0
"""Half the width of what counts as the mid-sagittal plane."""
FRAME_ROUNDS = 4
LEVEL_RAD = 0.01
START_STEP = np.deg2rad(5.0)

ENDPLATE_MARGIN = 0.07
"""Share of the depth, inside the corners, in which a column may end at a wall or on its rounded edge."""
ENDPLATE_WIDTH = 0.40
"""Share of the half width to either side of the middle from which an endplate is taken."""
LEAST_COLUMN = 0.30
"""A column lower than this share of the usual one passes through a rim, not the body."""
LEAST_COLUMNS = 12
WALL_ROWS, WALL_WIDTH = 0.95, 0.30
"""Shares of the half height and the half width within which a wall is looked at."""
DEEPEST_PCT = 90.0
"""The depth is that of the deeper rows, because the body has a waist."""
WIDEST_PCT = 75.0

CALIPER_BAND_MM = 1.0
CALIPER_STEP_MM = 0.25
CALIPER_TOLERANCE_MM = 2.5
"""A height that differs by more from the caliper is not to be believed."""

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Morphometry:
    """Shape of a body.

    Attributes
    ----------
    frame
        The body's frame, its cranial axis along the bisector of the endplates.
    anterior_mm, posterior_mm
        Position of the anterior and posterior wall in the frame, where the body is deep, mm.
    upper, lower
        The endplates.
    half_width_mm
        Half the left-right extent of the label.
    caliper_mm
        (3,) extent of the label itself at 15, 50 and 85 % of the depth, mid-sagittal, in bands of
        2 mm; NaN where the label does not reach.
    """

    frame: BodyFrame
    anterior_mm: float
    posterior_mm: float
    upper: Endplate
    lower: Endplate
    half_width_mm: float
    caliper_mm: Real

    @property
    def depth_mm(self) -> float:
        """Antero-posterior extent, mm."""
        return self.anterior_mm - self.posterior_mm

    def along_mm(self, at: float | Real) -> Real:
        """Return anterior positions in mm at fractions of the depth from the anterior wall.

        ``at`` has any shape; so has the result.
        """
        return self.anterior_mm - np.asarray(at, dtype=np.float64) * self.depth_mm

    def heights_mm(self, at: float | Real, right_mm: float = 0.0) -> Real:
        """Return heights in mm at fractions of the depth from the anterior wall.

        ``at`` has any shape, 0 at the anterior and 1 at the posterior wall; so has the result.
        ``right_mm`` counts from the middle.
        """
        along = self.along_mm(at)
        return self.upper.height_mm(right_mm, along) - self.lower.height_mm(right_mm, along)

    @property
    def agreement(self) -> NDArray[np.bool_]:
        """(3,) whether the heights at 15, 50 and 85 % are those of a plain caliper, within 2.5 mm."""
        return np.abs(self.heights_mm(HEIGHTS_AT) - self.caliper_mm) <= CALIPER_TOLERANCE_MM

    @property
    def wedge_angle_deg(self) -> float:
        """Angle between the chords of the endplates from 15 to 85 % of the depth, + kyphotic."""
        along = self.along_mm(HEIGHTS_AT[[0, 2]])
        upper, lower = (plate.height_mm(0.0, along) for plate in (self.upper, self.lower))
        slopes = np.arctan2([upper[0] - upper[1], lower[0] - lower[1]], along[0] - along[1])
        return float(np.degrees(slopes[1] - slopes[0]))


def measure_shape(body: Body) -> Morphometry | None:
    """Return the shape of a body; None where the label is too small to have one.

    Parameters
    ----------
    body
        The cropped label, (x, y, z) bool, with its affine and its first frame.

    Returns
    -------
    Morphometry or None
        Frame, walls and endplates, mm.
    """
    occupancy = Occupancy.of(body.mask, body.affine)
    points = apply_affine(body.affine, np.argwhere(body.mask))
    frame = frame_along(points.mean(axis=0), _first_axis(body.frame), body.frame.spacing_mm)
    shape = None
    starts: tuple[float, ...] = STARTS_RAD
    for _ in range(FRAME_ROUNDS):
        reach = np.abs(frame.to_local(points)).max(axis=0) + MARGIN_MM
        grid = [np.arange(-end, end + step, step) for end, step in zip(reach, STEP_MM, strict=True)]
        sides = _sides(occupancy, frame, grid, starts)
        shape = None if sides is None else _shape(occupancy, frame, grid, sides)
        if sides is None or shape is None:
            return None
        roll = _roll(shape)
        if abs(sides.tilt) < LEVEL_RAD and abs(roll) < LEVEL_RAD:
            break
        frame, starts = _turned(frame, sides, roll), (0.0,)
    return None if shape is None else _with_caliper(shape, body)


def _first_axis(frame: BodyFrame) -> Real:
    """Return the cranial axis in steps of 5 degrees, so that a neighbour's outline changes nothing here."""
    right, anterior, cranial = frame.axes[CRANIAL]
    bend, tilt = (START_STEP * round(np.arctan2(lean, cranial) / START_STEP) for lean in (right, anterior))
    return np.array([np.tan(bend), np.tan(tilt), 1.0])


def _sides(
    occupancy: Occupancy, frame: BodyFrame, grid: list[Real], starts: tuple[float, ...]
) -> Quadrilateral | None:
    right = np.arange(-MIDDLE_SLAB_MM, MIDDLE_SLAB_MM + 0.1, STEP_MM[RIGHT])
    coarse = [axis[:: 2 if step < 1 else 1] for axis, step in zip(grid, STEP_MM, strict=True)]
    plane = occupancy.sample(frame, right, coarse[ANTERIOR], coarse[CRANIAL]).mean(axis=0)
    return fit_quadrilateral(plane, coarse[ANTERIOR], coarse[CRANIAL], starts=starts)


def _shape(
    occupancy: Occupancy, frame: BodyFrame, grid: list[Real], sides: Quadrilateral
) -> Morphometry | None:
    right, anterior, cranial = grid
    share = occupancy.sample(frame, right, anterior, cranial)
    lower, upper = extents(share, cranial)
    central = np.abs(right) <= MIDDLE_SLAB_MM + 1.0
    half_width = _half_width(share, right)
    if half_width is None:
        return None
    near = np.abs(right) <= max(WALL_WIDTH * half_width, MIDDLE_SLAB_MM + 1.0)
    front, back = _walls(share[near], right[near], anterior, cranial, sides)
    depth, middle = front - back, (front + back) / 2
    if not depth > 0:
        return None
    heights = np.nan_to_num(upper - lower)
    usual = np.median(heights[central][:, np.abs(anterior - middle) < 0.3 * depth])
    solid = heights > LEAST_COLUMN * usual
    plates = []
    for ends, (ahead, behind) in ((upper, sides.corners[:2]), (lower, sides.corners[2:])):
        inner = solid & _between_walls(
            solid, right, anterior, (float(ahead[0]), float(behind[0])), ENDPLATE_MARGIN * depth
        )
        inner &= np.abs(right)[:, None] <= max(ENDPLATE_WIDTH * half_width, STEP_MM[RIGHT])
        if np.count_nonzero(inner) < LEAST_COLUMNS:
            return None
        r, a = (place[inner] for place in np.meshgrid(right, anterior, indexing="ij"))
        plates.append(
            fit_endplate(r, a, ends[inner], middle=middle, half_depth=depth / 2, half_width=half_width)
        )
    return Morphometry(frame, front, back, plates[0], plates[1], half_width, np.full(3, np.nan))


def _half_width(share: Real, right: Real) -> float | None:
    left_end, right_end = extents(np.moveaxis(share, 0, -1), right)
    widths = (right_end - left_end)[np.isfinite(left_end)]
    return float(np.percentile(widths, WIDEST_PCT)) / 2 if widths.size else None


def _walls(
    share: Real, right: Real, anterior: Real, cranial: Real, sides: Quadrilateral
) -> tuple[float, float]:
    """Return the anterior position of front and back, mm: mid-way along the side, where it is deep."""
    back_at, front_at = extents(np.moveaxis(share, 1, -1), anterior)
    corners = sides.corners
    top, bottom = corners[:2, 1].min(), corners[2:, 1].max()
    rows = (cranial < WALL_ROWS * top) & (cranial > WALL_ROWS * bottom)
    ahead = front_at[:, rows] - (sides.front[0] + sides.front[1] * cranial[rows])
    behind = sides.back[0] + sides.back[1] * cranial[rows] - back_at[:, rows]
    front, back = float(corners[::2, 0].mean()), float(corners[1::2, 0].mean())
    return front + _farthest(ahead, right), back - _farthest(behind, right)


def _farthest(beyond: Real, right: Real) -> float:
    """Return how far a wall (r, c) goes beyond the side, mm: in its deep rows, where it stands out across.

    That a body turned about its axis stands out more on one side does not count.
    """
    known = np.isfinite(beyond).any(axis=1)
    if np.count_nonzero(known) < 3:
        return 0.0
    deep = np.nanpercentile(beyond[known], DEEPEST_PCT, axis=1)
    slope = np.polynomial.polynomial.polyfit(right[known], deep, 1)[1]
    return max(0.0, float(np.max(deep - slope * right[known])))


def _between_walls(
    solid: NDArray[np.bool_], right: Real, anterior: Real, walls: tuple[float, float], margin: float
) -> NDArray[np.bool_]:
    """Return which columns (r, a) lie between an endplate's corners, which recede to the sides."""
    back, front = extents(solid.astype(np.float64), anterior)
    central = np.abs(right) <= MIDDLE_SLAB_MM + 1.0
    recedes_front = np.minimum(front - np.nanmedian(front[central]), 0)
    recedes_back = np.maximum(back - np.nanmedian(back[central]), 0)
    return np.asarray(
        (anterior <= (walls[0] + recedes_front - margin)[:, None])
        & (anterior >= (walls[1] + recedes_back + margin)[:, None])
    )


def _roll(shape: Morphometry) -> float:
    """Return how much the mean of the endplates rises to the right, in the middle of the body."""
    across = np.array([0.5, -0.5]) * ENDPLATE_WIDTH * shape.half_width_mm
    along = shape.along_mm(MIDDLE_AT)
    rise = (shape.upper.height_mm(across, along) + shape.lower.height_mm(across, along)) / 2
    return float((rise[0] - rise[1]) / (across[0] - across[1]))


def _turned(frame: BodyFrame, sides: Quadrilateral, roll: float) -> BodyFrame:
    """Return the frame centred between the corners, its cranial axis the bisector of the endplates."""
    anterior, cranial = sides.corners.mean(axis=0)
    axes = frame.axes
    up = axes[CRANIAL] - np.tan(sides.tilt) * axes[ANTERIOR] - roll * axes[RIGHT]
    return frame_along(frame.to_world(np.array([0.0, anterior, cranial])), up, frame.spacing_mm)


def _with_caliper(shape: Morphometry, body: Body) -> Morphometry:
    """Return the shape with the extents of the label itself, neither smoothed nor fitted."""
    label = Occupancy.of(body.mask, body.affine, smooth=False)
    reach = float(np.abs(shape.heights_mm(HEIGHTS_AT)).max()) + 10.0
    cranial = np.arange(-reach, reach, CALIPER_STEP_MM)
    band = np.arange(-CALIPER_BAND_MM, CALIPER_BAND_MM + 0.1, 0.5)
    measured = []
    for at in HEIGHTS_AT:
        low, high = extents(
            label.sample(shape.frame, np.zeros(1), shape.along_mm(at) + band, cranial)[0], cranial
        )
        reached = np.isfinite(low)
        measured.append(float(high[reached].max() - low[reached].min()) if reached.any() else np.nan)
    return Morphometry(**{**vars(shape), "caliper_mm": np.array(measured)})
