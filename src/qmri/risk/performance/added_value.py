"""What imaging adds to clinical terms: nested likelihood ratio, change of AUC, change of net benefit.

The likelihood ratio of the two unpenalised models is the test (Vickers et al. 2011, 10.1186/1471-2288-11-13);
the net reclassification index is not reported, for it rises with useless markers (Pepe et al. 2015,
10.1007/s12561-014-9118-0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from qmri.risk.performance.discrimination import Estimate, auc_covariance
from qmri.risk.regression.logistic import fit_logistic, with_intercept

Values = NDArray[np.float64]


@dataclass(frozen=True)
class LikelihoodRatio:
    """Test of nested models.

    Attributes
    ----------
    statistic
        Twice the gain of log-likelihood.
    degrees
        Terms by which the models differ.
    p
        Chance of at least this where the terms tell nothing.
    """

    statistic: float
    degrees: int
    p: float


def likelihood_ratio(Z: Values, y: Values, kept: NDArray[np.intp]) -> LikelihoodRatio:
    """Test all terms Z (n, p) against those in the columns `kept`, without a penalty."""
    full = fit_logistic(with_intercept(Z), y).log_likelihood
    small = fit_logistic(with_intercept(Z[:, kept]), y).log_likelihood
    statistic, degrees = max(2 * (full - small), 0.0), Z.shape[1] - len(kept)
    return LikelihoodRatio(statistic, degrees, float(chi2.sf(statistic, degrees)) if degrees else 1.0)


def auc_change(risk: Values, before: Values, y: Values, *, about: float, level: float = 0.95) -> Estimate:
    """Return the change of AUC laid about a corrected value, with its paired DeLong interval.

    Outcomes and both scores (n,).
    """
    _, covariance = auc_covariance(np.array([risk, before]), y)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    half = float(norm.ppf(0.5 + level / 2) * np.sqrt(max(variance, 0.0)))
    return Estimate(about, about - half, about + half)
