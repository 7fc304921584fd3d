"""Join the rows of all examinations into the tables of a study, by participant and session."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.measure.comparison.changes import SessionOrder, change_rows
from qmri.measure.rows import failed_examination
from qmri.outputs import CHANGE_COLUMNS, EXAM_TABLES, Column, exam_directory, file_path
from qmri.outputs.tables import TableRow, dictionary, table_text
from qmri.pipeline.records.models import Failure
from qmri.pipeline.records.record_files import read_record
from qmri.pipeline.stages.measure import fractures_of, identity_of
from qmri.pipeline.study.study_sheet import Examination, Study

COMPARED = ("vertebrae", "patients")
"""The tables whose rows are compared between the sessions of a participant."""
LEVEL = [column.name for column in EXAM_TABLES["vertebrae"].columns].index("level")


def collect(
    study: Study, results: Path, settings: MeasureSettings, orders: Mapping[str, SessionOrder]
) -> dict[str, Path]:
    """Write the tables of EXAM_TABLES and changes.csv with a JSON dictionary beside each.

    An examination whose record tells of a failure gets its rows here, with the reason, so that even a
    job that was killed leaves no gap in the tables.

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
    paths = {name: markers / f"{name}.csv" for name in (*EXAM_TABLES, "changes")}
    levels: dict[str, None] = {}
    visits: dict[str, list[dict[str, str]]] = {}
    with _all_replaced(paths) as files:
        for name, table in EXAM_TABLES.items():
            files[name].write(table_text([], table.columns))
        for exam in study:
            texts = _examination_texts(exam, results, settings)
            for name, text in texts.items():
                files[name].write(text)
            if orders:
                levels |= dict.fromkeys(cells[LEVEL] for cells in csv.reader(io.StringIO(texts["vertebrae"])))
            if exam.participant_id in orders:
                visits.setdefault(exam.participant_id, []).append({name: texts[name] for name in COMPARED})
        files["changes"].write(table_text([], CHANGE_COLUMNS))
        for own in visits.values():
            vertebrae, patients = ([row for texts in own for row in _rows(name, texts)] for name in COMPARED)
            changes = change_rows(vertebrae, patients, settings, orders, list(levels))
            files["changes"].write(_body_text(changes, CHANGE_COLUMNS))
    for name, path in paths.items():
        columns = CHANGE_COLUMNS if name == "changes" else EXAM_TABLES[name].columns
        write_json(path.with_suffix(".json"), dictionary(columns))
    return paths


def replace_text(path: Path, text: str) -> None:
    """Write a text file under another name and rename it, so that no half-written one is ever seen."""
    staging = path.with_name(f".{path.name}.part")
    staging.write_text(text, encoding="utf-8")
    staging.replace(path)


@contextmanager
def _all_replaced(paths: Mapping[str, Path]) -> Iterator[dict[str, TextIO]]:
    """Give a file to write for each path; in the end all are renamed to these, or none if something fails."""
    staging = {name: path.with_name(f".{path.name}.part") for name, path in paths.items()}
    try:
        with ExitStack() as opened:
            yield {
                name: opened.enter_context(path.open("w", encoding="utf-8")) for name, path in staging.items()
            }
        for name, path in paths.items():
            staging[name].replace(path)
    finally:
        for path in staging.values():
            path.unlink(missing_ok=True)


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
