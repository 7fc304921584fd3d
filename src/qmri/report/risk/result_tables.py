"""Tables of the report: patients by outcome, coefficients, performance, groups; cells as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qmri.report.risk.phrases import (
    is_binary,
    number_words,
    percent,
    subgroup_words,
    term_words,
    unit_words,
    value_words,
)
from qmri.risk.frozen_model import RiskModel
from qmri.risk.performance.apparent import Performance
from qmri.risk.performance.calibration import Measures
from qmri.risk.performance.discrimination import Z95, Estimate
from qmri.risk.regression.groups import LEAST_EVENTS, GroupPerformance
from qmri.risk.terms import Term
from qmri.risk.validation import Validation

Values = NDArray[np.float64]

MEASURE_WORDS = {
    "auc": ("AUC", 3),
    "slope": ("Calibration slope", 2),
    "intercept": ("Calibration intercept", 2),
    "oe": ("Observed / expected", 2),
    "brier": ("Brier score", 3),
    "ici": ("ICI", 3),
}
NO_VERDICT = f"no verdict: fewer than {LEAST_EVENTS} with or without a new fracture"


@dataclass(frozen=True)
class Table:
    """A table as a page shows it: headings, and rows of which the first cell is a heading."""

    headings: tuple[str, ...]
    rows: list[list[str]]


def interval_words(estimate: Estimate, digits: int = 3, *, sign: bool = False) -> str:
    """Return an estimate with its interval."""
    value, low, high = (
        signed(each, digits, sign=sign) for each in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"


def signed(value: float, digits: int, *, sign: bool = False) -> str:
    """Return a number with a true minus, and a plus where asked for; -0 is 0."""
    return f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}".replace("-", "\u2212")


def performance_table(p: Performance) -> Table:
    """Return apparent, optimism and corrected figures of a development."""
    intervals = {"auc": p.auc_corrected, "slope": p.slope, "oe": p.oe}
    rows = []
    for name, (words, digits) in MEASURE_WORDS.items():
        apparent, optimism, corrected = (
            getattr(each, name) for each in (p.apparent, p.optimism, p.corrected)
        )
        own = intervals.get(name)
        rows.append(
            [
                words,
                signed(apparent, digits),
                signed(optimism, digits, sign=True),
                interval_words(own, digits) if own else signed(corrected, digits),
            ]
        )
    rows.append(["AUC, 10-fold", "", "", interval_words(p.auc_cross_validated)])
    return Table(("Measure", "apparent", "optimism", "without optimism (95 %)"), rows)


def validation_table(found: Validation) -> Table:
    """Return the figures of a validation."""
    intervals = {"auc": found.auc, "slope": found.slope, "oe": found.oe}
    rows = []
    for field in fields(Measures):
        words, digits = MEASURE_WORDS[field.name]
        own = intervals.get(field.name)
        value = getattr(found.measures, field.name)
        rows.append([words, interval_words(own, digits) if own else signed(value, digits)])
    return Table(("Measure", "in these patients (95 %)"), rows)


def groups_table(groups: Sequence[GroupPerformance], name: str) -> Table:
    """Return performance in groups; those with few events have no figures."""
    rows = []
    for group in groups:
        figures = (
            [interval_words(group.auc, 2), interval_words(group.oe, 2)]
            if group.auc is not None and group.oe is not None
            else [NO_VERDICT, ""]
        )
        rows.append([subgroup_words(group.name), f"{group.n}", f"{group.events}", *figures])
    return Table((name, "patients", "new fractures", "AUC (95 %)", "observed / expected (95 %)"), rows)


def model_table(model: RiskModel) -> Table:
    """Return the coefficients: per unit, as odds ratio of a standard deviation with its 95 % interval."""
    rows = []
    errors = np.sqrt(np.diag(model.covariance))[1:]
    sd = model.scale.sd
    for j, term in enumerate(model.terms):
        b, error = model.coefficients[1 + j], errors[j]
        low, middle, high = (float(np.exp((b + z * error) * sd[j])) for z in (-Z95, 0, Z95))
        rows.append(
            [
                term_words(term),
                term.name,
                f"{b:+.4g}".replace("-", "\u2212"),
                f"{middle:.2f} ({low:.2f} to {high:.2f})",
                f"{number_words(float(sd[j]))}{unit_words(term)}" if not is_binary(term) else f"{sd[j]:.2f}",
                _range(term, float(model.lowest[j]), float(model.highest[j])),
                f"{model.reliability[j]:.2f}" if term.error else "",
            ]
        )
    rows.append(["Intercept", "", f"{model.coefficients[0]:+.4g}".replace("-", "\u2212"), "", "", "", ""])
    return Table(
        (
            "Term",
            "column",
            "log odds per unit",
            "odds ratio per SD (95 %)",
            "SD",
            "range",
            "reliability",
        ),
        rows,
    )


def patients_table(terms: Sequence[Term], values: Values, y: Values) -> Table:
    """Return the terms in all, in those with a new fracture, and in those without.

    Parameters
    ----------
    terms, values
        (p,) and (n, p), NaN where missing.
    y
        (n,) outcomes.
    """
    groups = (np.ones(len(y), np.bool_), y == 1, y == 0)
    rows = [
        [
            term_words(term),
            *(_summary(term, column[group]) for group in groups),
            f"{int((~np.isfinite(column)).sum())}",
        ]
        for term, column in zip(terms, values.T, strict=True)
    ]
    counts = (f"all ({len(y)})", f"new fracture ({int(y.sum())})", f"none ({int((1 - y).sum())})")
    return Table(("Term", *counts, "missing"), rows)


def _range(term: Term, low: float, high: float) -> str:
    if is_binary(term):
        return "0 or 1"
    return f"{number_words(low).removesuffix('.0')} to {value_words(term, high)}"


def _summary(term: Term, values: Values) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "n/a"
    if is_binary(term):
        what = "women" if term.name == "sex" else "PKP" if term.name == "procedure" else ""
        return f"{int(known.sum())} {what} ({percent(float(known.mean()), 0)})".replace("  ", " ")
    mean, sd = float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else 0.0
    return f"{number_words(mean)} \u00b1 {number_words(sd)}{unit_words(term)}"
