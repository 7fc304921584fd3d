"""Intraclass correlations of two raters whose subjects are nested in participants, with intervals that cover.

With the variances M of the mean of both raters and D of their difference, and the mean difference d,

    ICC(A,1) = (M - D/4) / (M + D/4 + d^2/2)        (1 + ICC) / (1 - ICC) = (4 M + d^2) / (D + d^2)

and the same without d^2 for ICC(C,1): the two-way models of McGraw and Wong 1996, 10.1037/1082-989X.1.1.30,
for these two raters, with the variances of a level of a new participant. For d^2 stands d^2 less its
sampling variance. Fisher's z is half the logarithm of the right side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from qmri.measure.comparison.nested import (
    FEWEST_TO_LEAVE_ONE_OUT,
    QUANTILE,
    Components,
    Interval,
    Participants,
    components,
    jackknife_error,
    mean_interval,
    variance_interval,
)

Values = NDArray[np.float64]

NEARLY_ALL = 1 - 1e-15


def correlation(middles: Participants, differences: Participants, *, shift: bool) -> float:
    """Return ICC(A,1) with ``shift``, else ICC(C,1), from mean and difference of both raters.

    NaN if nothing varies, or where the raters agree so much less than by chance that it would leave -1 to 1.
    """
    above, below = _sides(components(middles), components(differences), differences, shift=shift)
    total = float((above + below)[0])
    return float((above - below)[0]) / total if total > 0 and above[0] >= 0 else float("nan")


def correlation_interval(middles: Participants, differences: Participants, *, shift: bool) -> Interval:
    """Return the 95 % interval of `correlation`.

    NaN for one participant, where mean or difference do not vary, and where the raters agree less than by
    chance. The wider, at each end, of two intervals of Fisher's z: the one recovered from those of both sides
    of the ratio (Zou and Donner 2008, 10.1002/sim.3095), and the jackknife of participants.
    """
    spreads = variance_interval(middles), variance_interval(differences)
    if not np.all(np.isfinite(spreads)):
        return float("nan"), float("nan")
    sums, gaps = components(middles), components(differences)
    above, below = (float(side[0]) for side in _sides(sums, gaps, differences, shift=shift))
    bias = (0.0, 0.0, 0.0)
    if shift:
        low, high = mean_interval(differences)
        square = max(float(gaps.mean[0] ** 2 - gaps.between[0] / differences.count), 0.0)
        least = 0.0 if low < 0 < high else min(low**2, high**2)
        bias = (square, min(least, square), max(low**2, high**2))
    if above <= 0:
        return float("nan"), float("nan")
    z = np.log(above / below) / 2
    of_sums = _log_reach(4 * float(sums.variance[0]), spreads[0], 4, bias)
    of_gaps = _log_reach(float(gaps.variance[0]), spreads[1], 1, bias)
    low, high = z - np.hypot(of_sums[0], of_gaps[1]) / 2, z + np.hypot(of_sums[1], of_gaps[0]) / 2
    if differences.count >= FEWEST_TO_LEAVE_ONE_OUT:
        chosen = differences.leaving_one_out()
        sides = _sides(
            components(middles, chosen), components(differences, chosen), differences, chosen, shift=shift
        )
        if min(sides[0].min(), sides[1].min()) > 0:
            without = np.log(sides[0] / sides[1]) / 2
            half = stdtrit(differences.count - 1, QUANTILE) * jackknife_error(z, without)
            low, high = min(low, z - half), max(high, z + half)
    return float(np.tanh(low)), float(np.tanh(high))


def _sides(
    sums: Components,
    gaps: Components,
    differences: Participants,
    chosen: Values | None = None,
    *,
    shift: bool,
) -> tuple[Values, Values]:
    """Return 4 M + d^2 and D + d^2 of one choice of participants or several, arrays (m,)."""
    square = np.zeros_like(gaps.mean)
    if shift:
        count = np.array([differences.count]) if chosen is None else chosen.sum(axis=1)
        alone = gaps.within / differences.size.sum()
        square = gaps.mean**2 - np.where(count > 1, gaps.between / count, alone)
    return 4 * sums.variance + square, gaps.variance + square


def _log_reach(
    variance: float, interval: Interval, scale: float, bias: tuple[float, float, float]
) -> tuple[float, float]:
    """Return how far log(variance + d^2) reaches down and up; ``bias`` is d^2 and its interval."""
    total = variance + bias[0]
    down = min(np.hypot(variance - scale * interval[0], bias[0] - bias[1]), total * NEARLY_ALL)
    up = np.hypot(scale * interval[1] - variance, bias[2] - bias[0])
    return -float(np.log1p(-down / total)), float(np.log1p(up / total))
