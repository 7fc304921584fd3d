"""Heights and wedge angle of a vertebral body, finer than a voxel, from its label.

An endplate is a height field over the body's frame, fitted to where the label begins and ends in each
column of voxels. Such a crossing is known to half a voxel; the fit over a hundred or more of them, at
all phases of the grid, brings it to a fraction of that. The field is quadratic, with cubic and quartic
terms along the depth that are held small, because an endplate that broke bends like a hinge. Huber
weights keep out rims and osteophytes. The heights are read at 15, 50 and 85 % of the depth of the
body, mid-sagittal, along the bisector of the two endplates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmri.measure.bodies import Body
from qmri.segment.frames import BodyFrame, frame_along

ANTERIOR_AT, MIDDLE_AT, POSTERIOR_AT = 0.15, 0.50, 0.85
ENDPLATE_DEPTH = 0.80
ENDPLATE_WIDTH = 0.70
WALL_HEIGHT = 0.80
WALL_WIDTH = 0.60
HUBER_TUNING = 1.345
FIT_ROUNDS = 8
FRAME_ROUNDS = 2
BEND_PENALTY = np.array([0, 0, 0, 0, 0, 0, 5.0, 5.0])
RIGHT, ANTERIOR, CRANIAL = 0, 1, 2


@dataclass(frozen=True)
class Morphometry:
    """Shape of a body.

    Attributes
    ----------
    frame
        The body's frame, its cranial axis along the bisector of the endplates.
    anterior_mm, posterior_mm
        Position of the anterior and posterior wall at mid-height in the frame, mm.
    upper, lower
        (8,) coefficients of the endplates, see `height_field`.
    half_width_mm
        Half the left-right extent of the label.
    """

    frame: BodyFrame
    anterior_mm: float
    posterior_mm: float
    upper: NDArray[np.float64]
    lower: NDArray[np.float64]
    half_width_mm: float

    @property
    def depth_mm(self) -> float:
        """Antero-posterior extent at mid-height, mm."""
        return self.anterior_mm - self.posterior_mm

    def heights_mm(self, at: float | NDArray[np.float64], right_mm: float = 0.0) -> NDArray[np.float64]:
        """Return heights in mm at fractions of the depth from the anterior wall."""
        along = self.anterior_mm - np.asarray(at, dtype=np.float64) * self.depth_mm
        across = np.full_like(along, right_mm)
        return height_field(self.upper, across, along) - height_field(self.lower, across, along)

    @property
    def wedge_angle_deg(self) -> float:
        """Angle between the chords of the endplates from 15 to 85 % of the depth, + kyphotic."""
        along = self.anterior_mm - np.array([ANTERIOR_AT, POSTERIOR_AT]) * self.depth_mm
        run = along[0] - along[1]
        upper, lower = (height_field(plate, np.zeros(2), along) for plate in (self.upper, self.lower))
        slopes = np.arctan2([upper[0] - upper[1], lower[0] - lower[1]], run)
        return float(np.degrees(slopes[1] - slopes[0]))


def height_field(
    coefficients: NDArray[np.float64], right_mm: NDArray[np.float64], anterior_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the height of an endplate in mm.

    c0 + c1 a + c2 r + c3 a^2 + c4 a r + c5 r^2 + c6 a^3 + c7 a^4, a anterior and r right in cm.
    """
    return _design(right_mm, anterior_mm) @ coefficients


def measure_shape(body: Body) -> Morphometry | None:
    """Fit the endplates of a body; None where the label is too small to carry them."""
    current = body
    shape = None
    for _ in range(FRAME_ROUNDS + 1):
        shape = _fit_in_frame(current)
        if shape is None:
            return None
        current = replace(body, frame=_bisector_frame(shape))
    return shape


def _fit_in_frame(body: Body) -> Morphometry | None:
    caudal, cranial = crossings(body, CRANIAL)
    half_width = _half_width(body)
    back, front = crossings(body, ANTERIOR)
    ends = (float(np.median(caudal[:, CRANIAL])), float(np.median(cranial[:, CRANIAL])))
    anterior, posterior = _wall(front, ends, half_width, 1), _wall(back, ends, half_width, -1)
    depth = anterior - posterior
    if not depth > 0:
        return None
    plates = []
    for points in (cranial, caudal):
        inner = (np.abs(points[:, ANTERIOR] - (anterior + posterior) / 2) <= ENDPLATE_DEPTH * depth / 2) & (
            np.abs(points[:, RIGHT]) <= ENDPLATE_WIDTH * half_width
        )
        if np.count_nonzero(inner) < 12:
            return None
        plates.append(fit_height_field(points[inner]))
    return Morphometry(body.frame, anterior, posterior, plates[0], plates[1], half_width)


