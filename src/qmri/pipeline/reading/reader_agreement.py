"""The tables on two readers, ``review/agreement*.csv`` and ``review/disagreements.csv``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qmri.config import Config, MeasureSettings, read_config
from qmri.errors import QmriError
from qmri.images.nifti import Volume
from qmri.json_files import write_json
from qmri.measure.comparison.read_agreement import agreement_rows
from qmri.measure.comparison.readings import BodyPair, match_bodies
from qmri.measure.comparison.two_reads import Body, TwoReads
from qmri.measure.data import ExaminationData, Identity
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures, Maps, Origin
from qmri.outputs import AGREEMENT_TABLES, exam_directory, file_path
from qmri.outputs.tables import Cell, dictionary, read_rows, table_text
from qmri.pipeline.reading.label_files import read_labels
from qmri.pipeline.reading.readings import (
    FIRST,
    FOLDER,
    SECOND,
    Reading,
    by_examination,
    read_readings,
)
from qmri.pipeline.reading.second_read import (
    Verdict,
    first_verdict,
    fractures_said,
    second_reads,
    second_verdict,
    settled,
)
from qmri.pipeline.records.whole_file import write_whole
from qmri.pipeline.stages.measure import read_fitted

Row = dict[str, Cell]


@dataclass(frozen=True)
class WrittenAgreement:
    """What was written.

    Attributes
    ----------
    tables
        Path of each table by name.
    compared
        Number of second reads that were held against a first one.
    disagreements
        Number of differences that no consensus has settled.
    left_out
        Second reader, examination, and why that read is not compared.
    """

    tables: dict[str, Path]
    compared: int
    disagreements: int
    left_out: tuple[tuple[str, str, str], ...]


def write_agreement(results: Path) -> WrittenAgreement:
    """Hold every second read against the first, and write the tables of ``review/``.

    A read counts where its reader stands behind it: confirmed, and not changed since. The markers of both
    label maps are measured anew, with the settings of the results folder; the tables of the study stay as
    they are.

    Raises
    ------
    QmriError
        If there is no second read, or the log of readings is no log.
    """
    readings = read_readings(results)
    reads = second_reads(results, readings)
    if not reads:
        raise QmriError(
            "there is no second read",
            where=results.resolve().name,
            remedy="qmri review RESULTS --reader CD --second",
        )
    frozen = results / "config.yaml"
    config = read_config(frozen) if frozen.is_file() else Config()
    compared: list[TwoReads] = []
    left_out: list[tuple[str, str, str]] = []
    of_exam = by_examination(readings)
    for reader, exam in reads:
        found = compare_reads(results, of_exam[exam], exam, reader, config.measure)
        if isinstance(found, str):
            left_out.append((reader, exam, found))
        else:
            compared.append(found)
    limits = config.review.least_dice, config.review.height_mm
    disagreements = [row for read in compared for row in read.disagreements(*limits)]
    readers = sorted({read.second_reader for read in compared})
    rows: dict[str, list[Row]] = {
        "agreement": [
            row
            for reader in readers
            for row in agreement_rows([read for read in compared if read.second_reader == reader])
        ],
        "agreement_levels": [read.keys | body.cells() for read in compared for body in read.bodies],
        "disagreements": disagreements,
        "agreement_left_out": [
            {**_keys(exam), "second_reader": reader, "reason": reason} for reader, exam, reason in left_out
        ],
    }
    paths = {name: _write(results / FOLDER, name, each) for name, each in rows.items()}
    open_ones = sum(not row["settled"] for row in disagreements)
    return WrittenAgreement(paths, len(compared), open_ones, tuple(left_out))


def compare_reads(
    results: Path, readings: Sequence[Reading], exam: str, reader: str, settings: MeasureSettings
) -> TwoReads | str:
    """Return one examination in two reads, or why they cannot be compared."""
    first, second = first_verdict(results, readings, exam), second_verdict(results, readings, exam, reader)
    if isinstance(second, str):
        return second
    if isinstance(first, str):
        return first
    try:
        bodies, field_t = _bodies(results, readings, exam, (first, second), settings)
    except QmriError as error:
        return error.reason
    keys = _keys(exam)
    return TwoReads(
        str(keys["participant_id"]),
        str(keys["session_id"]),
        first.reader,
        second.reader,
        (first.usable, second.usable),
        bodies,
        settled(readings, exam, reader),
        field_t,
    )


def _bodies(
    results: Path,
    readings: Sequence[Reading],
    exam: str,
    verdicts: tuple[Verdict, Verdict],
    settings: MeasureSettings,
) -> tuple[tuple[Body, ...], float | None]:
    """Return the bodies of both label maps with their markers, and the field of the images.

    There are none where one reader calls the examination not usable.
    """
    paths = [verdict.labels for verdict in verdicts]
    maps = [read_labels(path) for path in paths if path is not None]
    if len(maps) < 2:
        return (), None
    if not maps[0].grid.matches(maps[1].grid):
        raise QmriError("the label maps of both readers lie on different grids")
    fitted = read_fitted(results, exam, maps[0])
    fractures = _fractures(results, exam)
    first, second = (_markers(exam, fitted, labels, fractures, settings) for labels in maps)
    said = (
        fractures_said(readings, exam, FIRST),
        fractures_said(readings, exam, SECOND, verdicts[1].reader),
    )
    field_t = fitted[1].acquisition.field_strength_t
    bodies = tuple(
        Body(
            pair,
            first.get(pair.first or "", {}),
            second.get(pair.second or "", {}),
            said[0].get(pair.first or ""),
            said[1].get(pair.second or ""),
        )
        for pair in _pairs(maps)
    )
    return bodies, None if field_t is None else round(field_t, 1)


def _pairs(maps: Sequence[Volume]) -> list[BodyPair]:
    first, second = (np.asarray(each.data, np.intp) for each in maps)
    return match_bodies(first, second)


def _markers(
    exam: str, fitted: tuple[Maps, Origin], labels: Volume, fractures: Fractures, settings: MeasureSettings
) -> dict[str, Row]:
    """Return the row of every measured level of a reader's label map."""
    keys = _keys(exam)
    data = ExaminationData(
        Identity(str(keys["participant_id"]), str(keys["session_id"])),
        fitted[0],
        labels.data,
        origin=fitted[1],
        fractures=fractures,
    )
    rows = measure_examination(data, settings).vertebrae
    return {str(row["level"]): row for row in rows if row["status"] == "ok"}


def _fractures(results: Path, exam: str) -> Fractures:
    """Return the fractures with which the study measured the examination."""
    path = file_path(exam_directory(results, exam, "measure"), exam, "exam_vertebrae")
    rows = read_rows(path) if path.is_file() else []
    treated, acute, old = (
        tuple(row["level"] for row in rows if row["fracture_status"] == word)
        for word in ("treated_target", "acute", "old")
    )
    return Fractures(treated, acute, old)


def _keys(exam: str) -> Row:
    participant, _, session = exam.removeprefix("sub-").partition("_ses-")
    return {"participant_id": participant, "session_id": session}


def _write(folder: Path, name: str, rows: Iterable[Row]) -> Path:
    """Write a table and its dictionary, each whole or not at all."""
    columns, _ = AGREEMENT_TABLES[name]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    write_whole(path, table_text(rows, columns))
    write_json(folder / f"{name}.json", dictionary(columns))
    return path
