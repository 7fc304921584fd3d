"""The page of an examination: what it shows, from tables, maps and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qmri.images.curved_plane import coronal_view, ras_voxel_mm, sagittal_view, to_ras
from qmri.report.charts import Cells, Profile, is_fractured, number, profile_svg
from qmri.report.environment import environment
from qmri.report.examination.disc_table import disc_rows
from qmri.report.examination.muscle_section import missing, section_svgs, table_rows
from qmri.report.examination.pictures import (
    PDFF,
    R2STAR,
    Scale,
    colour_bar_svg,
    grey_scale,
    picture_svg,
    thumbnail_png,
)
from qmri.report.examination.record_words import in_words, software_in_words
from qmri.report.flagged import flagged, spoken_levels
from qmri.spine.levels import LEVEL_ID

COLOURED = {"pdff": PDFF, "r2star": R2STAR}

Map = NDArray[np.float64]
Labels = NDArray[np.integer]


@dataclass(frozen=True)
class PageColumn:
    """A column of the page's table: heading, unit, and how its cell is made from a row."""

    heading: str
    unit: str
    value: str
    digits: int = 1
    error: str | None = None
    until: str | None = None
    text: bool = False

    def cell(self, row: Cells) -> str:
        """Return the cell of a row: a text, a number, a number with its error, or a range."""
        if self.text:
            words = row.get(self.value, "n/a")
            return "" if words in ("n/a", "none") else words.replace("_", " ").replace(";", ", ")
        value = number(row, self.value)
        if value is None:
            return ""
        shown = [f"{round(value, self.digits) + 0.0:.{self.digits}f}"]
        for joint, name in ((" to ", self.until), (" \u00b1 ", self.error)):
            other = number(row, name) if name else None
            if other is not None:
                shown.append(f"{joint}{other:.{self.digits}f}")
        return "".join(shown)


TABLE = (
    PageColumn("Level", "", "level", text=True),
    PageColumn("Fracture", "", "fracture_status", text=True),
    PageColumn("PDFF", "% \u00b1 SE", "pdff_median_pct", error="pdff_se_total_pct"),
    PageColumn("PDFF 5 to 95 %", "%", "pdff_p05_pct", digits=0, until="pdff_p95_pct"),
    PageColumn("R2*", "1/s \u00b1 SE", "r2star_median_per_s", digits=0, error="r2star_se_total_per_s"),
    PageColumn("Heights ant", "mm", "height_ant_mm"),
    PageColumn("mid", "mm", "height_mid_mm"),
    PageColumn("post", "mm", "height_post_mm"),
    PageColumn("Loss", "%", "height_loss_pct", digits=0),
    PageColumn("Grade", "", "genant_grade", digits=0),
    PageColumn("Volume", "cm\u00b3", "volume_cm3"),
    PageColumn("Voxels", "", "n_voxels", digits=0),
    PageColumn("Flags", "", "qc_flags", text=True),
)


@dataclass(frozen=True)
class StageNotes:
    """What the record of a stage that succeeded tells a reader: warnings, and decisions as JSON values."""

    verb: str
    warnings: Sequence[str]
    decisions: Mapping[str, object]


@dataclass(frozen=True)
class StageFailure:
    """The stage at which an examination failed, why, and what to do."""

    verb: str
    reason: str
    remedy: str | None = None


@dataclass(frozen=True)
class ExaminationContent:
    """What the page of an examination is made from.

    Attributes
    ----------
    name
        Examination, as in file names.
    vertebrae, patient, flags
        Rows of the tables, cells as text.
    stages
        What the stages that succeeded tell.
    failure
        Where the examination failed; None where it did not.
    name_doubts
        Why the names of the levels are not verified; None where they are, or where there are none.
    software
        Versions of the programs at the first stage.
    maps
        (x, y, z) maps by key ``pdff``, ``r2star``, ``in_phase``; empty where the fit failed.
    muscles, discs
        Rows of muscles.csv and discs.csv, cells as text.
    labels, tissues, roi
        (x, y, z) label maps of bodies and tissues and measured regions, or None.
    affine
        (4, 4) of the maps.
    viewer
        File name of the viewer's page beside this one, or None.
    participant_page
        Address of the page that shows change over the participant's sessions, or None.
    """

    name: str
    vertebrae: Sequence[Cells]
    patient: Cells
    flags: Sequence[Cells]
    stages: Sequence[StageNotes] = ()
    muscles: Sequence[Cells] = ()
    discs: Sequence[Cells] = ()
    failure: StageFailure | None = None
    name_doubts: tuple[str, ...] | None = None
    software: Mapping[str, str] = field(default_factory=dict)
    maps: Mapping[str, Map] = field(default_factory=dict)
    labels: Labels | None = None
    tissues: Labels | None = None
    roi: Labels | None = None
    affine: NDArray[np.float64] | None = None
    viewer: str | None = None
    participant_page: str | None = None


