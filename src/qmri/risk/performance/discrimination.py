"""The area under the ROC curve: the chance that of two patients the one with the event has the higher risk.

Variance and covariance after DeLong et al. 1988 (10.2307/2531595) by midranks (Sun and Xu 2014,
10.1109/LSP.2014.2337313); intervals on the logit scale, which keeps them within 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

Values = NDArray[np.float64]

LEAST, MOST = 1e-6, 1 - 1e-6
Z95 = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float


def auc(score: Values, y: Values) -> float:
    """Return the AUC of scores (n,) for outcomes y (n,); ties count half."""
    events = y > 0.5
    m = int(events.sum())
    n = len(y) - m
    if m == 0 or n == 0:
        return float("nan")
    return float((rankdata(score)[events].sum() - m * (m + 1) / 2) / (m * n))


def auc_covariance(scores: Values, y: Values) -> tuple[Values, Values]:
    """Return the AUCs of k scores (k, n) for outcomes y (n,), and their DeLong covariance (k, k)."""
    events = y > 0.5
    m, n = int(events.sum()), int((~events).sum())
    ranks = np.array([rankdata(row) for row in scores])
    own_events = np.array([rankdata(row[events]) for row in scores])
    own_others = np.array([rankdata(row[~events]) for row in scores])
    per_event = (ranks[:, events] - own_events) / n
    per_other = 1 - (ranks[:, ~events] - own_others) / m
    covariance = np.atleast_2d(np.cov(per_event)) / m + np.atleast_2d(np.cov(per_other)) / n
    return per_event.mean(axis=1), covariance


def auc_interval(score: Values, y: Values, *, about: float | None = None, level: float = 0.95) -> Estimate:
    """Return the AUC with its interval, laid about another value where one is given.

    Parameters
    ----------
    score, y
        (n,) risks and outcomes.
    about
        Centre of the interval: the AUC corrected for optimism, say.
    level
        Of the interval.
    """
    values, covariance = auc_covariance(score[None], y)
    value = float(np.clip(values[0] if about is None else about, LEAST, MOST))
    error = np.sqrt(covariance[0, 0]) / (value * (1 - value))
    half = norm.ppf(0.5 + level / 2) * error
    return Estimate(value, float(expit(logit(value) - half)), float(expit(logit(value) + half)))
