"""What the neighbours of a voxel tell of its field, and the second pass that hears them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.chunks import typical
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.refine import FieldPrior
from qmri.fit.solve.solution import Solution, solve
from qmri.fit.voxels import Voxels

Real = NDArray[np.float32]

EDGE = 3
"""Edge, in voxels, of the cube in which fields are averaged and deviations are pooled."""
ROUGH = 2.5
"""Along an axis on which the field changes this many times as much as on the smoothest one, voxels
are too far apart for neighbours to count: thick slices, or slices with gaps."""
PRIOR_FLOOR = 0.1
"""Smallest variance of the expectation, as a share of the mean variance from noise."""
OUTLIER_SHARE = 0.25
"""A field this share of the fat shift away from the neighbourhood's is looked at again."""
LIKELIHOOD_RATIO = 12.0
"""A voxel follows its neighbourhood if that makes its own data this much less likely, log scale."""
RESTART_R2STAR = 60.0


@dataclass(frozen=True)
class Neighbourhood:
    """What is expected of the field of each voxel, float32 of shape (voxels,).

    Attributes
    ----------
    expected
        Hz; the voxel's own field where it has no neighbours.
    deviation
        Field less expectation, in the field period around 0, Hz.
    variance
        Of the expectation, Hz^2; infinite where there are no neighbours.
    """

    expected: Real
    deviation: Real
    variance: Real


def neighbourhood(
    voxels: Voxels, field: Real, variance: Real, period: float, outlier: float
) -> Neighbourhood:
    """Return what the neighbourhood expects of every voxel.

    Parameters
    ----------
    voxels
        Where the voxels lie.
    field, variance
        Hz and, from noise, Hz^2, float32 of shape (voxels,).
    period
        Field period, Hz; for uneven spacing twice the range of the field or more.
    outlier
        Deviation beyond which a voxel is an outlier and tells nothing of P, Hz.
    """
    tiny = np.finfo(np.float32).tiny
    edges = _edges(voxels, field, period)
    weight = np.float32(1) / np.maximum(variance, tiny)
    weight = np.minimum(weight, np.float32(20) * np.float32(typical(weight)))
    angle = field * np.float32(2 * np.pi / period)
    pair = np.stack([weight * np.cos(angle), weight * np.sin(angle)])
    mean = np.stack([_cube_sum(voxels, part, edges) for part in pair]) - pair
    size = np.hypot(*mean)
    alone = size < 1e-3 * weight
    expected = np.where(alone, field, np.arctan2(mean[1], mean[0]) * np.float32(period / (2 * np.pi)))
    deviation = field - expected
    deviation -= np.float32(period) * np.rint(deviation / np.float32(period))
    inlier = (np.abs(deviation) < outlier) & ~alone
    pooled = weight * inlier
    number = _cube_sum(voxels, inlier.astype(np.float32), edges)
    squares = _cube_sum(voxels, pooled * deviation**2, edges)
    weights = np.maximum(_cube_sum(voxels, pooled, edges), tiny)
    spread = np.maximum(squares - number, np.float32(PRIOR_FLOOR) * number) / weights
    spread = np.where(alone | (number < 1), np.float32(np.inf), spread)
    return Neighbourhood(expected, deviation, spread)


def _edges(voxels: Voxels, field: Real, period: float) -> NDArray[np.int64]:
    """Return the edges of the cube: 1 voxel along axes on which the field is rough."""
    maps = voxels.on_box(field / np.float32(period))
    roughness = np.full(3, np.inf)
    for axis in range(3):
        inside = np.moveaxis(voxels.inside, axis, 0)
        both = inside[1:] & inside[:-1]
        if both.any():
            steps = np.diff(np.moveaxis(maps, axis, 0), axis=0)[both]
            roughness[axis] = typical(np.abs(steps - np.rint(steps)))
    rough = roughness > ROUGH * roughness.min()
    return np.where(rough, 1, EDGE)


def _cube_sum(voxels: Voxels, values: Real, edges: NDArray[np.int64]) -> Real:
    """Return the sum over the cube around each voxel."""
    maps = ndimage.uniform_filter(voxels.on_box(values), tuple(edges), mode="constant")
    return voxels.from_box(maps) * np.float32(np.prod(edges))


def with_neighbours(method: Method, voxels: Voxels, first: Solution, noise: float) -> Solution:
    """Return the solution in which each voxel has heard what its neighbours say of the field.

    Voxels whose field lies far from the neighbourhood's start again from there, and stay there if
    their residual hardly rises. Then all are solved once more with the expectation of the
    neighbourhood as a prior, which lowers the variance of PDFF and field. R2* is that of
    the first pass: at low signal the prior would bias it.
    """
    outlier = OUTLIER_SHARE * abs(method.train.fat_shift)
    period = method.train.period if method.train.even else 4 * method.train.half_range
    sigma2 = np.float32(noise)
    near = neighbourhood(voxels, first.field, sigma2 * first.field_variance, period, outlier)
    with np.errstate(divide="ignore"):
        weight = sigma2 / near.variance
    expected = first.field - near.deviation
    far = np.flatnonzero(np.abs(near.deviation) > outlier)
    own = Solution(*(value.copy() for value in vars(first).values()))
    if far.size:
        begin = Start(expected[far], np.full(far.size, RESTART_R2STAR, dtype=np.float32))
        again = solve(method, voxels.signals.part(far), begin, FieldPrior(expected[far], weight[far]))
        rise = again.residual - first.residual[far]
        follows = (rise < 2 * LIKELIHOOD_RATIO * sigma2) & (np.abs(again.field - expected[far]) < outlier)
        own.put(far[follows], again.part(np.flatnonzero(follows)))
        weight[far[~follows]] = 0
    final = solve(method, voxels.signals, Start(own.field, own.r2star), FieldPrior(expected, weight))
    return replace(final, r2star=own.r2star, r2star_variance=own.r2star_variance)
