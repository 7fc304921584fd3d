"""How many parameters a sample affords: the criteria of Riley et al.

For p parameters, outcome share f and anticipated Cox-Snell R2 (R): n = p / ((S - 1) ln(1 - R / S)) keeps

    (i)   the shrinkage S at 0.9,
    (ii)  the optimism in Nagelkerke's R2 at 0.05: S = R / (R + 0.05 max R),
    (iii) the error of the mean risk at 0.05: n = (1.96 / 0.05)^2 f (1 - f)

(Riley et al. 2019, 10.1002/sim.7992; 2020, 10.1136/bmj.m441). R follows from an anticipated AUC with a
normal linear predictor (Riley et al. 2021, 10.1002/sim.8806).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import norm

SHRINKAGE, OPTIMISM, MARGIN = 0.9, 0.05, 0.05
LEAST_EVENTS, LEAST_EVENTS_PER_PARAMETER = 50, 4


@dataclass(frozen=True)
class SampleSize:
    """What a sample affords.

    Attributes
    ----------
    n, events, parameters
        Patients with a known outcome, those with the event, coefficients without the intercept.
    anticipated_auc
        On which the criteria rest.
    needed
        Patients that the criteria ask for.
    affordable
        Parameters that the criteria allow this many patients.
    """

    n: int
    events: int
    parameters: int
    anticipated_auc: float
    needed: int
    affordable: float

    @property
    def exploratory(self) -> bool:
        """Whether the sample is smaller than the criteria ask for."""
        return self.n < self.needed

    @property
    def enough_to_fit(self) -> bool:
        """Whether anything is fitted at all: 50 of the rarer outcome, and 4 for each parameter."""
        rarer = min(self.events, self.n - self.events)
        return rarer >= max(LEAST_EVENTS, LEAST_EVENTS_PER_PARAMETER * self.parameters)


def cox_snell_r2(auc: float, share: float) -> float:
    """Return the Cox-Snell R2 of a model of that AUC where `share` have the event.

    With a linear predictor of N(0, 1) in those without and N(d, 1) in those with the event,
    d = sqrt(2) Phi^-1(AUC), the log odds are ln(f / (1 - f)) + d x - d^2 / 2 exactly.
    """
    d = math.sqrt(2) * float(norm.ppf(auc))
    x, weight = np.polynomial.hermite_e.hermegauss(80)
    weight = weight / weight.sum()
    base = math.log(share / (1 - share)) - d * d / 2
    with_event = float(weight @ np.log(expit(base + d * (x + d))))
    without = float(weight @ np.log(expit(-(base + d * x))))
    null = share * math.log(share) + (1 - share) * math.log(1 - share)
    gain = share * with_event + (1 - share) * without - null
    return 1 - math.exp(-2 * gain)


def sample_size(n: int, events: int, parameters: int, anticipated_auc: float) -> SampleSize:
    """Return what n patients with these events afford.

    Parameters
    ----------
    n, events
        Patients with a known outcome, and those with the event.
    parameters
        Coefficients without the intercept.
    anticipated_auc
        What the model is expected to reach, 0.5-1.

    Returns
    -------
    SampleSize
        Patients that the criteria ask for, and parameters that these afford.
    """
    share = min(max(events / n if n else 0.0, 1e-3), 1 - 1e-3)
    per_parameter, fixed = _needs(share, anticipated_auc)
    return SampleSize(
        n=n,
        events=events,
        parameters=parameters,
        anticipated_auc=anticipated_auc,
        needed=math.ceil(max(parameters * per_parameter, fixed)),
        affordable=n / per_parameter if n >= fixed else 0.0,
    )


def _needs(share: float, auc: float) -> tuple[float, float]:
    """Return the patients that a parameter asks for, and those that the mean risk asks for."""
    r2 = cox_snell_r2(auc, share)
    largest = 1 - (share**share * (1 - share) ** (1 - share)) ** 2

    def per_parameter(shrinkage: float) -> float:
        return 1 / ((shrinkage - 1) * math.log(1 - r2 / shrinkage))

    both = max(per_parameter(SHRINKAGE), per_parameter(r2 / (r2 + OPTIMISM * largest)))
    return both, (1.96 / MARGIN) ** 2 * share * (1 - share)
