"""Draw the patients of a cohort: what they are, what is measured of them, what happens to them.

Risk rests on the true marrow, not on what is measured of it, and holds a part that no table knows. The odds
ratios are of the size of the pooled ones (Liu et al. 2025) shrunken to a spread that gives an AUC near .75.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEVELS = ("T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
TREATED_ODDS = np.array([0.2, 0.2, 0.4, 0.7, 0.8, 0.7, 0.8, 1.5, 3.0, 3.5, 2.0, 1.2, 0.8, 0.4])
L2, T11 = LEVELS.index("L2"), LEVELS.index("T11")
STEPS = np.arange(len(LEVELS)) - L2
JUNCTION = np.isin(LEVELS, ("T11", "T12", "L1", "L2"))

CLINICAL_EFFECTS = {
    "age": 0.035,
    "female": 0.30,
    "bmi": -0.02,
    "tscore": -0.28,
    "glucocorticoid": 0.60,
    "drug": -0.40,
    "old_fractures": 0.35,
}
IMAGING_EFFECTS = {"pdff": 0.080, "r2star": -0.008, "kyphosis": 0.024}
LEVEL_EFFECTS = (1.3, 0.7, 0.06)
UNMEASURED_SD = 0.30
REFERENCE_PATIENTS = 50_000
PDFF_PER_LEVEL, REPEAT_PDFF, REPEAT_R2STAR = 1.2, 1.5, 0.05
OWN_PDFF, OWN_R2STAR, KYPHOSIS_ERROR = 1.2, 5.0, 2.2


@dataclass(frozen=True)
class CohortOptions:
    """What is drawn.

    Attributes
    ----------
    patients, seed
        Number of patients, seed of everything random.
    event_share
        Mean risk.
    clinical_signal, imaging_signal
        Multiples of the effects; 0 leaves none.
    lost_share, tscore_missing_share, excluded_share
        Share lost to follow-up, more of them old; without a T-score; meeting a criterion of exclusion.
    """

    patients: int = 560
    seed: int = 1
    event_share: float = 0.16
    clinical_signal: float = 1.0
    imaging_signal: float = 1.0
    lost_share: float = 0.19
    tscore_missing_share: float = 0.18
    excluded_share: float = 0.04


@dataclass(frozen=True)
class People:
    """The patients as arrays.

    Attributes
    ----------
    clinical
        (n,) by name: age, female, bmi, tscore, glucocorticoid, drug, old_fractures.
    marrow
        (n,) true values by name: pdff (%), r2star (1/s), kyphosis (deg).
    pdff, r2star
        (n, levels) measured medians.
    kyphosis
        (n,) measured.
    treated, old
        (n, levels) treated and old fractures.
    risk
        (n,) true risk.
    event
        (n,) what happens.
    fractured
        (n, levels) newly fractured levels.
    lost, excluded, tscore_missing
        (n,) lost to follow-up; meeting a criterion of exclusion; without a T-score.
    surgery_day, odi, vas
        (n,) day of the operation, and scores before it.
    """

    clinical: dict[str, Values]
    marrow: dict[str, Values]
    pdff: Values
    r2star: Values
    kyphosis: Values
    treated: Flags
    old: Flags
    risk: Values
    event: Flags
    fractured: Flags
    lost: Flags
    excluded: Flags
    tscore_missing: Flags
    surgery_day: NDArray[np.int64]
    odi: Values
    vas: Values

    @property
    def background(self) -> Flags:
        """(n, levels) neither treated nor fractured."""
        return ~(self.treated | self.old)


def draw_people(options: CohortOptions) -> People:
    """Draw the patients."""
    rng = np.random.default_rng(options.seed)
    n = options.patients
    clinical = _clinical(rng, n)
    old_count = clinical["old_fractures"].astype(int)
    treated, old = _fractures(rng, n, old_count)
    clinical["old_fractures"] = old.sum(axis=1).astype(float)
    marrow = _marrow(rng, clinical)
    signals = (options.clinical_signal, options.imaging_signal)
    linear = _linear(rng, clinical, marrow, signals)
    risk = expit(linear + _intercept(options.event_share, signals))
    event = rng.random(n) < risk
    scan = rng.normal(0, 1, n)[:, None]
    true_pdff = marrow["pdff"][:, None] + PDFF_PER_LEVEL * STEPS + rng.normal(0, 2.5, (n, len(LEVELS)))
    pdff = true_pdff + REPEAT_PDFF * scan + rng.normal(0, OWN_PDFF, true_pdff.shape)
    r2star = marrow["r2star"][:, None] * (1 + REPEAT_R2STAR * rng.normal(0, 1, (n, 1)))
    r2star = r2star + rng.normal(0, OWN_R2STAR, pdff.shape)
    return People(
        clinical,
        marrow,
        np.clip(pdff, 5, 95),
        np.clip(r2star, 25, 290),
        marrow["kyphosis"] + rng.normal(0, KYPHOSIS_ERROR, n),
        treated,
        old,
        risk,
        event,
        _new_fractures(rng, event, level_scores(treated, old, true_pdff - marrow["pdff"][:, None])),
        lost=rng.random(n) < _share(0.6 * _standard(clinical["age"]), options.lost_share),
        excluded=rng.random(n) < options.excluded_share,
        tscore_missing=rng.random(n) < _share(0.5 * _standard(clinical["age"]), options.tscore_missing_share),
        surgery_day=rng.integers(0, 700, n),
        odi=np.clip(rng.normal(68, 12, n), 10, 100).round(),
        vas=np.clip(rng.normal(7.2, 1.3, n), 1, 10).round(1),
    )


def adjusted_mean(values: Values, used: Flags, per_level: float) -> Values:
    """Return the mean (n,) over used levels from T11 to L5, moved to L2; NaN without one."""
    use = used & (np.arange(len(LEVELS)) >= T11)
    count = use.sum(axis=1)
    total = np.where(use, values - per_level * STEPS, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def adjusted_error(used: Flags, shared: Values, own: float) -> Values:
    """Return the standard error (n,) of such a mean."""
    count = np.maximum((used & (np.arange(len(LEVELS)) >= T11)).sum(axis=1), 1)
    return np.asarray(np.sqrt(shared**2 + own**2 / count))


def _clinical(rng: np.random.Generator, n: int) -> dict[str, Values]:
    age = np.clip(rng.normal(74, 8, n), 52, 96).round()
    bmi = np.clip(rng.normal(23.5, 3.4, n), 15, 40).round(1)
    tscore = -3.1 - 0.02 * (age - 74) + 0.06 * (bmi - 23.5) + rng.normal(0, 0.8, n)
    return {
        "age": age,
        "female": (rng.random(n) < 0.8).astype(float),
        "bmi": bmi,
        "tscore": np.clip(tscore, -6, 1).round(1),
        "glucocorticoid": (rng.random(n) < 0.12).astype(float),
        "drug": (rng.random(n) < 0.35).astype(float),
        "old_fractures": rng.poisson(0.4, n).clip(0, 4).astype(float),
    }


def _fractures(rng: np.random.Generator, n: int, old_count: NDArray[np.intp]) -> tuple[Flags, Flags]:
    """Return treated and old levels: 1 to 3 treated ones, drawn without replacement by Gumbel's trick."""
    number = rng.choice([1, 2, 3], n, p=[0.72, 0.2, 0.08])
    order = np.argsort(-(np.log(TREATED_ODDS) + rng.gumbel(size=(n, len(LEVELS)))), axis=1)
    place = np.argsort(order, axis=1)
    treated = place < number[:, None]
    old = ~treated & (place < (number + old_count)[:, None])
    return treated, old


