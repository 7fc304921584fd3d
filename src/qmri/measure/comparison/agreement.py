"""Agreement of two sets of measurements of the same vertebrae: readers, scanners, methods, repeats.

Bland and Altman 1999, 10.1177/096228029900800204; intraclass correlations as in McGraw and Wong 1996,
10.1037/1082-989X.1.1.30. Levels of one participant are not independent, so the confidence intervals
come from drawing participants, not levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LIMIT = 1.96
REPEATABILITY = 1.96 * np.sqrt(2.0)


@dataclass(frozen=True)
class Agreement:
    """How two measurements agree, B against A, in the unit of the quantity.

    Attributes
    ----------
    n, n_participants
        Number of pairs and of participants.
    mean_a, mean_b
        Means of both.
    bias, bias_low, bias_high
        Mean of B - A with its 95 % confidence interval.
    sd
        Standard deviation of the differences.
    lower, upper
        Limits of agreement, bias -+ 1.96 sd.
    icc_agreement, icc_consistency
        ICC(A,1), which a bias lowers, and ICC(C,1), which it does not.
    repeatability
        Repeatability coefficient 1.96 sqrt(2) times the within-subject standard deviation.
    slope
        Slope of the difference over the mean: whether the bias depends on the value.
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


def agree(
    first: Values, second: Values, participants: NDArray[np.int64], *, samples: int = 2000, seed: int = 0
) -> Agreement:
    """Return the agreement of paired values (n,) of one unit, n >= 3, of ``participants`` (n,).

    Raises
    ------
    ValueError
        For fewer than three pairs.
    """
    if len(first) < 3:
        raise ValueError("agreement needs three pairs or more")
    difference = second - first
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    low, high = bias_interval(difference, participants, samples=samples, seed=seed)
    agreement, consistency = intraclass_correlations(np.stack([first, second], axis=1))
    middle = (first + second) / 2
    spread = float(np.var(middle))
    return Agreement(
        n=len(first),
        n_participants=len(np.unique(participants)),
        mean_a=float(first.mean()),
        mean_b=float(second.mean()),
        bias=bias,
        bias_low=low,
        bias_high=high,
        sd=sd,
        lower=bias - LIMIT * sd,
        upper=bias + LIMIT * sd,
        icc_agreement=agreement,
        icc_consistency=consistency,
        repeatability=float(REPEATABILITY * np.sqrt(np.mean(difference**2) / 2)),
        slope=float(np.mean((middle - middle.mean()) * difference) / spread) if spread > 0 else float("nan"),
    )


def intraclass_correlations(ratings: Values) -> tuple[float, float]:
    """Return ICC(A,1) and ICC(C,1) of ratings (subject, rater), two-way model, single rater.

    With the mean squares of rows R, columns C and error E, and k raters of n subjects:
    ICC(A,1) = (R - E) / (R + (k - 1) E + k (C - E) / n), ICC(C,1) = (R - E) / (R + (k - 1) E).
    NaN where nothing varies.
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


def bias_interval(
    difference: Values, participants: NDArray[np.int64], *, samples: int, seed: int
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of differences (n,) when participants are drawn anew.

    NaN for a single participant. ``participants`` (n,) says whose each is; the interval is in their unit.
    """
    _, owner = np.unique(participants, return_inverse=True)
    count = int(owner.max()) + 1
    if count < 2:
        return float("nan"), float("nan")
    sums, sizes = np.bincount(owner, difference), np.bincount(owner)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=samples)
    means = (draws @ sums) / (draws @ sizes)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
