"""The whole procedure from raw terms to risks, as one function: what is resampled is all of it.

Scale, imputation and penalty are all learnt from the patients given, and from no outcome but theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from qmri.risk.cohort.impute import Completed, NormalModel, complete, filled_means, fit_normal
from qmri.risk.regression.logistic import LogisticFit, with_intercept
from qmri.risk.regression.ridge import fit_ridge

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each term over its known values.

    Attributes
    ----------
    mean, sd
        (p,); the sd of a term that does not vary is 1, and its coefficient 0.
    """

    mean: Values
    sd: Values

    @staticmethod
    def of(terms: Values) -> Scale:
        """Return the scale of terms (n, p), NaN where missing."""
        known = np.isfinite(terms)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, terms, 0.0).sum(axis=0) / count
        deviation = np.where(known, terms - mean, 0.0)
        sd = np.sqrt((deviation**2).sum(axis=0) / count)
        return Scale(mean, np.where(sd > 1e-12 * np.maximum(np.abs(mean), 1.0), sd, 1.0))

    def standardise(self, terms: Values) -> Values:
        """Return terms in standard deviations from their mean; (n, p)."""
        return (terms - self.mean) / self.sd


@dataclass(frozen=True)
class Fitted:
    """What one run of the procedure learnt.

    Attributes
    ----------
    scale
        Of the terms.
    normal
        Distribution of the standardised terms, by which gaps are filled.
    logistic
        Penalised fit on the standardised terms.
    """

    scale: Scale
    normal: NormalModel
    logistic: LogisticFit

    def complete(self, terms: Values) -> Completed:
        """Return standardised terms (n, p) with gaps filled, and the covariance of the gaps."""
        return complete(self.scale.standardise(terms), self.normal)

    def risk(self, terms: Values) -> Values:
        """Return the risks (n,), 0-1, of patients with raw terms (n, p), NaN where missing."""
        Z = filled_means(self.scale.standardise(terms), self.normal)
        return np.asarray(expit(with_intercept(Z) @ self.logistic.coefficients))


def fit_procedure(terms: Values, y: Values, like: NormalModel | None = None) -> Fitted:
    """Run the procedure.

    Parameters
    ----------
    terms
        (n, p) in natural units, NaN where missing.
    y
        (n,) outcomes, 0 or 1.
    like
        A distribution from which EM may begin; it changes the time taken, not where EM ends.

    Returns
    -------
    Fitted
        Scale, distribution of the terms and penalised logistic model.
    """
    scale = Scale.of(terms)
    Z = scale.standardise(terms)
    normal = fit_normal(Z, like)
    return Fitted(scale, normal, fit_ridge(filled_means(Z, normal), y))