def examination_page(content: ExaminationContent) -> str:
    """Return the page of an examination as one HTML document without references to other files."""
    shown = [row for row in content.vertebrae if row["status"] != "not_in_view"]
    measured = content.patient["status"] == "ok"
    template = environment().get_template("examination.html")
    return template.render(
        name=content.name,
        viewer=content.viewer,
        participant_page=content.participant_page,
        patient=content.patient,
        failure=None if measured else _failure(content),
        flags=flagged(content.flags),
        doubts=content.name_doubts,
        spoken_levels=spoken_levels,
        corrigible=content.labels is not None,
        measured=content.roi is not None,
        figures=_figures(content),
        profiles=_profiles(content, shown) if measured else [],
        discs=disc_rows(content.discs) if measured else [],
        muscles=table_rows(content.muscles) if measured else [],
        muscle_sections=_muscle_sections(content) if measured else [],
        muscles_missing=missing(content.muscles) if measured else {},
        pdff_bar=colour_bar_svg(PDFF),
        has_fracture=any(is_fractured(row) for row in shown),
        columns=TABLE,
        rows=[
            {
                "cells": [column.cell(row) for column in TABLE],
                "status": row["status"],
                "fractured": is_fractured(row),
            }
            for row in shown
        ]
        if measured
        else [],
        reasons=_by_reason(row for row in shown if row["status"] == "failed") if measured else {},
        unseen=_by_reason(row for row in content.vertebrae if row["status"] == "not_in_view"),
        stages=[
            (stage.verb, {"warnings": stage.warnings, "decisions": in_words(stage.decisions)})
            for stage in content.stages
        ],
        software=software_in_words(content.software),
    )


def thumbnail(content: ExaminationContent) -> bytes | None:
    """Return a small sagittal PDFF picture as PNG, None without a map."""
    if "pdff" not in content.maps or content.affine is None:
        return None
    pdff = to_ras(content.maps["pdff"], content.affine)
    labels = _labels_in_ras(content.labels, content.affine, pdff.shape)
    return thumbnail_png(pdff, labels, sagittal_view(labels, ras_voxel_mm(content.affine)), PDFF)


def _figures(content: ExaminationContent) -> list[dict[str, object]]:
    if not content.maps or content.affine is None:
        return []
    maps = {key: to_ras(volume, content.affine) for key, volume in content.maps.items()}
    shape = next(iter(maps.values())).shape
    labels = _labels_in_ras(content.labels, content.affine, shape)
    roi = _labels_in_ras(content.roi, content.affine, shape)
    voxel = ras_voxel_mm(content.affine)
    views = (sagittal_view(labels, voxel), coronal_view(labels, voxel))
    figures: list[dict[str, object]] = []
    for key, volume in maps.items():
        scale = _scale(key, views[0].cut(volume))
        figures.append(
            {
                "title": scale.title,
                "unit": scale.unit,
                "bar": colour_bar_svg(scale) if key in COLOURED else "",
                "views": [picture_svg(volume, labels, view, scale, roi) for view in views],
            }
        )
    return figures


def _muscle_sections(content: ExaminationContent) -> list[str]:
    if content.labels is None or content.tissues is None or content.affine is None:
        return []
    return section_svgs(content.maps["pdff"], content.labels, content.tissues, content.affine)


def _labels_in_ras(labels: Labels | None, affine: NDArray[np.float64], shape: tuple[int, ...]) -> Labels:
    return np.zeros(shape, np.int16) if labels is None else to_ras(labels, affine)


def _scale(key: str, values: Map) -> Scale:
    return COLOURED.get(key) or grey_scale("In phase", values)


def _profiles(content: ExaminationContent, rows: Sequence[Cells]) -> list[str]:
    svgs = []
    for key, scale, quantity, unit in (("pdff", PDFF, "pdff", "pct"), ("r2star", R2STAR, "r2star", "per_s")):
        middle = f"{quantity}_median_{unit}"
        axis = scale.holding(value for row in rows if (value := number(row, middle)) is not None)
        reference = number(content.patient, f"{quantity}_bg_median_{unit}")
        profile = Profile(axis, middle, f"{quantity}_se_total_{unit}", reference, _voxels(content, key))
        svgs.append(profile_svg(rows, profile))
    return svgs


def _voxels(content: ExaminationContent, key: str) -> dict[str, Map]:
    """Return the finite values of a map in the region of each level."""
    if content.roi is None or key not in content.maps:
        return {}
    found = {}
    for row in content.vertebrae:
        values = content.maps[key][content.roi == LEVEL_ID[row["level"]]]
        found[row["level"]] = values[np.isfinite(values)]
    return found


def _by_reason(rows: Iterable[Cells]) -> dict[str, str]:
    """Return the levels that share a reason, by reason."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["status_reason"], []).append(row["level"])
    return {reason: spoken_levels(levels) for reason, levels in groups.items()}


def _failure(content: ExaminationContent) -> dict[str, str]:
    """Return why there are no numbers, in words, and what to do."""
    if failure := content.failure:
        return {
            "reason": f"It failed at {failure.verb}: {failure.reason}.",
            "remedy": failure.remedy or "",
        }
    return {"reason": f"{content.patient['status_reason']}.", "remedy": ""}
