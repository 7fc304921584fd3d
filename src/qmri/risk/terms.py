"""The terms of the model: named beforehand in the configuration, and known at the moment of use."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qmri.config.risk_settings import RiskSettings
from qmri.errors import QmriError
from qmri.outputs import PATIENT_COLUMNS
from qmri.outputs.columns import FOLLOW_UP, MOMENTS, OPERATION, PREOPERATIVE, Column
from qmri.outputs.markers.patient_columns import error_column
from qmri.outputs.risk_columns import OUTCOME_COLUMNS

CODED = {"sex": {"F": 1.0, "M": 0.0}, "procedure": {"PKP": 1.0, "PVP": 0.0}}
"""Words that stand for 1 and 0."""
FROM_THE_SHEET = ("n_fx_acute", "n_fx_old", "has_tl_junction_fx")
"""Columns of patients.csv that are clinical, not imaging."""
NO_MARKERS = frozenset(
    {"participant_id", "session_id", "status", "status_reason", "bg_levels", "vendor", "model", "software"}
    | {"te_ms_list", "recon_mode", "fat_model_id", "pipeline_version", "qc_flags", "na_reason", "qc_pass"}
)
CLINICAL, IMAGING = "clinical", "imaging"
MARKER_TABLE = "patients.csv"


@dataclass(frozen=True)
class Term:
    """A predictor.

    Attributes
    ----------
    name
        The column.
    group
        ``clinical`` or ``imaging``: which list of the configuration names it.
    table
        ``clinical.csv`` or ``patients.csv``.
    unit, description
        Of the column.
    coding
        Word to number, where the column holds words.
    error
        The column of patients.csv that holds the error of a marker, or None.
    """

    name: str
    group: str
    table: str
    unit: str | None
    description: str
    coding: Mapping[str, float] | None = None
    error: str | None = None


def resolve_terms(
    settings: RiskSettings,
    clinical: Mapping[str, Column],
    marker_header: Sequence[str],
) -> tuple[Term, ...]:
    """Return the terms that the configuration names.

    Parameters
    ----------
    settings
        The section ``risk``.
    clinical
        Columns of clinical.csv.
    marker_header
        Columns of patients.csv.

    Raises
    ------
    QmriError
        If a term is known after the moment of use, if nothing says when it is known, or if it is nowhere.
    """
    named = [(name, CLINICAL) for name in settings.clinical_terms]
    named += [(name, IMAGING) for name in settings.imaging_terms]
    twice = sorted({name for name, _ in named if [other for other, _ in named].count(name) > 1})
    if twice:
        raise QmriError(
            f"the term {twice[0]} is named twice", remedy="name each term once in the section risk"
        )
    if not named:
        raise QmriError("no term is named", remedy="name clinical_terms or imaging_terms in the section risk")
    return tuple(_term(name, group, settings, clinical, marker_header) for name, group in named)


def _term(
    name: str,
    group: str,
    settings: RiskSettings,
    clinical: Mapping[str, Column],
    marker_header: Sequence[str],
) -> Term:
    where = f"risk.{group}_terms"
    outcomes = {column.name: column for column in OUTCOME_COLUMNS[1:]}
    if name in outcomes:
        raise _refused(name, where, f"known at {FOLLOW_UP}", settings.moment)
    registered = {column.name: column for column in PATIENT_COLUMNS if column.name not in NO_MARKERS}
    doubtful = name not in clinical or clinical[name].known_at is None
    if name in marker_header and name in registered and (doubtful or name in FROM_THE_SHEET):
        if known_at := registered[name].known_at:
            _require_known(name, known_at, settings.moment, where)
        return _marker_term(name, group)
    if name in clinical:
        column = clinical[name]
        _require_known(name, column.known_at, settings.moment, where)
        return Term(name, group, "clinical.csv", column.unit, column.description, _coding(column))
    if name in registered:
        if name not in marker_header and name not in FROM_THE_SHEET:
            raise QmriError(
                f"{MARKER_TABLE} has no column {name}",
                where=where,
                remedy="collect the markers again with this version, or name another term",
            )
        return _marker_term(name, group)
    if name in marker_header:
        raise _refused(name, where, f"no column of {MARKER_TABLE} that this version knows", settings.moment)
    known = [*clinical, *registered]
    near = difflib.get_close_matches(name, known, n=1)
    raise QmriError(
        f"the term {name} is in neither table",
        where=where,
        expected=f"{near[0]}, perhaps" if near else "a column of clinical.csv or of patients.csv",
        remedy=f"add the column {name} to clinical.csv, or take it out of {where}",
    )


def _marker_term(name: str, group: str) -> Term:
    column = next(column for column in PATIENT_COLUMNS if column.name == name)
    return Term(name, group, MARKER_TABLE, column.unit, column.description, error=error_column(name))


def _require_known(name: str, known_at: str | None, moment: str, where: str) -> None:
    last = PREOPERATIVE if moment == PREOPERATIVE else OPERATION
    if known_at is None or MOMENTS.index(known_at) > MOMENTS.index(last):
        when = f"known at {known_at}" if known_at else "nothing says when it became known (known_at)"
        raise _refused(name, where, when, moment)


def _refused(name: str, where: str, found: str, moment: str) -> QmriError:
    return QmriError(
        f"the term {name} cannot be a predictor",
        where=where,
        found=found,
        expected=f"known {'before the operation' if moment == PREOPERATIVE else 'at discharge'}",
        remedy=f"take {name} out of {where}; a column of your own needs known_at in the dictionary beside "
        "the table (clinical.json), and what the operation showed needs risk.moment: discharge",
    )


def _coding(column: Column) -> Mapping[str, float] | None:
    if column.name in CODED:
        return CODED[column.name]
    if column.levels and column.unit != "0/1":
        raise QmriError(
            f"the term {column.name} is words, not numbers",
            found=", ".join(column.levels),
            expected="a number, or 0/1",
            remedy="write a 0/1 column for each word that matters",
        )
    return None
