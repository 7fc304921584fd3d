"""Performance in parts of the patients: scanners left out in turn, subgroups. No verdict under 10 events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.risk.performance.discrimination import Z95, Estimate, auc_interval
from qmri.risk.procedure import fit_procedure

Values = NDArray[np.float64]

LEAST_EVENTS = 10
OLD_AGE = 75.0


@dataclass(frozen=True)
class GroupPerformance:
    """Performance in a group.

    Attributes
    ----------
    name
        Of the group.
    n, events
        Patients, and those with the event.
    auc, oe
        With 95 % intervals; None with fewer than 10 events, or fewer than 10 without the event.
    """

    name: str
    n: int
    events: int
    auc: Estimate | None
    oe: Estimate | None


def leave_one_out(values: Values, y: Values, groups: Sequence[str]) -> tuple[GroupPerformance, ...]:
    """Return how the procedure does in each group when it is fitted to the others.

    Parameters
    ----------
    values, y
        (n, p) raw terms and (n,) outcomes.
    groups
        (n,) scanner of each patient. Nothing is returned where there is one alone.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        return ()
    found = []
    for name in names:
        here = np.array([group == name for group in groups])
        if enough(y[~here]):
            found.append(
                performance_in(name, fit_procedure(values[~here], y[~here]).risk(values[here]), y[here])
            )
        else:
            found.append(GroupPerformance(name, int(here.sum()), int(y[here].sum()), None, None))
    return tuple(found)


def subgroup_performance(
    values: Values, names: Sequence[str], risk: Values, y: Values
) -> tuple[GroupPerformance, ...]:
    """Return performance by sex, age, and every term of two values or of counts.

    Parameters
    ----------
    values, names
        (n, p) raw terms and their names.
    risk
        (n,) risks by models that did not see the patient.
    y
        (n,) outcomes.
    """
    return tuple(
        performance_in(label, risk[rows], y[rows]) for label, rows in _subgroups(values, names) if rows.any()
    )


def performance_in(name: str, risk: Values, y: Values) -> GroupPerformance:
    """Return the performance of risks in a group; outcomes and risks (n,)."""
    if not enough(y):
        return GroupPerformance(name, len(y), int(y.sum()), None, None)
    oe = observed_over_expected(y, about=float(y.sum() / risk.sum()))
    return GroupPerformance(name, len(y), int(y.sum()), auc_interval(risk, y), oe)


def observed_over_expected(y: Values, *, about: float) -> Estimate:
    """Return observed over expected events with its 95 % interval, on the log scale; outcomes (n,)."""
    events = float(y.sum())
    error = np.sqrt((1 - events / len(y)) / events)
    return Estimate(about, float(about * np.exp(-Z95 * error)), float(about * np.exp(Z95 * error)))


def enough(y: Values) -> bool:
    """Tell whether a group has enough events, and enough without, for a verdict; outcomes (n,)."""
    return min(int(y.sum()), len(y) - int(y.sum())) >= LEAST_EVENTS


def _subgroups(values: Values, names: Sequence[str]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for name, column in zip(names, values.T, strict=True):
        known = column[np.isfinite(column)]
        if set(known.tolist()) == {0.0, 1.0}:
            yield from ((f"{name} {value:g}", column == value) for value in (0.0, 1.0))
        elif name == "age_years":
            yield f"age below {OLD_AGE:g}", column < OLD_AGE
            yield f"age {OLD_AGE:g} or more", column >= OLD_AGE
        elif name.startswith("n_"):
            yield f"{name} 0", column == 0
            yield f"{name} 1 or more", column >= 1
