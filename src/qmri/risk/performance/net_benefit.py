"""Net benefit: true positives minus false ones at the exchange rate that a threshold of risk implies.

    NB(t) = TP/n - FP/n * t / (1 - t)         (Vickers and Elkin 2006, 10.1177/0272989X06295361)

A model is of use at t where its net benefit is above that of treating nobody (0) and of treating everybody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def net_benefit(risk: Values, y: Values, thresholds: Values) -> Values:
    """Return the net benefit of acting at risks of at least each threshold, (k,)."""
    acted = risk[:, None] >= thresholds
    events = y[:, None] > 0.5
    odds = thresholds / (1 - thresholds)
    return np.asarray((acted & events).mean(axis=0) - (acted & ~events).mean(axis=0) * odds)


def net_benefit_of_all(y: Values, thresholds: Values) -> Values:
    """Return the net benefit of acting on everybody, (k,)."""
    rate = float(y.mean())
    return rate - (1 - rate) * thresholds / (1 - thresholds)


def advantage(benefit: Values, y: Values, thresholds: Values) -> Values:
    """Return how far a net benefit (k,) lies above the better of treating everybody and nobody."""
    return benefit - np.maximum(net_benefit_of_all(y, thresholds), 0.0)


def net_benefit_change_error(risk: Values, before: Values, y: Values, thresholds: Values) -> float:
    """Return the standard error of the change of net benefit between two scores, mean over thresholds.

    Outcomes and both scores (n,), thresholds (t,).

    Each patient adds (acted - acted before) (y - (1 - y) t / (1 - t)) / n.
    """
    changed = (risk[:, None] >= thresholds).astype(float) - (before[:, None] >= thresholds)
    worth = y[:, None] - (1 - y[:, None]) * thresholds / (1 - thresholds)
    return float(np.std((changed * worth).mean(axis=1), ddof=1) / np.sqrt(len(y)))
