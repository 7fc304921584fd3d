"""What raises and what lowers a patient's risk: b_j (x_j - mean_j) on the logit scale, in words.

The parts and the log odds at the mean of all terms add up to the patient's log odds. They say what the
model counts, not what causes a fracture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.report.risk.phrases import mean_words, term_words, value_words
from qmri.risk.cohort.impute import complete
from qmri.risk.frozen_model import RiskModel

Values = NDArray[np.float64]

NOTHING = 0.005
"""A part of the log odds below this neither raises nor lowers: the odds change by half a percent."""


@dataclass(frozen=True)
class Contribution:
    """The part of a term.

    Attributes
    ----------
    name, value, mean
        In words.
    logit
        Part of the log odds.
    odds
        Factor of the odds.
    filled
        Whether the value was missing, and is its mean given the others.
    outside
        Whether it lies outside the range of the patients that the model was made from.
    """

    name: str
    value: str
    mean: str
    logit: float
    filled: bool
    outside: bool

    @property
    def odds(self) -> float:
        """Factor of the odds."""
        return float(np.exp(self.logit))

    @property
    def verdict(self) -> str:
        """Whether it raises or lowers."""
        if abs(self.logit) < NOTHING:
            return "neither"
        return "raises" if self.logit > 0 else "lowers"


def log_odds_at_mean(model: RiskModel) -> float:
    """Return the log odds of a patient at the mean of all terms."""
    return float(model.coefficients[0] + model.coefficients[1:] @ model.scale.mean)


def contributions(model: RiskModel, values: Values) -> list[list[Contribution]]:
    """Return the parts of each patient's log odds, the largest first.

    Parameters
    ----------
    model
        The model.
    values
        (n, p) terms, NaN where missing.
    """
    completed = complete(values, model.normal).terms
    parts = (completed - model.scale.mean) * model.coefficients[1:]
    outside, missing = model.outside(values), ~np.isfinite(values)
    found = []
    for i in range(len(values)):
        order = np.argsort(-np.abs(parts[i]), kind="stable")
        found.append(
            [
                Contribution(
                    term_words(model.terms[j]),
                    value_words(model.terms[j], float(completed[i, j])),
                    mean_words(model.terms[j], float(model.scale.mean[j])),
                    float(parts[i, j]),
                    bool(missing[i, j]),
                    bool(outside[i, j]),
                )
                for j in order
            ]
        )
    return found