def _wall(points: NDArray[np.float64], ends: tuple[float, float], half_width: float, outward: int) -> float:
    """Return the position of a wall at the endplates, where the body is deepest; NaN without points.

    The wall is a parabola over height and width, because the body has a waist and is round.
    """
    middle, half_height = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    along = (points[:, CRANIAL] - middle) / max(half_height, 1.0)
    near = (np.abs(along) <= WALL_HEIGHT) & (np.abs(points[:, RIGHT]) <= WALL_WIDTH * half_width)
    if np.count_nonzero(near) < 10:
        return float("nan")

    across = points[:, RIGHT] / 10.0
    design = np.stack([np.ones_like(along), along, along**2, across, across**2], axis=-1)
    coefficients = huber_fit(design[near], points[near, ANTERIOR])
    reach = np.linspace(-WALL_WIDTH, WALL_WIDTH, 13) * half_width / 10.0
    ends_of_wall = coefficients[0] + coefficients[2]
    profile = ends_of_wall + coefficients[3] * reach + coefficients[4] * reach**2
    return float(profile.max() if outward > 0 else profile.min())


def crossings(body: Body, axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where lines of voxels enter and leave the label, along the grid axis nearest to a body axis.

    The crossing is put half a voxel beyond the last labelled centre, which is right on average.

    Returns
    -------
    tuple of arrays
        Two (n, 3) arrays of points in the body's frame, mm: at the negative and the positive end.
    """
    directions = body.affine[:3, :3] / body.voxel_size_mm
    cosines = directions.T @ body.frame.axes[axis]
    grid_axis = int(np.argmax(np.abs(cosines)))
    lines = np.moveaxis(body.mask, grid_axis, -1)
    rows = np.argwhere(lines.any(axis=-1))
    hit = lines[tuple(rows.T)]
    first = hit.argmax(axis=-1) - 0.5
    last = hit.shape[-1] - hit[:, ::-1].argmax(axis=-1) - 0.5
    ends = [body.local(np.insert(rows.astype(np.float64), grid_axis, end, axis=1)) for end in (first, last)]
    return (ends[0], ends[1]) if cosines[grid_axis] > 0 else (ends[1], ends[0])


def fit_height_field(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients (8,) of the height field through points (n, 3)."""
    return huber_fit(_design(points[:, RIGHT], points[:, ANTERIOR]), points[:, CRANIAL], BEND_PENALTY)


def huber_fit(
    design: NDArray[np.float64], values: NDArray[np.float64], penalty: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return Huber's M-estimate of the coefficients (k,) of values (n,) on a design (n, k).

    ``penalty`` (k,) times the square of each coefficient is added to the loss.

    Tuning 1.345 on the scale of 1.4826 times the median absolute residual (Huber 1964,
    10.1214/aoms/1177703732), by iteratively reweighted least squares.
    """
    weights: NDArray[np.float64] = np.ones(len(values))
    coefficients: NDArray[np.float64] = np.zeros(design.shape[1])
    for _ in range(FIT_ROUNDS):
        root = np.sqrt(weights)
        weighted, target = design * root[:, None], values * root
        normal = weighted.T @ weighted + np.diag(np.zeros(design.shape[1]) if penalty is None else penalty)
        coefficients = np.asarray(np.linalg.lstsq(normal, weighted.T @ target, rcond=1e-12)[0])
        residual = np.abs(values - design @ coefficients)
        scale = 1.4826 * np.median(residual)
        if scale < 1e-6:
            break
        weights = np.asarray(np.minimum(1.0, HUBER_TUNING * scale / np.maximum(residual, 1e-12)))
    return coefficients


def _design(right_mm: NDArray[np.float64], anterior_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    r, a = np.asarray(right_mm) / 10.0, np.asarray(anterior_mm) / 10.0
    return np.stack([np.ones_like(a), a, r, a * a, a * r, r * r, a**3, a**4], axis=-1)


def _half_width(body: Body) -> float:
    left, right = crossings(body, RIGHT)
    return float(np.percentile(right[:, RIGHT], 90) - np.percentile(left[:, RIGHT], 10)) / 2


def _bisector_frame(shape: Morphometry) -> BodyFrame:
    """Turn the frame so that the mean of the two endplates is level in both directions."""
    along = shape.anterior_mm - np.array([ANTERIOR_AT, POSTERIOR_AT]) * shape.depth_mm
    across = np.array([0.5, -0.5]) * shape.half_width_mm
    middle = (shape.upper + shape.lower) / 2
    forward = height_field(middle, np.zeros(2), along)
    sideways = height_field(middle, across, np.full(2, along.mean()))
    slope_forward = (forward[0] - forward[1]) / (along[0] - along[1])
    slope_right = (sideways[0] - sideways[1]) / (across[0] - across[1])
    axes = shape.frame.axes
    cranial = axes[CRANIAL] - slope_forward * axes[ANTERIOR] - slope_right * axes[RIGHT]
    return frame_along(shape.frame.centre_mm, cranial, shape.frame.spacing_mm)
