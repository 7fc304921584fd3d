"""The page of an examination: what it shows, from tables, maps and records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray

from qmri.outputs import VERTEBRA_COLUMNS
from qmri.report.charts import Cells, Profile, number, profile_svg
from qmri.report.pictures import PDFF, R2STAR, Scale, colour_bar_svg, grey_scale, picture_svg
from qmri.report.views import coronal_view, ras_voxel_mm, sagittal_view, to_ras

TEMPLATES = Path(__file__).with_name("templates")

TABLE_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("Level", "level", ""),
    ("Fracture", "fracture_status", ""),
    ("PDFF median", "pdff_median_pct", "%"),
    ("PDFF 5-95 %", "pdff_p05_pct pdff_p95_pct", "%"),
    ("R2* median", "r2star_median_per_s", "1/s"),
    ("Height ant", "height_ant_mm", "mm"),
    ("mid", "height_mid_mm", "mm"),
    ("post", "height_post_mm", "mm"),
    ("Volume", "volume_cm3", "cm³"),
    ("Voxels", "n_voxels", ""),
    ("Flags", "qc_flags", ""),
)
"""Heading, columns of the marker table (two make a range) and unit of the page's table."""


@dataclass(frozen=True)
class ExaminationContent:
    """What the page of an examination is made from.

    Attributes
    ----------
    name
        Examination, as in file names.
    vertebrae, patient
        Rows of the marker tables, cells as text.
    records
        Record of each earlier stage, by verb.
    maps
        Title to map (x, y, z): ``pdff``, ``r2star``, ``in_phase``; empty where the fit failed.
    labels
        (x, y, z) label map, or None.
    affine
        (4, 4) of the maps.
    """

    name: str
    vertebrae: Sequence[Cells]
    patient: Cells
    records: Mapping[str, Mapping[str, Any]]
    maps: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    labels: NDArray[np.integer] | None = None
    affine: NDArray[np.float64] | None = None


def examination_page(content: ExaminationContent) -> str:
    """Return the page of an examination as one HTML document without references to other files."""
    patient = content.patient
    shown = [row for row in content.vertebrae if row["status"] != "not_in_view"]
    unseen = [row for row in content.vertebrae if row["status"] == "not_in_view"]
    measured = patient["status"] == "ok"
    return (
        environment()
        .get_template("examination.html")
        .render(
            name=content.name,
            patient=patient,
            failure=None if measured else _failure(content),
            figures=_figures(content),
            profiles=_profiles(shown, patient) if measured else [],
            headings=[(heading, unit) for heading, _, unit in TABLE_COLUMNS],
            rows=[[_cell(row, columns) for _, columns, _ in TABLE_COLUMNS] for row in shown],
            row_states=[row["status"] for row in shown],
            reasons=[(row["level"], row["status_reason"]) for row in shown if row["status"] == "failed"],
            unseen=[(row["level"], row["status_reason"]) for row in unseen],
            stages=[(verb, _stage(record)) for verb, record in content.records.items()],
            meanings=[(c.name, c.unit, c.description) for c in VERTEBRA_COLUMNS],
            software=_software(content.records),
        )
    )


def environment() -> jinja2.Environment:
    """Return the template environment: everything escaped, a missing name is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _figures(content: ExaminationContent) -> list[dict[str, object]]:
    if not content.maps or content.affine is None:
        return []
    maps = {key: to_ras(volume, content.affine) for key, volume in content.maps.items()}
    first = next(iter(maps.values()))
    labels = (
        np.zeros(first.shape, np.int32) if content.labels is None else to_ras(content.labels, content.affine)
    )
    voxel = ras_voxel_mm(content.affine)
    figures: list[dict[str, object]] = []
    for view in (sagittal_view(labels, voxel), coronal_view(labels, voxel)):
        panels = []
        for key, volume in maps.items():
            scale = _scale(key, view.cut(volume))
            panels.append(
                {
                    "title": scale.title,
                    "unit": scale.unit,
                    "svg": picture_svg(volume, labels, view, scale),
                    "bar": colour_bar_svg(scale) if scale.unit != "arbitrary unit" else "",
                }
            )
        figures.append({"name": view.name, "curved": view.curved, "edges": view.edges, "panels": panels})
    return figures


def _scale(key: str, values: NDArray[np.float64]) -> Scale:
    return {"pdff": PDFF, "r2star": R2STAR}.get(key) or grey_scale("In phase", values)


def _profiles(rows: Sequence[Cells], patient: Cells) -> list[str]:
    return [
        profile_svg(rows, profile)
        for profile in (
            Profile(
                PDFF, "pdff_median_pct", "pdff_p25_pct", "pdff_p75_pct", number(patient, "pdff_bg_median_pct")
            ),
            Profile(
                R2STAR,
                "r2star_median_per_s",
                "r2star_p10_per_s",
                "r2star_p90_per_s",
                number(patient, "r2star_bg_median_per_s"),
            ),
        )
    ]


def _cell(row: Cells, columns: str) -> str:
    names = columns.split()
    values = [number(row, name) if name.endswith(UNIT_SUFFIXES) else None for name in names]
    if len(names) == 2:
        return "" if None in values else f"{values[0]:.0f}–{values[1]:.0f}"
    if values[0] is not None:
        return f"{values[0]:.1f}"
    text = row.get(names[0], "n/a")
    return "" if text in ("n/a", "none") else text.replace("_", " ").replace(";", ", ")


UNIT_SUFFIXES = ("_pct", "_per_s", "_mm", "_cm3", "_deg", "_ms")


def _failure(content: ExaminationContent) -> dict[str, str]:
    for verb, record in content.records.items():
        if record.get("status") == "failed" and record.get("failed_stage") == verb:
            return {"stage": verb, "reason": record["reason"], "remedy": record.get("remedy") or ""}
    return {"stage": "measure", "reason": content.patient["status_reason"], "remedy": ""}


def _stage(record: Mapping[str, Any]) -> dict[str, object]:
    return {
        "status": record.get("status"),
        "warnings": record.get("warnings", []),
        "decisions": [(_words(key), _told(value)) for key, value in record.get("decisions", {}).items()],
    }


def _told(value: object) -> str | list[tuple[str, str]]:
    """Return a value of a record as a sentence, or as named parts where it has some."""
    if isinstance(value, dict):
        return [(_words(key), _flat(part)) for key, part in value.items()]
    return _flat(value)


def _flat(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, (str, int, float)) for part in value):
        return ", ".join(_flat(part) for part in value)
    return json.dumps(value, ensure_ascii=False)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _software(records: Mapping[str, Mapping[str, Any]]) -> str:
    for record in records.values():
        versions = record.get("software")
        if versions:
            return ", ".join(f"{name} {version}" for name, version in versions.items())
    return ""
