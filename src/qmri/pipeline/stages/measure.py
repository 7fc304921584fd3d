"""Files of the measure stage: maps, labels and records in, rows out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings
from qmri.errors import QmriError
from qmri.images.nifti import Volume, read_volume, write_volume
from qmri.json_files import write_json
from qmri.measure.data import ExaminationData, ExaminationRows, Identity
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures, ImageNoise, Maps, Origin
from qmri.outputs import EXAM_TABLES, exam_directory, file_path
from qmri.outputs.tables import dictionary, table_text
from qmri.pipeline.reading.label_files import given_tissues, read_labels, read_notes, read_tissues
from qmri.pipeline.records.decisions import FitDecisions, MeasureDecisions
from qmri.pipeline.records.models import FitRecord
from qmri.pipeline.records.record_files import require_record
from qmri.pipeline.records.stage import Outcome, run_stage, run_stage_or_record
from qmri.pipeline.study.study_sheet import Examination

MAPS = (
    "pdff",
    "r2star",
    "water",
    "fat",
    "field",
    "pdff_sd",
    "r2star_sd",
    "r2star_shift",
    "rchi2",
    "swap_risk",
)
VENDOR = "vendor"
FRACTION_BELOW, PER_MILLE_ABOVE = 1.5, 250.0
NEEDED_MAPS = ("pdff", "r2star")


def measure_in_study(exam: Examination, results: Path, settings: MeasureSettings) -> bool:
    """Measure one examination of a study from its folders; tell whether that succeeded."""
    name = exam.name
    folder = {verb: exam_directory(results, name, verb) for verb in ("ingest", "fit", "segment", "measure")}
    records = [file_path(folder[verb], name, f"{verb}_record") for verb in ("ingest", "fit", "segment")]

    def work(staging: Path) -> Outcome:
        labels = read_labels(file_path(folder["segment"], name, "labels"))
        maps, origin = read_fitted(results, name, labels)
        data = ExaminationData(
            identity_of(exam),
            maps,
            labels.data,
            origin=origin,
            fractures=fractures_of(exam),
            notes=read_notes(file_path(folder["segment"], name, "labels_table")),
            tissues=read_tissues(file_path(folder["segment"], name, "tissues"), labels),
        )
        rows = measure_examination(data, settings)
        write_rows(staging, name, rows)
        write_volume(file_path(staging, name, "roi"), labels.like(rows.roi), dtype=np.int16)
        return Outcome(MeasureDecisions(levels_measured=_measured(rows)))

    return run_stage_or_record(
        "measure",
        name,
        folder["measure"],
        work,
        upstream=records,
        settings=settings.model_dump(mode="json"),
    )


def read_fitted(results: Path, name: str, labels: Volume) -> tuple[Maps, Origin]:
    """Read the maps of an examination of a study for labels on their grid, and where they come from.

    Raises
    ------
    QmriError
        If it was not fitted, or the labels lie on another grid.
    """
    fit = exam_directory(results, name, "fit")
    paths = {key: file_path(fit, name, key) for key in MAPS}
    maps = read_maps({key: path for key, path in paths.items() if path.exists()}, labels)
    origin = origin_of(require_record(file_path(fit, name, "fit_record"), FitRecord).decisions)
    if origin.recon_mode != VENDOR:
        maps = add_vendor_maps(maps, labels, exam_directory(results, name, "ingest"), name)
    return maps, origin


def identity_of(exam: Examination) -> Identity:
    """Return the keys of an examination."""
    return Identity(exam.participant_id, exam.session_id)


def fractures_of(exam: Examination) -> Fractures:
    """Return what the study sheet says of an examination's fractures."""
    return Fractures(exam.treated_levels, exam.acute_levels, exam.old_levels)


