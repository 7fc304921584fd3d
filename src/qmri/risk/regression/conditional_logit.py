"""The risk of each level: a conditional share of the patient's risk, so that both agree exactly.

Given that a patient has an event, level l of those at risk has it with the chance

    w_l = exp(c' z_l) / sum_k exp(c' z_k),

fitted by conditional likelihood in the patients with an event, so that nothing of the patient enters. The
risk of the level is q_l = 1 - (1 - p)^w_l, hence 1 - prod_l (1 - q_l) = p for every patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from qmri.measure.rows import JUNCTION
from qmri.spine.levels import LEVEL_ID

Values = NDArray[np.float64]

LEVEL_TERMS = ("adjacent", "junction", "pdff_above_background_pct")
TERM_SCALE = np.array([1.0, 1.0, 10.0])
PENALTY = 0.5
"""Prior variance 2 of a log odds ratio, for 0/1 and for 10 points of PDFF: few events separate easily."""
MOST_STEPS = 50


@dataclass(frozen=True)
class PatientLevels:
    """The levels of a patient that can fracture anew.

    Attributes
    ----------
    names
        Levels neither treated nor fractured, cranial to caudal.
    terms
        (k, 3) next to a treated level (0/1), from T11 to L2 (0/1), median PDFF minus the patient's
        background in points (0 where it is not known).
    fractured
        (k,) whether it fractured; all False where that is not known.
    """

    names: tuple[str, ...]
    terms: Values
    fractured: NDArray[np.bool_]


@dataclass(frozen=True)
class LevelModel:
    """Coefficients of the shares.

    Attributes
    ----------
    coefficients
        (3,) per unit of `LEVEL_TERMS`.
    events
        Fractured levels that it rests on.
    concordance
        Mean chance, within patients with an event, that the fractured level has the larger share.
    """

    coefficients: Values
    events: int
    concordance: float


def level_terms(level: str, steps_to_target: int | None, above_background_pct: float | None) -> list[float]:
    """Return the terms of a level, (3,)."""
    return [
        float(steps_to_target is not None and abs(steps_to_target) == 1),
        float(level in JUNCTION),
        0.0 if above_background_pct is None else above_background_pct,
    ]


def fit_levels(patients: Sequence[PatientLevels]) -> LevelModel:
    """Fit the shares by penalised conditional likelihood in the patients with a fractured level."""
    sets = [
        (patient.terms / TERM_SCALE, patient.fractured)
        for patient in patients
        if patient.fractured.any() and not patient.fractured.all()
    ]
    c = np.zeros(len(LEVEL_TERMS))
    for _ in range(MOST_STEPS):
        gradient, information = -PENALTY * c, PENALTY * np.eye(len(c))
        for terms, fractured in sets:
            share = np.exp(terms @ c - logsumexp(terms @ c))
            mean = share @ terms
            count = int(fractured.sum())
            gradient = gradient + terms[fractured].sum(axis=0) - count * mean
            information = information + count * ((terms * share[:, None]).T @ terms - np.outer(mean, mean))
        step = np.linalg.solve(information, gradient)
        c = c + step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < 1e-9:
            break
    return LevelModel(
        c / TERM_SCALE,
        int(sum(fractured.sum() for _, fractured in sets)),
        concordance([(terms @ c, fractured) for terms, fractured in sets]),
    )


def shares(terms: Values, coefficients: Values) -> Values:
    """Return the share of each level (k,) for terms (k, 3)."""
    score = terms @ coefficients
    return np.asarray(np.exp(score - logsumexp(score)))


def level_risks(risk: float, share: Values) -> Values:
    """Return q_l = 1 - (1 - p)^w_l for a patient's risk and the shares of the levels (k,)."""
    return np.asarray(-np.expm1(share * np.log1p(-risk)))


def concordance(scored: Sequence[tuple[Values, NDArray[np.bool_]]]) -> float:
    """Return the mean chance within patients that a fractured level scores above one that is not.

    For each patient scores and fractured levels (levels,).
    """
    each = []
    for score, fractured in scored:
        difference = score[fractured][:, None] - score[~fractured][None, :]
        each.append(float(np.mean((difference > 0) + 0.5 * (difference == 0))))
    return float(np.mean(each)) if each else float("nan")


def cranial_first(name: str) -> int:
    """Return the place of a level from the top."""
    return list(LEVEL_ID).index(name)
