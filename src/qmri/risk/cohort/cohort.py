"""From tables to arrays: who is eligible, their terms and errors, their levels, what happened to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.measure.quality.flags import FRACTURED
from qmri.outputs.risk_columns import EXCLUSIONS
from qmri.risk.cohort.eligibility import by_name, left_at, most_frequent, other_origin, refused_origin
from qmri.risk.cohort.marker_errors import marker_error
from qmri.risk.cohort.outcome import Decided, decide, named, require_confirmed
from qmri.risk.cohort.patient_levels import fractured_levels, patient_levels
from qmri.risk.regression.conditional_logit import PatientLevels
from qmri.risk.tables.marker_tables import Cells, MarkerTables, is_no, number, word
from qmri.risk.tables.sheets import Sheet, Value
from qmri.risk.terms import FROM_THE_SHEET, Term
from qmri.spine.levels import parse_level

Values = NDArray[np.float64]

SCORES = {"odi": ("odi_pre_pct", "odi_1y_pct"), "vas": ("vas_pre", "vas_1y")}
"""Score: its columns before the operation and at one year."""


@dataclass(frozen=True)
class Cohort:
    """The eligible participants, in the order of their names.

    Attributes
    ----------
    participants
        (n,) names.
    terms
        (p,) predictors.
    values, errors
        (n, p) in natural units, NaN where missing; standard errors of the markers, 0 elsewhere.
    levels
        (n,) levels that can fracture anew.
    treated
        (n,) levels treated or fractured at the preoperative session.
    verified
        (n,) whether the names of the levels are certain.
    scanners
        (n,) vendor, model and field.
    baseline
        (n,) by score (``odi``, ``vas``), NaN where missing.
    origin
        field_t, fat_model_id and recon_mode that they share; None where not given.
    left
        Step of the flow at which each other participant left.
    notes
        What a person should know.
    """

    participants: tuple[str, ...]
    terms: tuple[Term, ...]
    values: Values
    errors: Values
    levels: tuple[PatientLevels, ...]
    treated: tuple[frozenset[str], ...]
    verified: NDArray[np.bool_]
    scanners: tuple[str, ...]
    baseline: Mapping[str, Values]
    origin: Mapping[str, str | None]
    left: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Outcomes:
    """What happened to the eligible participants.

    Attributes
    ----------
    event
        (n,) 1, 0, NaN where unknown.
    steps
        (n,) ``analysed``, or why it is unknown.
    levels
        (n,) as those of the cohort, with the fractured ones marked.
    scores
        (n,) at one year by score, NaN where missing.
    notes
        What a person should know.
    """

    event: Values
    steps: tuple[str, ...]
    levels: tuple[PatientLevels, ...]
    scores: Mapping[str, Values]
    notes: tuple[str, ...]


def build_cohort(
    markers: MarkerTables,
    clinical: Sheet,
    terms: Sequence[Term],
    measure: MeasureSettings,
    *,
    origin: Mapping[str, str | None] | None = None,
) -> Cohort:
    """Return the eligible participants.

    Parameters
    ----------
    markers, clinical
        The tables.
    terms
        The predictors.
    measure
        Repeatabilities, for markers whose error the tables do not hold.
    origin
        Of the maps that a model was made from: participants of another one are refused then. Without it
        the most frequent origin stays and others leave.

    Raises
    ------
    QmriError
        If no participant is in both tables, if nobody is eligible, or maps have another origin than the
        model's.
    """
    both = [name for name in markers.patients if name in clinical.rows]
    if not both:
        raise QmriError(
            "no participant is in the markers and in the clinical table",
            where=clinical.name,
            found=f"{named(sorted(clinical.rows))} there, {named(sorted(markers.patients))} in the markers",
            remedy="write participant_id in both as in the study sheet",
        )
    left = {name: "no_clinical_row" for name in markers.patients if name not in clinical.rows}
    left |= {name: "no_markers" for name in clinical.rows if name not in markers.patients}
    stay: list[str] = []
    for name in sorted(both, key=by_name):
        step = left_at(markers.patients[name], clinical.rows[name], markers.levels.get(name, ()))
        if step:
            left[name] = step
        else:
            stay.append(name)
    rows = {name: row for name in stay if (row := markers.patients[name]) is not None}
    shared = dict(origin) if origin is not None else most_frequent(list(rows.values()))
    others = {name: step for name, row in rows.items() if (step := other_origin(row, shared))}
    if origin is not None and others:
        raise refused_origin(others, rows, origin)
    left |= others
    stay = [name for name in stay if name not in others]
    if not stay:
        raise QmriError(
            "no participant is eligible",
            found="; ".join(f"{count} {step}" for step, count in Counter(left.values()).most_common()),
            remedy="qmri risk check shows who left where; risk.preoperative_session names the session",
        )
    return _arrays(stay, left, rows, markers, clinical, terms, measure, shared)


def add_outcomes(cohort: Cohort, clinical: Sheet, outcomes: Sheet, window_days: tuple[int, int]) -> Outcomes:
    """Return what happened to the participants of a cohort.

    Raises
    ------
    QmriError
        If a fracture is not confirmed, or a row contradicts itself.
    """
    require_confirmed(outcomes.rows, outcomes.name)
    decided = []
    for name, before in zip(cohort.participants, cohort.treated, strict=True):
        if name not in outcomes.rows:
            decided.append(Decided(None, "no_outcome_row"))
            continue
        where = f"{outcomes.name}, participant {name}"
        surgery = clinical.rows[name].get("surgery_date")
        decided.append(decide(outcomes.rows[name], surgery, before, window_days, where))
    scores = {
        score: np.array([_float(outcomes.rows.get(name, {}).get(after)) for name in cohort.participants])
        for score, (_, after) in SCORES.items()
    }
    return Outcomes(
        np.array([np.nan if one.event is None else one.event for one in decided], dtype=np.float64),
        tuple(one.step for one in decided),
        tuple(_marked(own, one) for own, one in zip(cohort.levels, decided, strict=True)),
        scores,
        tuple(_outcome_notes(cohort.participants, decided, outcomes)),
    )


def _arrays(  # noqa: PLR0917 - what is put together here
    stay: Sequence[str],
    left: Mapping[str, str],
    rows: Mapping[str, Cells],
    markers: MarkerTables,
    clinical: Sheet,
    terms: Sequence[Term],
    measure: MeasureSettings,
    origin: Mapping[str, str | None],
) -> Cohort:
    levels = {name: markers.levels.get(name, ()) for name in stay}
    values = np.array([[_value(term, rows[n], clinical.rows[n], levels[n]) for term in terms] for n in stay])
    errors = np.array([[marker_error(term, rows[n], levels[n], measure) for term in terms] for n in stay])
    notes = [*clinical.notes, *_cohort_notes(terms, values, clinical)]
    return Cohort(
        tuple(stay),
        tuple(terms),
        values,
        np.where(np.isfinite(values), errors, 0.0),
        tuple(patient_levels(levels[name], rows[name]) for name in stay),
        tuple(_before(levels[name]) for name in stay),
        np.array([not any(is_no(row, "level_verified") for row in levels[name]) for name in stay]),
        tuple(_scanner(rows[name]) for name in stay),
        {
            score: np.array([_float(clinical.rows[name].get(before)) for name in stay])
            for score, (before, _) in SCORES.items()
        },
        origin,
        {name: left[name] for name in sorted(left, key=by_name)},
        tuple(notes),
    )


def _value(term: Term, row: Cells, clinical: Mapping[str, Value], levels: Sequence[Cells]) -> float:
    if term.table == "clinical.csv":
        value = clinical[term.name]
        if isinstance(value, str) and term.coding is None:
            raise QmriError(
                f"the term {term.name} is words, not numbers",
                where=f"clinical.csv, participant {row['participant_id']}",
                found=value,
                expected="a number, 0/1 or n/a",
                remedy="write a 0/1 column for each word that matters",
            )
        return term.coding[value] if term.coding and isinstance(value, str) else _float(value)
    found = number(row, term.name)
    if found is None and term.name in FROM_THE_SHEET and term.name != "has_tl_junction_fx":
        kinds = ("old",) if term.name == "n_fx_old" else ("acute", "treated_target")
        found = fractured_levels(levels, kinds)
    return np.nan if found is None else found


def _float(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _before(levels: Sequence[Cells]) -> frozenset[str]:
    return frozenset(parse_level(row["level"]) for row in levels if row["fracture_status"] in FRACTURED)


def _scanner(row: Cells) -> str:
    names = [word(row, name) for name in ("vendor", "model")]
    return " ".join(name for name in names if name) or "not given"


def _marked(own: PatientLevels, decided: Decided) -> PatientLevels:
    fractured = np.array([level in decided.levels for level in own.names], dtype=np.bool_)
    return PatientLevels(own.names, own.terms, fractured if decided.event == 1 else np.zeros_like(fractured))


def _cohort_notes(terms: Sequence[Term], values: Values, clinical: Sheet) -> list[str]:
    notes = []
    for term, column in zip(terms, values.T, strict=True):
        known = column[np.isfinite(column)]
        if len(known) and np.ptp(known) == 0:
            notes.append(f"{term.name} is {known[0]:g} in everybody: it tells nothing here")
    absent = [name for name in EXCLUSIONS if name not in clinical.columns]
    if absent:
        notes.append(f"{clinical.name} has no column {', '.join(absent)}: not checked")
    return notes


def _outcome_notes(participants: Sequence[str], decided: Sequence[Decided], outcomes: Sheet) -> list[str]:
    notes = list(outcomes.notes)
    pairs = list(zip(participants, decided, strict=True))
    old = [name for name, one in pairs if one.not_new]
    if old:
        notes.append(
            f"{outcomes.name}: levels treated or fractured before the operation are no outcome "
            f"and do not count ({named(old)})"
        )
    silent = [name for name, one in pairs if one.event == 1 and not one.levels]
    if silent:
        notes.append(f"{outcomes.name}: fractures without a level do not enter the shares ({named(silent)})")
    zero = [name for name, one in pairs if one.step == "lost" and outcomes.rows[name].get("refracture") == 0]
    if zero:
        notes.append(f"{outcomes.name}: lost is unknown, the 0 of refracture does not count ({named(zero)})")
    return notes