def measure_files(
    name: str,
    paths: Mapping[str, Path],
    labels_path: Path,
    out: Path,
    *,
    labels_table: Path | None,
    tissues: Path | None,
    fractures: Fractures,
    settings: MeasureSettings,
) -> None:
    """Measure maps and labels given as files and write the tables with their dictionaries.

    Raises
    ------
    QmriError
        If a file cannot be read or lies on another grid.
    """
    participant, session = name.split("_")
    identity = Identity(participant.removeprefix("sub-"), session.removeprefix("ses-"))

    def work(staging: Path) -> Outcome:
        labels = read_labels(labels_path)
        data = ExaminationData(
            identity,
            read_maps(paths, labels),
            labels.data,
            fractures=fractures,
            notes=read_notes(labels_table) if labels_table else {},
            tissues=given_tissues(tissues, labels),
        )
        rows = measure_examination(data, settings)
        write_rows(staging, name, rows)
        write_volume(file_path(staging, name, "roi"), labels.like(rows.roi), dtype=np.int16)
        for table in EXAM_TABLES.values():
            write_json(file_path(staging, name, f"{table.file}_dictionary"), dictionary(table.columns))
        return Outcome(MeasureDecisions(levels_measured=_measured(rows)))

    read = [*paths.values(), labels_path, *(path for path in (labels_table, tissues) if path)]
    run_stage("measure", name, out, work, upstream=read, settings=settings.model_dump(mode="json"))


def read_maps(paths: Mapping[str, Path], labels: Volume) -> Maps:
    """Read the maps that exist and check that they lie on the grid of the labels.

    Raises
    ------
    QmriError
        If PDFF or R2* is missing, a map has another grid, or PDFF is not in percent.
    """
    for key in NEEDED_MAPS:
        if key not in paths:
            raise QmriError(f"there is no {key} map", expected="PDFF and R2* maps")
    maps: dict[str, NDArray[np.float64]] = {}
    for key, path in paths.items():
        volume = read_volume(path)
        if not volume.grid.matches(labels.grid):
            raise QmriError(
                "a map and the labels lie on different grids",
                where=path.name,
                found=f"{volume.data.shape[:3]}",
                expected=f"{labels.data.shape[:3]} at the same position",
                remedy="make the labels on the maps' own grid",
            )
        maps[key] = np.asarray(volume.data, dtype=np.float64)
    _check_percent(maps["pdff"], paths["pdff"])
    return Maps(affine=labels.affine, **maps)


def _check_percent(pdff: NDArray[np.float64], path: Path) -> None:
    """Refuse a map that holds fractions or per mille."""
    known = pdff[np.isfinite(pdff)]
    if known.size and not FRACTION_BELOW < (top := float(np.percentile(known, 99))) < PER_MILLE_ABOVE:
        raise QmriError(
            "the PDFF map does not seem to be in percent",
            where=path.name,
            found=f"its highest hundredth begins at {top:.3g}",
            expected="0 to 100",
            remedy="scale the map to percent",
        )


def add_vendor_maps(maps: Maps, labels: Volume, ingest: Path, name: str) -> Maps:
    """Return the maps with the scanner's own beside them, where they were exported on the same grid."""
    added = {}
    for key in ("vendor_pdff", "vendor_r2star"):
        path = file_path(ingest, name, key)
        if path.exists():
            volume = read_volume(path)
            if volume.grid.matches(labels.grid):
                added[key] = np.asarray(volume.data, dtype=np.float64)
    return replace(maps, **added)


def origin_of(decisions: FitDecisions) -> Origin:
    """Return where the maps come from, by the decisions of the fit."""
    shares = decisions.echo_disagreement
    return Origin(
        recon_mode=decisions.recon_mode,
        fat_model_id=decisions.fat_model_id,
        acquisition=decisions.acquisition,
        noise=ImageNoise(decisions.noise.sigma, decisions.noise.independent_shares),
        rchi2_median=decisions.rchi2_median,
        worst_echo=1 + int(np.argmax(shares)) if shares else None,
    )


def write_rows(directory: Path, name: str, rows: ExaminationRows) -> None:
    """Write the rows of an examination."""
    for key, table in EXAM_TABLES.items():
        text = table_text(rows.tables[key], table.columns)
        file_path(directory, name, table.file).write_text(text, encoding="utf-8")


def _measured(rows: ExaminationRows) -> tuple[str, ...]:
    return tuple(str(row["level"]) for row in rows.vertebrae if row["status"] == "ok")
