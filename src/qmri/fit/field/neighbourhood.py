"""The second look at every voxel, with its neighbourhood in view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qmri.fit.field.prior import neighbourhood
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.refine import FieldPrior
from qmri.fit.solve.solution import Solution, solve
from qmri.fit.voxels import Voxels

Real = NDArray[np.float32]

OUTLIER_SHARE = 0.25
"""A field this share of the fat shift away from the neighbourhood's is looked at again."""
LIKELIHOOD_RATIO = 12.0
"""A voxel follows its neighbourhood if that makes its own data this much less likely, log scale."""
RESTART_R2STAR = 60.0


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
