"""Join the rows of all examinations into the tables of a study, by participant and session."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from qmri import __version__
from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.measure.comparison.changes import SessionOrder, change_rows
from qmri.measure.rows import failed_examination
from qmri.outputs import CHANGE_COLUMNS, EXAM_TABLES, Column, exam_directory, file_path
from qmri.outputs.tables import TableRow, dictionary, table_text
from qmri.pipeline.records.joined_tables import Texts, digest, joined_tables, size_and_time
from qmri.pipeline.records.models import Failure
from qmri.pipeline.records.record_files import read_record
from qmri.pipeline.stages.measure import fractures_of, identity_of
from qmri.pipeline.study.study_sheet import Examination, Study

COMPARED = ("vertebrae", "patients")
"""The tables whose rows are compared between the sessions of a participant."""
COLUMNS = {name: table.columns for name, table in EXAM_TABLES.items()} | {"changes": CHANGE_COLUMNS}
NOTE = ".joined"
"""Which rows of the tables are whose, in the results folder."""


def collect(
    study: Study,
    results: Path,
    settings: MeasureSettings,
    order_of: Callable[[Sequence[Examination]], SessionOrder],
) -> dict[str, Path]:
    """Write the tables of EXAM_TABLES and changes.csv with a JSON dictionary beside each.

    An examination whose record tells of a failure gets its rows here, with the reason, so that even a
    job that was killed leaves no gap in the tables. The rows of an examination, or of a participant with
    several sessions, whose files have not changed since the last time are those of the former tables.

    Parameters
    ----------
    order_of
        Gives the order of the sessions of a participant; asked where these have changed.

    Returns
    -------
    dict
        Path of each table by its name.

    Raises
    ------
    QmriError
        If an examination was not measured yet, or its rows were made by another version.
    """
    markers = results / "markers"
    markers.mkdir(parents=True, exist_ok=True)
    paths = {name: markers / f"{name}.csv" for name in COLUMNS}
    headers = {name: table_text([], columns) for name, columns in COLUMNS.items()}
    keys = {exam.name: _key(exam, results) for exam in study}
    compared = {own[0].subject: own for own in study.repeated.values()}
    session_keys = {name: digest(*(keys[exam.name] for exam in own)) for name, own in compared.items()}
    basis = f"{__version__} {settings.model_dump_json()}"
    with joined_tables(paths, headers, results / NOTE, basis) as tables:
        visits: dict[str, list[Texts]] = {
            name: [] for name, key in session_keys.items() if not tables.is_known(name, key)
        }
        for exam in study:
            texts = tables.add(
                exam.name, keys[exam.name], partial(_examination_texts, exam, results, settings)
            )
            if exam.subject in visits:
                visits[exam.subject].append({name: texts[name] for name in COMPARED})
        for name, own in compared.items():
            changes = partial(_changes_text, own, visits.get(name, []), settings, order_of)
            tables.add(name, session_keys[name], changes)
    for name, path in paths.items():
        write_json(path.with_suffix(".json"), dictionary(COLUMNS[name]))
    return paths


def _key(exam: Examination, results: Path) -> str:
    """Return a digest of what the rows of an examination, and their comparison with others, depend on."""
    directory = exam_directory(results, exam.name, "measure")
    files = ("measure_record", *(table.file for table in EXAM_TABLES.values()))
    seen = (size_and_time(file_path(directory, exam.name, file)) for file in files)
    return digest(*seen, identity_of(exam), fractures_of(exam), exam.session_order)


def _changes_text(
    exams: Sequence[Examination],
    visits: Sequence[Texts],
    settings: MeasureSettings,
    order_of: Callable[[Sequence[Examination]], SessionOrder],
) -> Texts:
    """Return the rows of changes.csv of a participant, whose rows of each session are ``visits``."""
    vertebrae, patients = ([row for texts in visits for row in _rows(name, texts)] for name in COMPARED)
    orders = {exams[0].participant_id: order_of(exams)}
    return {"changes": _body_text(change_rows(vertebrae, patients, settings, orders), CHANGE_COLUMNS)}


def replace_text(path: Path, text: str) -> None:
    """Write a text file under another name and rename it, so that no half-written one is ever seen."""
    staging = path.with_name(f".{path.name}.part")
    staging.write_text(text, encoding="utf-8")
    staging.replace(path)


def _examination_texts(exam: Examination, results: Path, settings: MeasureSettings) -> dict[str, str]:
    """Return the rows of an examination as CSV without a header, by table."""
    directory = exam_directory(results, exam.name, "measure")
    record_path = file_path(directory, exam.name, "measure_record")
    if not record_path.exists():
        raise QmriError(
            "an examination has not been measured yet",
            where=exam.name,
            remedy=f"qmri measure --exam {exam.name} --results ...",
        )
    record = read_record(record_path)
    if not isinstance(record, Failure):
        return {table: _body(directory, exam.name, table) for table in EXAM_TABLES}
    rows = failed_examination(
        identity_of(exam),
        f"{record.failed_stage}: {record.reason}",
        fractures=fractures_of(exam),
        settings=settings,
    )
    return {name: _body_text(rows.tables[name], table.columns) for name, table in EXAM_TABLES.items()}


def _body_text(rows: Sequence[TableRow], columns: Sequence[Column]) -> str:
    return table_text(rows, columns).removeprefix(table_text([], columns))


def _rows(table: str, texts: Mapping[str, str]) -> list[dict[str, str]]:
    header = table_text([], EXAM_TABLES[table].columns)
    return list(csv.DictReader(io.StringIO(header + texts[table], newline="")))


def _body(directory: Path, name: str, table: str) -> str:
    path = file_path(directory, name, EXAM_TABLES[table].file)
    header = table_text([], EXAM_TABLES[table].columns)
    text = path.read_text(encoding="utf-8")
    if not text.startswith(header):
        raise QmriError(
            "the rows of an examination have other columns than this version of qmri writes",
            where=path.name,
            remedy="measure the examination again",
        )
    return text[len(header) :]
