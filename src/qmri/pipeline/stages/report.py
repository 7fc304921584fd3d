"""The rim of the report stage: folders of an examination in, one page out."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings, ReportSettings
from qmri.images.nifti import read_json, read_volume
from qmri.measure.rows import failed_examination
from qmri.outputs import PATIENT_COLUMNS, VERTEBRA_COLUMNS, exam_directory, file_path
from qmri.outputs.tables import table_text
from qmri.pipeline.records.stage import Outcome, run_stage_or_record
from qmri.pipeline.stages.measure import fractures_of, identity_of
from qmri.pipeline.study.study_sheet import Examination
from qmri.report.charts import Cells
from qmri.report.examination.examination_page import ExaminationContent, examination_page, thumbnail
from qmri.report.flagged import name_doubts
from qmri.viewer.layers import layers_of
from qmri.viewer.viewer_page import viewer_page

VERBS = ("ingest", "fit", "segment", "measure")


def report_in_study(
    exam: Examination, results: Path, settings: ReportSettings, measure_settings: MeasureSettings
) -> bool:
    """Write the page of one examination of a study; a failed examination has a page that says why."""
    name = exam.name
    directory = exam_directory(results, name, "report")

    def work(aside: Path) -> Outcome:
        content = read_content(exam, results, measure_settings)
        if settings.viewer and content.affine is not None:
            path = file_path(aside, name, "viewer")
            path.write_text(viewer_of(content), encoding="utf-8")
            content = replace(content, viewer=path.name)
        file_path(aside, name, "page").write_text(examination_page(content), encoding="utf-8")
        picture = thumbnail(content)
        if picture is not None:
            file_path(aside, name, "thumbnail").write_bytes(picture)
        return Outcome()

    return run_stage_or_record("report", name, directory, work, settings=settings.model_dump(mode="json"))


def viewer_of(content: ExaminationContent) -> str:
    """Return the page on which an examination's maps and labels are scrolled through."""
    maps, affine = content.maps, content.affine
    shape = next(iter(maps.values())).shape
    labels = np.zeros(shape, np.int16) if content.labels is None else content.labels
    verified = name_doubts(content.records.get("segment", {})) is None
    grid = np.eye(4) if affine is None else affine
    return viewer_page(content.name, layers_of(maps), labels, grid, verified=verified)


def read_content(exam: Examination, results: Path, settings: MeasureSettings) -> ExaminationContent:
    """Gather what there is of an examination, however far it came."""
    name = exam.name
    folder = {verb: exam_directory(results, name, verb) for verb in VERBS}
    paths = {verb: file_path(folder[verb], name, f"{verb}_record") for verb in VERBS}
    records = {verb: read_json(path) for verb, path in paths.items() if path.exists()}
    done = {verb for verb, record in records.items() if record.get("status") == "ok"}
    maps: dict[str, NDArray[np.float64]] = {}
    affine = labels = None
    if "fit" in done:
        volumes = {
            key: read_volume(path)
            for key in ("pdff", "r2star", "water", "fat")
            if (path := file_path(folder["fit"], name, key)).exists()
        }
        maps = {key: volumes[key].data.astype(np.float64) for key in ("pdff", "r2star")}
        if "water" in volumes and "fat" in volumes:
            maps["in_phase"] = volumes["water"].data.astype(np.float64) + volumes["fat"].data
        affine = volumes["pdff"].affine
    if "segment" in done:
        labels = read_volume(file_path(folder["segment"], name, "labels")).data.astype(np.int32)
    roi = None
    flags: list[Cells] = []
    if "measure" in done:
        roi = read_volume(file_path(folder["measure"], name, "roi")).data.astype(np.int32)
        flags = _read_rows(file_path(folder["measure"], name, "exam_flags"))
        vertebrae = _read_rows(file_path(folder["measure"], name, "exam_vertebrae"))
        patient = _read_rows(file_path(folder["measure"], name, "exam_patient"))[0]
    else:
        failed = next((record for record in records.values() if record.get("status") != "ok"), None)
        missing = next((verb for verb in VERBS if verb not in records), VERBS[-1])
        reason = f"{failed['failed_stage']}: {failed['reason']}" if failed else f"{missing}: not done yet"
        rows = failed_examination(identity_of(exam), reason, fractures=fractures_of(exam), settings=settings)
        vertebrae = _rows_of(table_text(rows.vertebrae, VERTEBRA_COLUMNS))
        patient = _rows_of(table_text([rows.patient], PATIENT_COLUMNS))[0]
    return ExaminationContent(name, vertebrae, patient, flags, records, maps, labels, roi, affine)


def _read_rows(path: Path) -> list[Cells]:
    return _rows_of(path.read_text(encoding="utf-8"))


def _rows_of(text: str) -> list[Cells]:
    return list(csv.DictReader(text.splitlines()))
