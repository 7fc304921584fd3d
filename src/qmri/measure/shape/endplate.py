"""An endplate as a smooth surface through where columns of the label end.

The height is a cubic spline along the depth and a parabola across, ::

    h(u, v) = sum_k b_k B_k(u) + c1 v + c2 v^2 + c3 u v

with u from -1 at the posterior to 1 at the anterior wall and v from -1 to 1 across. Second
differences of b are penalised (P-splines, Eilers & Marx 1996, 10.1214/ss/1038425655), so that a broken
endplate is followed and its end, beyond the last column, goes on in a straight line. Huber weights keep
out rims and osteophytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline

INTERVALS, DEGREE = 5, 3
SPLINES = INTERVALS + DEGREE
KNOTS = np.concatenate([np.full(DEGREE, -1.0), np.linspace(-1.0, 1.0, INTERVALS + 1), np.full(DEGREE, 1.0)])
ACROSS = 3
BEND_PENALTY = 0.01
"""Times the columns for each spline: second differences of the height between neighbouring splines."""
SIDE_PENALTY = 1e-3
HUBER_TUNING = 1.345
FIT_ROUNDS = 8

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Endplate:
    """The surface of an endplate in the body's frame.

    Attributes
    ----------
    coefficients
        mm, (SPLINES + 3,): of the splines along the depth, then of v, v^2 and u v.
    middle_mm, half_depth_mm, half_width_mm
        Anterior position of the body's middle and the scales of u and v.
    """

    coefficients: Real
    middle_mm: float
    half_depth_mm: float
    half_width_mm: float

    def height_mm(self, right_mm: ArrayLike, anterior_mm: ArrayLike) -> Real:
        """Return the cranial position in mm; beyond the body it is that of the nearest point.

        Both positions, in mm, broadcast against each other.
        """
        right, anterior = np.broadcast_arrays(right_mm, anterior_mm)
        u, v = _on_plate((anterior - self.middle_mm) / self.half_depth_mm, right / self.half_width_mm)
        side, squared, twist = self.coefficients[SPLINES:]
        return np.asarray(self._along(u) + side * v + squared * v * v + twist * u * v)

    @cached_property
    def _along(self) -> BSpline:
        return BSpline(KNOTS, self.coefficients[:SPLINES], DEGREE)


def fit_endplate(
    right_mm: Real,
    anterior_mm: Real,
    cranial_mm: Real,
    *,
    middle: float,
    half_depth: float,
    half_width: float,
) -> Endplate:
    """Return the surface through the ends of columns, three arrays (n,) in mm."""
    penalty = np.zeros((SPLINES + ACROSS, SPLINES + ACROSS))
    bend = np.diff(np.eye(SPLINES), 2, axis=0)
    columns = len(cranial_mm)
    penalty[:SPLINES, :SPLINES] = BEND_PENALTY * columns / SPLINES * bend.T @ bend
    penalty[SPLINES:, SPLINES:] = SIDE_PENALTY * columns * np.eye(ACROSS)
    design = _design((anterior_mm - middle) / half_depth, right_mm / half_width)
    return Endplate(huber_fit(design, cranial_mm, penalty), middle, half_depth, half_width)


def huber_fit(design: Real, values: Real, penalty: Real | None = None) -> Real:
    """Return Huber's M-estimate of the coefficients (k,) of values (n,) on a design (n, k).

    The quadratic form ``penalty`` (k, k) of the coefficients is added to the loss.

    Tuning 1.345 on the scale of 1.4826 times the median absolute residual (Huber 1964,
    10.1214/aoms/1177703732), by iteratively reweighted least squares.
    """
    weights: Real = np.ones(len(values))
    coefficients: Real = np.zeros(design.shape[1])
    for _ in range(FIT_ROUNDS):
        weighted = design * weights[:, None]
        normal = weighted.T @ design + (0.0 if penalty is None else penalty)
        coefficients = np.asarray(np.linalg.lstsq(normal, weighted.T @ values, rcond=1e-12)[0])
        residual = np.abs(values - design @ coefficients)
        scale = 1.4826 * np.median(residual)
        if scale < 1e-6:
            break
        weights = np.asarray(np.minimum(1.0, HUBER_TUNING * scale / np.maximum(residual, 1e-12)))
    return coefficients


def _on_plate(u: Real, v: Real) -> tuple[Real, Real]:
    return np.clip(u, -1.0, 1.0), np.clip(v, -1.0, 1.0)


def _design(u: Real, v: Real) -> Real:
    u, v = _on_plate(u, v)
    along = BSpline.design_matrix(u, KNOTS, DEGREE).toarray()
    return np.column_stack([along, v, v * v, u * v])
