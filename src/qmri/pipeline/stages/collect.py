"""Join the rows of all examinations into the tables of a study, by participant and session."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

from qmri import __version__
from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.measure.comparison.changes import SessionOrder, change_rows
from qmri.measure.rows import failed_examination
from qmri.outputs import CHANGE_COLUMNS, EXAM_TABLES, Column, exam_directory, file_path
from qmri.outputs.tables import TableRow, dictionary, table_text
from qmri.pipeline.records.kept_rows import Texts, kept_rows
from qmri.pipeline.records.models import Failure
from qmri.pipeline.records.record_files import read_record
from qmri.pipeline.records.seen import digest, size_and_time
from qmri.pipeline.records.whole_file import whole_file
from qmri.pipeline.stages.measure import fractures_of, identity_of
from qmri.pipeline.study.study_sheet import Examination, Study

COMPARED = ("vertebrae", "patients")
"""The tables whose rows are compared between the sessions of a participant."""
COLUMNS = {name: table.columns for name, table in EXAM_TABLES.items()} | {"changes": CHANGE_COLUMNS}
KEPT = ".rows"
"""Where the rows of examinations are kept for the next time, in the results folder."""


def collect(
    study: Study,
    results: Path,
    settings: MeasureSettings,
    order_of: Callable[[Sequence[Examination]], SessionOrder],
) -> dict[str, Path]:
    """Write the tables of EXAM_TABLES and changes.csv with a JSON dictionary beside each.

    An examination whose record tells of a failure gets its rows here, with the reason, so that even a
    job that was killed leaves no gap in the tables. The rows of an examination, or of a participant with
    several sessions, whose files have not changed since the last time are not made again.

    Parameters
    ----------
    order_of
        Gives the order of the sessions of a participant.

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
    basis = [
        __version__,
        settings.model_dump_json(),
        *(table_text([], columns) for columns in COLUMNS.values()),
    ]
    visits: dict[str, list[tuple[Examination, str, Texts]]] = {
        own[0].subject: [] for own in study.repeated.values()
    }
    with kept_rows(results / KEPT) as kept, _all_replaced(paths) as files:
        for name, columns in COLUMNS.items():
            files[name].write(table_text([], columns))
        for exam in study:
            made_from = digest([*basis, *_seen(exam, results)])
            texts = kept.rows(exam.name, made_from, partial(_examination_texts, exam, results, settings))
            for name, text in texts.items():
                files[name].write(text)
            if exam.subject in visits:
                visits[exam.subject].append((exam, made_from, {name: texts[name] for name in COMPARED}))
        for subject, own in visits.items():
            exams, rows_from, sessions = zip(*own, strict=True)
            order = order_of(exams)
            make = partial(_changes_text, exams[0].participant_id, order, sessions, settings)
            files["changes"].write(kept.rows(subject, digest([*rows_from, str(order)]), make)["changes"])
    for name, path in paths.items():
        write_json(path.with_suffix(".json"), dictionary(COLUMNS[name]))
    return paths


def _seen(exam: Examination, results: Path) -> Iterator[str]:
    """Tell what the rows of an examination are made from: its files, and what the sheet says."""
    directory = exam_directory(results, exam.name, "measure")
    for file in ("measure_record", *(table.file for table in EXAM_TABLES.values())):
        yield size_and_time(file_path(directory, exam.name, file))
    yield f"{identity_of(exam)} {fractures_of(exam)}"


def _changes_text(
    participant: str, order: SessionOrder, sessions: Sequence[Texts], settings: MeasureSettings
) -> Texts:
    """Return the rows of changes.csv of a participant from those of each session."""
    vertebrae, patients = ([row for texts in sessions for row in _rows(name, texts)] for name in COMPARED)
    changes = change_rows(vertebrae, patients, settings, {participant: order})
    return {"changes": _body_text(changes, CHANGE_COLUMNS)}


@contextmanager
def _all_replaced(paths: Mapping[str, Path]) -> Iterator[dict[str, TextIO]]:
    """Give a file to write for each path; in the end they take their places, or none if something fails."""
    with ExitStack() as replaced:
        staging = {name: replaced.enter_context(whole_file(path)) for name, path in paths.items()}
        with ExitStack() as opened:
            yield {
                name: opened.enter_context(path.open("w", encoding="utf-8")) for name, path in staging.items()
            }


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
