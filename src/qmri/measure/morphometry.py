"""Heights and wedge angle of a vertebral body, finer than a voxel, from its label.

An endplate is a quadratic height field over the body's frame, fitted to where the label begins and
ends in each column of voxels. Such a crossing is known to half a voxel; the fit over a hundred or
more of them, at all phases of the grid, brings it to a tenth. Huber weights keep out rims and
osteophytes. The heights are read at 15, 50 and 85 % of the depth of the body, mid-sagittal, along
the bisector of the two endplates.
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
WALL_HEIGHT = 0.50
WALL_WIDTH = 0.50
HUBER_TUNING = 1.345
FIT_ROUNDS = 8
FRAME_ROUNDS = 2
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
        (6,) coefficients of the endplates, see `height_field`.
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
    """Return c0 + c1 a + c2 r + c3 a^2 + c4 a r + c5 r^2 in mm, a anterior and r right in cm."""
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
    tall = float(np.ptp(np.concatenate([caudal, cranial])[:, CRANIAL]))
    middle = float(np.median(np.concatenate([caudal, cranial])[:, CRANIAL]))

    def wall(points: NDArray[np.float64]) -> float:
        near = (np.abs(points[:, CRANIAL] - middle) <= WALL_HEIGHT * tall / 2) & (
            np.abs(points[:, RIGHT]) <= WALL_WIDTH * half_width
        )
        return float(np.median(points[near, ANTERIOR])) if near.any() else float("nan")

    anterior, posterior = wall(front), wall(back)
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
    """Fit a quadratic height field to points (n, 3) by Huber's M-estimator; (6,) coefficients."""
    design = _design(points[:, RIGHT], points[:, ANTERIOR])
    weights: NDArray[np.float64] = np.ones(len(points))
    coefficients: NDArray[np.float64] = np.zeros(design.shape[1])
    for _ in range(FIT_ROUNDS):
        root = np.sqrt(weights)
        solution = np.linalg.lstsq(design * root[:, None], points[:, CRANIAL] * root, rcond=1e-9)
        coefficients = np.asarray(solution[0])
        residual = np.abs(points[:, CRANIAL] - design @ coefficients)
        scale = 1.4826 * np.median(residual)
        if scale < 1e-6:
            break
        weights = np.asarray(np.minimum(1.0, HUBER_TUNING * scale / np.maximum(residual, 1e-12)))
    return coefficients


def _design(right_mm: NDArray[np.float64], anterior_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    r, a = np.asarray(right_mm) / 10.0, np.asarray(anterior_mm) / 10.0
    return np.stack([np.ones_like(a), a, r, a * a, a * r, r * r], axis=-1)


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