def _marrow(rng: np.random.Generator, clinical: dict[str, Values]) -> dict[str, Values]:
    age, tscore = clinical["age"] - 74, clinical["tscore"] + 3.1
    n = len(age)
    pdff = 57 + 0.25 * age - 1.5 * tscore + 2.0 * clinical["glucocorticoid"] + rng.normal(0, 7, n)
    return {
        "pdff": np.clip(pdff, 25, 85),
        "r2star": np.clip(115 - 0.7 * (pdff - 57) + 4 * tscore + rng.normal(0, 18, n), 45, 220),
        "kyphosis": 12 + 0.2 * age + 4 * clinical["old_fractures"] + rng.normal(0, 9, n),
    }


def _linear(
    rng: np.random.Generator,
    clinical: dict[str, Values],
    marrow: dict[str, Values],
    signals: tuple[float, float],
) -> Values:
    """Return the log odds (n,) of a new fracture but for the intercept."""
    linear = max(signals) * rng.normal(0, UNMEASURED_SD, len(clinical["age"]))
    for signal, values, effects in (
        (signals[0], clinical, CLINICAL_EFFECTS),
        (signals[1], marrow, IMAGING_EFFECTS),
    ):
        for name, effect in effects.items():
            linear = linear + signal * effect * values[name]
    return np.asarray(linear)


@cache
def _intercept(share: float, signals: tuple[float, float]) -> float:
    """Return the intercept at which the mean risk of very many patients is `share`."""
    rng = np.random.default_rng(0)
    clinical = _clinical(rng, REFERENCE_PATIENTS)
    return _shift(_linear(rng, clinical, _marrow(rng, clinical), signals), share)


def level_scores(treated: Flags, old: Flags, above: Values) -> Values:
    """Return the log odds (n, levels) of each level given one fracture, -inf where it cannot have one."""
    near = np.zeros_like(treated)
    near[:, 1:] |= treated[:, :-1]
    near[:, :-1] |= treated[:, 1:]
    score = LEVEL_EFFECTS[0] * near + LEVEL_EFFECTS[1] * JUNCTION + LEVEL_EFFECTS[2] * above
    return np.where(treated | old, -np.inf, score)


def _new_fractures(rng: np.random.Generator, event: Flags, scores: Values) -> Flags:
    """Return (n, levels) newly fractured: by the odds of the level, sometimes two."""
    place = np.argsort(np.argsort(-(scores + rng.gumbel(size=scores.shape)), axis=1), axis=1)
    number = 1 + (rng.random(len(event)) < 0.12)
    return np.asarray(event[:, None] & (place < number[:, None]))


def _shift(linear: Values, share: float) -> float:
    return float(brentq(lambda shift: float(expit(linear + shift).mean()) - share, -40, 40))


def _share(linear: Values, share: float) -> Values:
    return np.asarray(expit(linear + _shift(linear, share))) if share > 0 else np.zeros(len(linear))


def _standard(values: Values) -> Values:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9))
