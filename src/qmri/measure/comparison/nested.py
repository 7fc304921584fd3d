"""Mean and variance of values of levels nested in participants, with intervals that cover.

Levels of one participant resemble each other, so that a participant, not a level, is the unit that
was drawn. Every participant weighs the same. With the mean y_i of the n_i values of participant i,

    mean      average of y_i
    between   variance of y_i, expected b + w average(1 / n_i)
    within    pooled variance inside participants, expected w
    variance  between + (1 - average(1 / n_i)) within, expected b + w: that of a value of a new participant

(unweighted mean squares of Thomas and Hultquist 1978, 10.1214/aos/1176344202). The mean has the t interval
of participants' means, which covers whatever their variances are (Ibragimov and Müller 2010,
10.1198/jbes.2009.08046). The variance has two intervals, and the wider counts at each end: the modified
large-sample interval of Graybill and Wang 1980 (10.1080/01621459.1980.10477565), right for normal values from
two participants on, and the jackknife of participants, right for any distribution of many participants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, stdtrit

Values = NDArray[np.float64]
Interval = tuple[float, float]

QUANTILE = 0.975
FEWEST_TO_LEAVE_ONE_OUT = 3
LARGEST_LOGARITHM = 300.0


@dataclass(frozen=True)
class Participants:
    """Number, mean and sum of squares about the mean of the values of each participant, arrays (k,)."""

    size: Values
    mean: Values
    squares: Values

    @classmethod
    def of(cls, values: Values, participants: NDArray[np.int64]) -> Participants:
        """Sum up values (n,), of any one unit, of ``participants`` (n,)."""
        _, owner = np.unique(participants, return_inverse=True)
        size = np.bincount(owner).astype(np.float64)
        mean = np.asarray(np.bincount(owner, values) / size)
        squares = np.asarray(np.bincount(owner, (values - mean[owner]) ** 2), np.float64)
        return cls(size, mean, squares)

    @property
    def count(self) -> int:
        """Number of participants."""
        return len(self.size)

    def leaving_one_out(self) -> Values:
        """Return who is left when each is left out in turn, (k, k) of 0 and 1."""
        return 1.0 - np.eye(self.count)


@dataclass(frozen=True)
class Components:
    """Mean and mean squares of one choice of participants, or of several, arrays (m,)."""

    mean: Values
    between: Values
    within: Values
    share: Values

    @property
    def variance(self) -> Values:
        """Variance of a value of a new participant (m,), in the squared unit of the values."""
        return np.asarray(self.between + self.share * self.within)


def components(data: Participants, chosen: Values | None = None) -> Components:
    """Return the components of the participants ``chosen`` (m, k) of 0 and 1; of all where none are.

    Of a single participant nothing is known between participants: the variance is that inside.
    """
    chosen = np.ones((1, data.count)) if chosen is None else chosen
    count = chosen.sum(axis=1)
    origin = data.mean.mean()
    off = data.mean - origin
    mean = chosen @ off / count
    between = np.maximum(chosen @ off**2 - count * mean**2, 0) / np.maximum(count - 1, 1)
    spare = chosen @ data.size - count
    within = chosen @ data.squares / np.maximum(spare, 1)
    share = 1 - chosen @ (1 / data.size) / count
    return Components(mean + origin, between, within, np.where(count > 1, share, 1.0))


def jackknife_error(whole: float, without: Values) -> float:
    """Return the standard error of an estimate, in its unit, from those ``without`` each participant (k,)."""
    pseudo = len(without) * whole - (len(without) - 1) * without
    return float(pseudo.std(ddof=1) / np.sqrt(len(without)))


def mean_interval(data: Participants) -> Interval:
    """Return the 95 % interval of the mean; NaN for a single participant."""
    if data.count < 2:
        return float("nan"), float("nan")
    error = data.mean.std(ddof=1) / np.sqrt(data.count)
    half = float(stdtrit(data.count - 1, QUANTILE) * error)
    middle = float(data.mean.mean())
    return middle - half, middle + half


def variance_interval(data: Participants) -> Interval:
    """Return the 95 % interval of the variance; NaN for one participant or where nothing varies."""
    whole = components(data)
    variance = float(whole.variance[0])
    if data.count < 2 or variance == 0:
        return float("nan"), float("nan")
    low, high = _large_sample(data, whole)
    if data.count >= FEWEST_TO_LEAVE_ONE_OUT:
        without = components(data, data.leaving_one_out()).variance
        if without.min() > 0:
            error = jackknife_error(np.log(variance), np.log(without))
            factor = float(np.exp(min(stdtrit(data.count - 1, QUANTILE) * error, LARGEST_LOGARITHM)))
            low, high = min(low, variance / factor), max(high, variance * factor)
    return low, high


def _large_sample(data: Participants, whole: Components) -> Interval:
    """Return V - sqrt(sum (G_l c_l S_l)^2) and V + sqrt(sum (H_l c_l S_l)^2) over the mean squares S_l."""
    degrees = np.array([data.count - 1, data.size.sum() - data.count])
    parts = np.array([whole.between[0], whole.share[0] * whole.within[0]])[degrees > 0]
    degrees = degrees[degrees > 0]
    below = 1 - degrees / chdtri(degrees, 1 - QUANTILE)
    above = degrees / chdtri(degrees, QUANTILE) - 1
    total = parts.sum()
    return float(total - np.hypot.reduce(below * parts)), float(total + np.hypot.reduce(above * parts))
