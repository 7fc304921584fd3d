"""The muscles on the page of an examination: a section at mid-body with their outlines, and a short table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.muscle.slabs import Slab, level_slabs
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.morphometry import measure_shape
from qmri.report.charts import Cells, with_error
from qmri.report.examination.pictures import PDFF, course_around, png_data_uri
from qmri.spine.levels import LEVEL_ID
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, MUSCLES, RIGHT

Map = NDArray[np.float64]
Labels = NDArray[np.integer]

LEVELS = ("L3", "L4")
STEP_MM = 1.0
ASIDE_MM, AHEAD_MM, BEHIND_MM = 90.0, 35.0, 100.0


def section_svgs(pdff: Map, labels: Labels, tissues: Labels, affine: NDArray[np.float64]) -> list[str]:
    """Return PDFF across the body's axis at the middle of L3 and of L4, with outlines, as SVG elements.

    Parameters
    ----------
    pdff, labels, tissues
        (x, y, z) percent; ids of `qmri.spine.levels` and of `qmri.spine.tissue_labels`.
    affine
        (4, 4) from index to RAS+ mm.
    """
    if not np.isin(tissues, list(MUSCLE_ID.values())).any():
        return []
    shapes = {
        body.level: measure_shape(body)
        for body in find_bodies(labels, affine)
        if body.level in LEVELS and not body.touches_edge
    }
    slabs = level_slabs({level: shape for level, shape in shapes.items() if shape is not None})
    to_index = np.asarray(np.linalg.inv(affine), np.float64)
    return [
        _section_svg(level, *mid_section(slabs[level], to_index, pdff, labels, tissues))
        for level in LEVELS
        if level in slabs
    ]


def mid_section(
    slab: Slab, to_index: NDArray[np.float64], pdff: Map, labels: Labels, tissues: Labels
) -> tuple[Map, Labels, Labels]:
    """Return PDFF, bodies and tissues (row, column) of 1 mm from the feet: anterior up, right on the left.

    ``to_index`` is (4, 4), from RAS+ mm to the index of the volumes (x, y, z).
    """
    up, right = slab.middle.normal, slab.right
    aside = np.arange(ASIDE_MM, -ASIDE_MM - STEP_MM / 2, -STEP_MM)
    along = np.arange(AHEAD_MM, -BEHIND_MM - STEP_MM / 2, -STEP_MM)
    ahead = along[:, None, None] * np.cross(up, right)
    points = slab.middle.point_mm + ahead + aside[None, :, None] * right
    place = np.moveaxis(apply_affine(to_index, points), -1, 0)
    shown = ndimage.map_coordinates(pdff, place, order=0, cval=np.nan)
    known = np.isfinite(shown)
    rows, columns = (np.flatnonzero(known.any(axis=axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    bodies, muscles = (ndimage.map_coordinates(ids, place, order=0, cval=0)[box] for ids in (labels, tissues))
    return shown[box], bodies, muscles


def _section_svg(level: str, pdff: Map, bodies: Labels, muscles: Labels) -> str:
    """Return a section of 1 mm pixels (row, column), PDFF in percent and ids, as an SVG element."""
    height, width = (STEP_MM * size for size in muscles.shape)
    title = f"PDFF at the middle of {level}, seen from the feet"
    outlines = [
        f'<path class="{kind}" d="{course}"/>'
        for course in (_course(muscles, tuple(MUSCLE_ID.values())), _course(bodies, (LEVEL_ID[level],)))
        for kind in ("casing", "body")
        if course
    ]
    return (
        f'<svg class="view" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f'<image href="{png_data_uri(pdff, PDFF)}" width="{width:.0f}" height="{height:.0f}" '
        f'preserveAspectRatio="none"/><g class="outlines">{"".join(outlines)}</g>'
        f'<text class="edge" x="3" y="10">{level}</text>'
        f'<text class="edge" x="3" y="{height - 3:.0f}">R</text>'
        f'<text class="edge" x="{width - 3:.0f}" y="{height - 3:.0f}" text-anchor="end">L</text></svg>'
    )


def _course(labels: Labels, ids: Sequence[int]) -> str:
    """Return the course of an SVG path around each of the ids in a section (row, column) of 1 mm."""
    return "".join(course_around(labels == label, (STEP_MM, STEP_MM)) for label in ids)


def table_rows(muscles: Sequence[Cells]) -> list[list[str]]:
    """Return a line for every level and muscle of which something was measured, cells as text."""
    lines = []
    by_key = {(row["level"], row["muscle"], row["side"]): row for row in muscles}
    for level in dict.fromkeys(row["level"] for row in muscles):
        for muscle in MUSCLES:
            right, left, both = (by_key.get((level, muscle, side), {}) for side in (RIGHT, LEFT, "both"))
            cells = [
                *(with_error(row, "pdff_median_pct", "pdff_se_total_pct", 1) for row in (right, left)),
                *(
                    with_error(row, "functional_area_mm2", "functional_area_se_mm2", 0)
                    for row in (right, left)
                ),
                with_error(both, "functional_area_ratio", "functional_area_se_ratio", 2),
                *(with_error(row, "coverage_frac", "coverage_se_frac", 2) for row in (right, left)),
            ]
            if any(cells[:5]):
                lines.append([level, muscle.replace("_", " "), *cells])
    return lines


def missing(muscles: Sequence[Cells]) -> dict[str, str]:
    """Return the levels, joined, at which no muscle was measured, by the reason that all of them have."""
    reasons: dict[str, list[str]] = {}
    for level in dict.fromkeys(row["level"] for row in muscles):
        rows = [row for row in muscles if row["level"] == level]
        told = {row["status_reason"] for row in rows}
        if all(row["status"] != "ok" for row in rows) and len(told) == 1:
            reasons.setdefault(told.pop(), []).append(level)
    return {reason: ", ".join(levels) for reason, levels in reasons.items()}
