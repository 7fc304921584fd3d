"""Agreement of two sets of measurements of the same vertebrae: readers, scanners, methods, repeats.

Bland and Altman 1999, 10.1177/096228029900800204; with several levels of each participant as in Bland and
Altman 2007, 10.1080/10543400701329422, and Zou 2013, 10.1177/0962280211402548; intraclass correlations as in
McGraw and Wong 1996, 10.1037/1082-989X.1.1.30. The components and their intervals are in `nested`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.measure.comparison.intraclass import correlation, correlation_interval
from qmri.measure.comparison.nested import (
    FEWEST_TO_LEAVE_ONE_OUT,
    Interval,
    Participants,
    components,
    mean_interval,
    variance_interval,
)

Values = NDArray[np.float64]

LIMIT = 1.96
REPEATABILITY = 1.96 * np.sqrt(2.0)
ROUNDING = 1e-9
"""Differences that vary less than this share of the largest value do not vary."""
NO_INTERVAL: Interval = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Agreement:
    """How two measurements agree, B against A, in the unit of the quantity.

    Every participant weighs the same. Intervals are of 95 % and NaN where none can cover: for a single
    participant, and where the differences do not vary.

    Attributes
    ----------
    n, n_participants
        Number of pairs and of participants.
    mean_a, mean_b
        Means of both.
    bias, bias_low, bias_high
        Mean of B - A with its interval.
    sd
        Standard deviation of the difference of a level of a new participant, between and inside participants.
    lower, upper
        Limits of agreement, bias -+ 1.96 sd.
    icc_agreement, icc_consistency
        ICC(A,1), which a bias lowers, and ICC(C,1), which it does not, of these two raters.
    repeatability
        Repeatability coefficient 1.96 sqrt(2) times the within-subject standard deviation.
    slope
        Slope of the difference over the mean: whether the bias depends on the value.
    lower_low, lower_high, upper_low, upper_high
        Intervals of both limits.
    icc_agreement_low, icc_agreement_high, icc_consistency_low, icc_consistency_high
        Intervals of both correlations.
    """

    n: int
    n_participants: int
    mean_a: float
    mean_b: float
    bias: float
    bias_low: float
    bias_high: float
    sd: float
    lower: float
    upper: float
    icc_agreement: float
    icc_consistency: float
    repeatability: float
    slope: float
    lower_low: float
    lower_high: float
    upper_low: float
    upper_high: float
    icc_agreement_low: float
    icc_agreement_high: float
    icc_consistency_low: float
    icc_consistency_high: float


def agree(first: Values, second: Values, participants: NDArray[np.int64]) -> Agreement:
    """Return the agreement of paired values (n,) of one unit, n >= 3, of ``participants`` (n,).

    Raises
    ------
    ValueError
        For fewer than three pairs.
    """
    if len(first) < 3:
        raise ValueError("agreement needs three pairs or more")
    difference, middle = second - first, (first + second) / 2
    if np.ptp(difference) <= ROUNDING * np.abs(middle).max():
        difference = np.full(len(difference), difference.mean())
    differences, middles = Participants.of(difference, participants), Participants.of(middle, participants)
    whole, centre = components(differences), components(middles)
    bias, sd = float(whole.mean[0]), float(np.sqrt(whole.variance[0]))
    low, high = mean_interval(differences) if sd > 0 else NO_INTERVAL
    (lower_low, lower_high), (upper_low, upper_high) = limit_intervals(differences)
    agreement = correlation_interval(middles, differences, shift=True)
    consistency = correlation_interval(middles, differences, shift=False)
    spread = float(np.var(middle))
    return Agreement(
        n=len(first),
        n_participants=differences.count,
        mean_a=float(centre.mean[0]) - bias / 2,
        mean_b=float(centre.mean[0]) + bias / 2,
        bias=bias,
        bias_low=low,
        bias_high=high,
        sd=sd,
        lower=bias - LIMIT * sd,
        upper=bias + LIMIT * sd,
        icc_agreement=correlation(middles, differences, shift=True),
        icc_consistency=correlation(middles, differences, shift=False),
        repeatability=float(REPEATABILITY * np.sqrt(np.mean(difference**2) / 2)),
        slope=float(np.mean((middle - middle.mean()) * difference) / spread) if spread > 0 else float("nan"),
        lower_low=lower_low,
        lower_high=lower_high,
        upper_low=upper_low,
        upper_high=upper_high,
        icc_agreement_low=agreement[0],
        icc_agreement_high=agreement[1],
        icc_consistency_low=consistency[0],
        icc_consistency_high=consistency[1],
    )


def limit_intervals(differences: Participants) -> tuple[Interval, Interval]:
    """Return the 95 % intervals of the lower and the upper limit of agreement, mean -+ 1.96 sd.

    From those of the mean m and of the standard deviation s, recovered as in Zou 2013: the upper end of the
    upper limit lies sqrt(e^2 + f^2 + 2 r e f) above it with e = m_high - m, f = 1.96 (s_high - s). Skewed
    differences tie m and s together: r is their correlation by the jackknife of participants where that
    widens the interval, else 0.
    """
    whole = components(differences)
    bias, sd = float(whole.mean[0]), float(np.sqrt(whole.variance[0]))
    (low, high), spread = mean_interval(differences), np.sqrt(variance_interval(differences))
    below, above = LIMIT * (sd - spread[0]), LIMIT * (spread[1] - sd)
    tie = 0.0
    if differences.count >= FEWEST_TO_LEAVE_ONE_OUT and sd > 0:
        without = components(differences, differences.leaving_one_out())
        if np.ptp(without.mean) > 0 and np.ptp(without.variance) > 0:
            tie = float(np.corrcoef(without.mean, np.sqrt(without.variance))[0, 1])

    def reach(of_mean: float, of_spread: float, sign: int) -> float:
        together = 2 * max(sign * tie, 0) * of_mean * of_spread
        return float(np.sqrt(of_mean**2 + of_spread**2 + together))

    lower, upper = bias - LIMIT * sd, bias + LIMIT * sd
    return (
        (lower - reach(bias - low, above, -1), lower + reach(high - bias, below, -1)),
        (upper - reach(bias - low, below, +1), upper + reach(high - bias, above, +1)),
    )


def intraclass_correlations(ratings: Values) -> tuple[float, float]:
    """Return ICC(A,1) and ICC(C,1) of ratings (subject, rater), two-way model, single rater.

    With the mean squares of rows R, columns C and error E, and k raters of n subjects:
    ICC(A,1) = (R - E) / (R + (k - 1) E + k (C - E) / n), ICC(C,1) = (R - E) / (R + (k - 1) E).
    NaN where nothing varies. The subjects are independent; `agree` has those of nested levels.
    """
    n, k = ratings.shape
    grand = ratings.mean()
    rows = k * np.sum((ratings.mean(axis=1) - grand) ** 2) / (n - 1)
    columns = n * np.sum((ratings.mean(axis=0) - grand) ** 2) / (k - 1)
    residual = ratings - ratings.mean(axis=1, keepdims=True) - ratings.mean(axis=0) + grand
    error = np.sum(residual**2) / ((n - 1) * (k - 1))
    agreement = rows + (k - 1) * error + k * (columns - error) / n
    consistency = rows + (k - 1) * error
    if not (agreement > 0 and consistency > 0):
        return float("nan"), float("nan")
    return float((rows - error) / agreement), float((rows - error) / consistency)
