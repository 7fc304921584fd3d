"""Files of the risk model: read the tables, write the results into a staging folder and rename them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qmri.config import Config
from qmri.config.risk_settings import RiskSettings
from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.outputs import (
    CLINICAL_COLUMNS,
    OUTCOME_COLUMNS,
    RISK_FLOW_COLUMNS,
    RISK_LEVEL_COLUMNS,
    RISK_PATIENT_COLUMNS,
    Column,
)
from qmri.outputs.risk_columns import PROPOSAL
from qmri.outputs.tables import dictionary, table_text
from qmri.risk.cohort.cohort import Cohort, Outcomes, add_outcomes, build_cohort
from qmri.risk.development import Development, develop
from qmri.risk.frozen_model import RiskModel
from qmri.risk.performance.interval import Risks
from qmri.risk.tables.marker_tables import read_markers
from qmri.risk.tables.model_file import read_model, write_model
from qmri.risk.tables.results import (
    Row,
    development_content,
    flow_rows,
    level_rows,
    patient_rows,
    validation_content,
)
from qmri.risk.tables.sheets import Sheet, read_sheet
from qmri.risk.terms import Term, resolve_terms
from qmri.risk.validation import Validation, validate

MODEL, PERFORMANCE = "risk_model.json", "risk_performance.json"
REPORT, PATIENT_PAGES = "report.html", "patients"


@dataclass(frozen=True)
class Tables:
    """Where the tables lie.

    Attributes
    ----------
    markers
        Folder of patients.csv and vertebrae.csv.
    clinical
        clinical.csv.
    outcomes
        outcomes.csv, or None where no outcome is read.
    """

    markers: Path
    clinical: Path
    outcomes: Path | None = None


def read_cohort(
    tables: Tables, config: Config, model: RiskModel | None = None
) -> tuple[Cohort, Outcomes | None]:
    """Read and check the tables.

    Parameters
    ----------
    tables
        Where they lie.
    config
        The configuration.
    model
        A frozen model: its terms, its session and its origin of maps are those asked for then.

    Raises
    ------
    QmriError
        If a table is refused, or a term cannot be a predictor.
    """
    settings = config.risk if model is None else _settings_of(model, config.risk)
    markers = read_markers(tables.markers, settings.preoperative_session)
    clinical = read_sheet(tables.clinical, CLINICAL_COLUMNS, ("surgery_date",) if tables.outcomes else ())
    terms = resolve_terms(settings, clinical.columns, markers.header)
    if model is not None:
        terms = _as_in(model, terms)
    origin = None if model is None else model.origin
    cohort = build_cohort(markers, clinical, terms, config.measure, origin=origin)
    if tables.outcomes is None:
        return cohort, None
    return cohort, add_outcomes(
        cohort, clinical, _outcome_sheet(tables.outcomes), settings.outcome_window_days
    )


def read_both(tables: Tables, config: Config, model: RiskModel | None = None) -> tuple[Cohort, Outcomes]:
    """Read and check the tables, the outcomes among them.

    Raises
    ------
    QmriError
        If a table is refused, or none of outcomes is named.
    """
    cohort, outcomes = read_cohort(tables, config, model)
    if outcomes is None:
        raise QmriError("no table of outcomes is named", expected="--outcomes outcomes.csv")
    return cohort, outcomes


def develop_files(
    tables: Tables, out: Path, config: Config, pages: Callable[[Development, Path], None] | None = None
) -> Development:
    """Develop a model and write its files.

    Parameters
    ----------
    tables, out, config
        What is read, where the files go, the configuration.
    pages
        Writes the pages into the folder that it is given.

    Raises
    ------
    QmriError
        If the tables are refused or hold too few events. Nothing is written then.
    """
    cohort, outcomes = read_both(tables, config)
    found = develop(cohort, outcomes, config.risk)

    def write(folder: Path) -> None:
        write_model(folder / MODEL, found.model)
        write_json(folder / PERFORMANCE, development_content(found))
        _write_tables(folder, cohort, outcomes, found.model, found.risks)
        if pages is not None:
            pages(found, folder)

    _publish(out, write)
    return found


def validate_files(
    model_path: Path,
    tables: Tables,
    out: Path,
    config: Config,
    pages: Callable[[Validation, Path], None] | None = None,
) -> Validation:
    """Measure a frozen model on new patients and write the files; `pages` as in `develop_files`.

    Raises
    ------
    QmriError
        If the model or the tables are refused, or the maps have another origin. Nothing is written then.
    """
    model = read_model(model_path)
    cohort, outcomes = read_both(tables, config, model)
    found = validate(model, cohort, outcomes, config.risk.threshold_range)

    def write(folder: Path) -> None:
        write_json(folder / PERFORMANCE, validation_content(found))
        _write_tables(folder, cohort, outcomes, model, found.risks)
        if pages is not None:
            pages(found, folder)

    _publish(out, write)
    return found


def apply_files(
    model_path: Path,
    tables: Tables,
    out: Path,
    config: Config,
    pages: Callable[[Cohort, RiskModel, Risks, Path], None] | None = None,
) -> tuple[Cohort, Risks]:
    """Tell the risks of new patients by a frozen model and write the files; `pages` as in `develop_files`.

    Raises
    ------
    QmriError
        If the model or the tables are refused, or the maps have another origin. Nothing is written then.
    """
    model = read_model(model_path)
    cohort, _ = read_cohort(Tables(tables.markers, tables.clinical), config, model)
    risks = model.risks(cohort.values, cohort.errors)

    def write(folder: Path) -> None:
        _write_tables(folder, cohort, None, model, risks)
        if pages is not None:
            pages(cohort, model, risks, folder)

    _publish(out, write)
    return cohort, risks


def remove_pages(out: Path) -> None:
    """Remove the pages of an earlier run."""
    for page in (out / REPORT, *(out / PATIENT_PAGES).glob("*.html")):
        page.unlink(missing_ok=True)


def _settings_of(model: RiskModel, given: RiskSettings) -> RiskSettings:
    """Return settings that ask for what the model was made from."""
    named = {
        f"{group}_terms": tuple(term.name for term in model.terms if term.group == group)
        for group in ("clinical", "imaging")
    }
    return given.model_copy(
        update=named
        | {
            "moment": model.moment,
            "preoperative_session": model.preoperative_session,
            "outcome_window_days": model.outcome_window_days,
        }
    )


def _as_in(model: RiskModel, terms: Sequence[Term]) -> tuple[Term, ...]:
    """Return the terms in the order of the model."""
    by_name = {term.name: term for term in terms}
    return tuple(by_name[term.name] for term in model.terms)


def _outcome_sheet(path: Path) -> Sheet:
    return read_sheet(
        path, (*OUTCOME_COLUMNS, PROPOSAL), ("outcome_status", "followup_mri_date", "refracture")
    )


def _write_tables(
    folder: Path, cohort: Cohort, outcomes: Outcomes | None, model: RiskModel, risks: Risks
) -> None:
    _write_table(folder / "risk_patients.csv", patient_rows(cohort, model, risks), RISK_PATIENT_COLUMNS)
    _write_table(folder / "risk_levels.csv", level_rows(cohort, model, risks), RISK_LEVEL_COLUMNS)
    _write_table(folder / "risk_flow.csv", flow_rows(cohort, outcomes), RISK_FLOW_COLUMNS)


def _write_table(path: Path, rows: Sequence[Row], columns: Sequence[Column]) -> None:
    path.write_text(table_text(rows, columns), encoding="utf-8")
    write_json(path.with_suffix(".json"), dictionary(columns))


def _publish(out: Path, write: Callable[[Path], Any]) -> None:
    """Write all files into a staging folder, then move each into place.

    Pages of an earlier run go first, so that none stands beside a model that it is not of.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        write(staging)
        out.mkdir(exist_ok=True)
        remove_pages(out)
        for path in sorted(staging.rglob("*")):
            target = out / path.relative_to(staging)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            else:
                path.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
