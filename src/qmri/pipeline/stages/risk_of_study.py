"""The risk model as a step of a study's workflow: a refusal becomes a record, so that the study goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qmri.config import Config
from qmri.config.risk_settings import RiskSettings
from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.outputs import OUTCOME_COLUMNS, RISK_FILES
from qmri.outputs.risk_columns import PROPOSAL
from qmri.outputs.tables import dictionary, read_rows, table_text
from qmri.pipeline.records.decisions import Settings
from qmri.pipeline.records.models import RiskRecord
from qmri.pipeline.records.provenance import software_versions
from qmri.pipeline.records.record_files import write_record
from qmri.pipeline.stages.risk import Tables, develop_files, remove_pages
from qmri.risk.cohort.eligibility import by_name
from qmri.risk.development import Development
from qmri.risk.tables.marker_tables import preoperative_sessions
from qmri.risk.tables.proposal import proposed_rows

log = logging.getLogger(__name__)

FOLDER, RECORD = "risk", "risk_record.json"


def risk_tables(sheet: Path, results: Path, settings: RiskSettings) -> Tables:
    """Return the tables that the configuration of a study names.

    Raises
    ------
    QmriError
        If it names none, or one is not there.
    """
    if settings.clinical is None or settings.outcomes is None:
        raise QmriError(
            "the configuration names no clinical table and no outcomes",
            expected="risk.clinical and risk.outcomes, relative to the study sheet",
            remedy="qmri risk template DIR writes both to fill in",
        )
    base = sheet.resolve().parent
    for name, path in (("clinical", settings.clinical), ("outcomes", settings.outcomes)):
        if not (base / path).is_file():
            raise QmriError(f"the table that risk.{name} names is not there", where=path.name)
    return Tables(results / "markers", base / settings.clinical, base / settings.outcomes)


def develop_in_study(
    sheet: Path,
    results: Path,
    config: Config,
    pages: Callable[[Development, Path], None] | None = None,
) -> bool:
    """Develop the model of a study into its results folder; a refusal is recorded.

    Parameters
    ----------
    sheet, results, config
        Study sheet, results folder, configuration.
    pages
        Writes the pages into the folder that it is given.

    Returns
    -------
    bool
        Whether there is a model.
    """
    out = results / FOLDER
    for name in (*RISK_FILES, RECORD):
        (out / name).unlink(missing_ok=True)
    remove_pages(out)
    became: dict[str, Any] = {"status": "ok"}
    try:
        develop_files(risk_tables(sheet, results, config.risk), out, config, pages)
    except QmriError as error:
        log.error("%s", error)
        became = {"status": "refused", "reason": error.reason, "remedy": error.remedy}
    settings = Settings(**config.risk.model_dump(mode="json"))
    record = RiskRecord(stage="risk", **became, settings=settings, software=software_versions())
    out.mkdir(parents=True, exist_ok=True)
    write_record(out / RECORD, record)
    return record.status == "ok"


def propose_outcomes(results: Path, out: Path, settings: RiskSettings) -> int:
    """Write a first outcomes.csv from changes.csv and its dictionary; return how many propose a fracture.

    Raises
    ------
    QmriError
        If the tables are missing, or the file is there already.
    """
    folder = results if (results / "changes.csv").is_file() else results / "markers"
    if out.exists():
        raise QmriError(
            "a table is there already, and is not written over",
            where=out.name,
            remedy="name another file with --out, or move it away",
        )
    changes, patients = (_rows(folder / name) for name in ("changes.csv", "patients.csv"))
    sessions: dict[str, list[str]] = {}
    for row in patients:
        name, session = row["participant_id"].removeprefix("sub-"), row["session_id"].removeprefix("ses-")
        sessions.setdefault(name, []).append(session)
    wanted = settings.preoperative_session.removeprefix("ses-")
    known = [name for name, own in preoperative_sessions(sessions, wanted).items() if own is not None]
    rows = proposed_rows(sorted(known, key=by_name), changes, wanted, settings.outcome_window_days)
    columns = (*OUTCOME_COLUMNS, PROPOSAL)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(table_text(rows, columns), encoding="utf-8")
    write_json(out.with_suffix(".json"), dictionary(columns))
    return sum(row.get("refracture") == 1 for row in rows)


def participants_of(folder: Path) -> list[str]:
    """Return the participants of the marker tables in a folder; none where there are no tables."""
    for path in (folder / "patients.csv", folder / "markers" / "patients.csv"):
        if path.is_file():
            return sorted({row["participant_id"].removeprefix("sub-") for row in _rows(path)}, key=by_name)
    return []


def _rows(path: Path) -> Sequence[dict[str, str]]:
    try:
        return read_rows(path)
    except FileNotFoundError:
        raise QmriError(
            f"{path.name} is missing",
            where=path.parent.name,
            remedy="run qmri measure --collect, or name the results folder that holds the markers",
        ) from None
