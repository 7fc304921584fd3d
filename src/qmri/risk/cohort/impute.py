"""Gaps are filled by their mean given what is known of the patient; the outcome takes no part.

The terms are taken as jointly normal. Their mean m and covariance S are the maximum likelihood by EM
(Little and Rubin 2019, ch. 11, 10.1002/9781119482260), and a gap M given what is observed O has

    mean  m_M + S_MO S_OO^-1 (x_O - m_O),     covariance  S_MM - S_MO S_OO^-1 S_OM.

An outcome is not known when a risk is estimated, so a model that is to be used takes none (Sisk et al. 2023,
10.1177/09622802231165001).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

MOST_ROUNDS = 200
SETTLED = 1e-6
NUGGET = 1e-6
"""Added to the variances of standardised terms, so that a term that follows from others breaks nothing."""


@dataclass(frozen=True)
class NormalModel:
    """The normal distribution of the terms.

    Attributes
    ----------
    mean
        (p,).
    covariance
        (p, p).
    """

    mean: Values
    covariance: Values


@dataclass(frozen=True)
class Completed:
    """Terms without gaps.

    Attributes
    ----------
    terms
        (n, p) with every gap at its conditional mean.
    gap_covariance
        (n, p, p) conditional covariance, zero where a value is known.
    """

    terms: Values
    gap_covariance: Values


def fit_normal(Z: Values, start: NormalModel | None = None) -> NormalModel:
    """Return mean and covariance of rows with gaps by EM.

    Parameters
    ----------
    Z
        (n, p) standardised terms, NaN where missing.
    start
        Where to begin; zero mean and the covariance with gaps at 0 by default.
    """
    count, width = Z.shape
    known = np.isfinite(Z)
    if known.all():
        return NormalModel(Z.mean(axis=0), _covariance(Z, Z.mean(axis=0)) + NUGGET * np.eye(width))
    filled = np.where(known, Z, 0.0)
    model = start or NormalModel(np.zeros(width), _covariance(filled, np.zeros(width)) + np.eye(width) * 0.1)
    groups = list(_patterns(known))
    for _ in range(MOST_ROUNDS):
        completed = filled.copy()
        extra = np.zeros((width, width))
        for rows, seen in groups:
            if seen.all():
                continue
            weights, conditional = _conditional(model, seen)
            deviation = Z[np.ix_(rows, seen)] - model.mean[seen]
            completed[np.ix_(rows, ~seen)] = model.mean[~seen] + deviation @ weights.T
            extra[np.ix_(~seen, ~seen)] += len(rows) * conditional
        mean = completed.mean(axis=0)
        covariance = _covariance(completed, mean) + extra / count + NUGGET * np.eye(width)
        moved = max(np.abs(mean - model.mean).max(), np.abs(covariance - model.covariance).max())
        model = NormalModel(mean, covariance)
        if moved < SETTLED:
            break
    return model


def complete(Z: Values, model: NormalModel) -> Completed:
    """Fill the gaps of Z (n, p) by their conditional means."""
    count, width = Z.shape
    terms, spread = Z.copy(), np.zeros((count, width, width))
    for rows, seen in _patterns(np.isfinite(Z)):
        if seen.all():
            continue
        weights, conditional = _conditional(model, seen)
        deviation = Z[np.ix_(rows, seen)] - model.mean[seen]
        terms[np.ix_(rows, ~seen)] = model.mean[~seen] + deviation @ weights.T
        spread[np.ix_(rows, ~seen, ~seen)] = conditional
    return Completed(terms, spread)


def filled_means(Z: Values, model: NormalModel) -> Values:
    """Return Z (n, p) with gaps at their conditional means, without their covariances."""
    if np.isfinite(Z).all():
        return Z
    terms = Z.copy()
    for rows, seen in _patterns(np.isfinite(Z)):
        if not seen.all():
            weights, _ = _conditional(model, seen)
            deviation = Z[np.ix_(rows, seen)] - model.mean[seen]
            terms[np.ix_(rows, ~seen)] = model.mean[~seen] + deviation @ weights.T
    return terms


def _covariance(Z: Values, mean: Values) -> Values:
    deviation = Z - mean
    return deviation.T @ deviation / len(Z)


def _patterns(known: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Yield the rows of each pattern of gaps, and the pattern: True where a value is known."""
    patterns, member = np.unique(known, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        yield np.flatnonzero(member.reshape(-1) == number), pattern


def _conditional(model: NormalModel, seen: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Return the weights of what is seen, and the covariance of what is not given it."""
    across = model.covariance[np.ix_(~seen, seen)]
    weights = np.asarray(np.linalg.solve(model.covariance[np.ix_(seen, seen)], across.T).T, dtype=np.float64)
    return weights, model.covariance[np.ix_(~seen, ~seen)] - weights @ across.T
