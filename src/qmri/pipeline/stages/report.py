"""Files of the report stage: folders of an examination in, one page out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings, ReportSettings
from qmri.images.nifti import read_volume
from qmri.measure.rows import failed_examination
from qmri.outputs import PATIENT_COLUMNS, VERTEBRA_COLUMNS, exam_directory, file_path
from qmri.outputs.files import participant_page
from qmri.outputs.tables import read_rows, table_text
from qmri.pipeline.records.models import FitRecord, MeasureRecord, SegmentRecord, Success
from qmri.pipeline.records.record_files import Records, read_records
from qmri.pipeline.records.stage import Outcome, run_stage_or_record
from qmri.pipeline.stages.measure import fractures_of, identity_of
from qmri.pipeline.study.study_sheet import Examination
from qmri.report.charts import Cells
from qmri.report.examination.examination_page import (
    ExaminationContent,
    StageFailure,
    StageNotes,
    examination_page,
    thumbnail,
)
from qmri.viewer.layers import layers_of
from qmri.viewer.viewer_page import viewer_page

VERBS = ("ingest", "fit", "segment", "measure")


def report_in_study(
    exam: Examination,
    results: Path,
    settings: ReportSettings,
    measure_settings: MeasureSettings,
    *,
    repeated: bool = False,
) -> bool:
    """Write the page of one examination of a study; a failed examination has a page that says why.

    ``repeated`` says that the participant has several sessions: the page links to that of the participant.
    """
    name = exam.name
    directory = exam_directory(results, name, "report")

    def work(staging: Path) -> Outcome:
        content = read_content(exam, results, measure_settings)
        if repeated:
            page = participant_page(Path("..", "..", ".."), exam.subject)
            content = replace(content, participant_page=page.as_posix())
        if settings.viewer and content.affine is not None:
            path = file_path(staging, name, "viewer")
            path.write_text(viewer_of(content), encoding="utf-8")
            content = replace(content, viewer=path.name)
        file_path(staging, name, "page").write_text(examination_page(content), encoding="utf-8")
        picture = thumbnail(content)
        if picture is not None:
            file_path(staging, name, "thumbnail").write_bytes(picture)
        return Outcome()

    return run_stage_or_record("report", name, directory, work, settings=settings.model_dump(mode="json"))


def viewer_of(content: ExaminationContent) -> str:
    """Return the page on which an examination's maps and labels are scrolled through."""
    maps, affine = content.maps, content.affine
    shape = next(iter(maps.values())).shape
    labels = np.zeros(shape, np.int16) if content.labels is None else content.labels
    grid = np.eye(4) if affine is None else affine
    return viewer_page(content.name, layers_of(maps), labels, grid, verified=content.name_doubts is None)


def read_content(exam: Examination, results: Path, settings: MeasureSettings) -> ExaminationContent:
    """Gather what there is of an examination, however far it came."""
    name = exam.name
    folder = {verb: exam_directory(results, name, verb) for verb in VERBS}
    records = read_records(results, name, VERBS)
    maps: dict[str, NDArray[np.float64]] = {}
    affine = labels = tissues = None
    if records.of(FitRecord):
        volumes = {
            key: read_volume(path)
            for key in ("pdff", "r2star", "water", "fat")
            if (path := file_path(folder["fit"], name, key)).exists()
        }
        maps = {key: volumes[key].data.astype(np.float64) for key in ("pdff", "r2star")}
        if "water" in volumes and "fat" in volumes:
            maps["in_phase"] = volumes["water"].data.astype(np.float64) + volumes["fat"].data
        affine = volumes["pdff"].affine
    segmented = records.of(SegmentRecord)
    if segmented:
        labels = read_volume(file_path(folder["segment"], name, "labels")).data.astype(np.int32)
        if (path := file_path(folder["segment"], name, "tissues")).exists():
            tissues = read_volume(path).data.astype(np.int32)
    roi = None
    muscles: Sequence[Cells] = ()
    discs: Sequence[Cells] = ()
    flags: Sequence[Cells] = ()
    if records.of(MeasureRecord):
        roi = read_volume(file_path(folder["measure"], name, "roi")).data.astype(np.int32)
        discs = read_rows(file_path(folder["measure"], name, "exam_discs"))
        muscles = read_rows(file_path(folder["measure"], name, "exam_muscles"))
        flags = read_rows(file_path(folder["measure"], name, "exam_flags"))
        vertebrae: Sequence[Cells] = read_rows(file_path(folder["measure"], name, "exam_vertebrae"))
        patient: Cells = read_rows(file_path(folder["measure"], name, "exam_patient"))[0]
    else:
        rows = failed_examination(
            identity_of(exam), _why(records), fractures=fractures_of(exam), settings=settings
        )
        vertebrae = _rows_of(table_text(rows.vertebrae, VERTEBRA_COLUMNS))
        patient = _rows_of(table_text([rows.patient], PATIENT_COLUMNS))[0]
    failure = records.failure
    return ExaminationContent(
        name,
        vertebrae,
        patient,
        flags,
        stages=[
            StageNotes(verb, record.warnings, record.decisions.to_json())
            for verb, record in records.by_verb.items()
            if isinstance(record, Success)
        ],
        muscles=muscles,
        discs=discs,
        failure=StageFailure(failure.failed_stage, failure.reason, failure.remedy) if failure else None,
        name_doubts=segmented.name_doubts if segmented else None,
        software=records.software,
        maps=maps,
        labels=labels,
        tissues=tissues,
        roi=roi,
        affine=affine,
    )


def _why(records: Records) -> str:
    """Return why an examination has no rows: where it failed, or which stage is missing."""
    if failure := records.failure:
        return f"{failure.failed_stage}: {failure.reason}"
    return f"{next((verb for verb in VERBS if verb not in records.by_verb), VERBS[-1])}: not done yet"


def _rows_of(text: str) -> list[Cells]:
    return list(csv.DictReader(text.splitlines()))
