"""Join the rows of all examinations into the tables of a study, by participant and session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.measure.comparison.changes import SessionOrder, change_rows
from qmri.measure.rows import failed_examination
from qmri.outputs import CHANGE_COLUMNS, EXAM_TABLES, exam_directory, file_path
from qmri.outputs.tables import dictionary, read_rows, table_text
from qmri.pipeline.records.models import Failure
from qmri.pipeline.records.record_files import read_record
from qmri.pipeline.stages.measure import fractures_of, identity_of
from qmri.pipeline.study.study_sheet import Examination, Study


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
    texts = [_examination_texts(exam, results, settings) for exam in study]
    markers = results / "markers"
    markers.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, table in EXAM_TABLES.items():
        paths[name] = markers / f"{name}.csv"
        replace_text(paths[name], table_text([], table.columns) + "".join(text[name] for text in texts))
        write_json(markers / f"{name}.json", dictionary(table.columns))
    changes = change_rows(read_rows(paths["vertebrae"]), read_rows(paths["patients"]), settings, orders)
    paths["changes"] = markers / "changes.csv"
    replace_text(paths["changes"], table_text(changes, CHANGE_COLUMNS))
    write_json(markers / "changes.json", dictionary(CHANGE_COLUMNS))
    return paths


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
    return {
        name: table_text(rows.tables[name], table.columns).removeprefix(table_text([], table.columns))
        for name, table in EXAM_TABLES.items()
    }


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
