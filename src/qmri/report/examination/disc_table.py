"""The discs on the page of an examination: a short table."""

from __future__ import annotations

from collections.abc import Sequence

from qmri.report.charts import Cells, with_error


def disc_rows(discs: Sequence[Cells]) -> list[list[str]]:
    """Return a line for every disc of which something was measured, cells as text."""
    lines = []
    for row in discs:
        cells = [
            with_error(row, "height_ant_mm", None, 1),
            with_error(row, "height_mid_mm", None, 1),
            with_error(row, "height_post_mm", None, 1),
            with_error(row, "height_index_ratio", "height_index_se_ratio", 2),
            with_error(row, "angle_deg", "angle_se_deg", 1),
            with_error(row, "water_to_canal_ratio", "water_to_canal_se_ratio", 2),
        ]
        if any(cells):
            flags = "" if row["qc_flags"] == "n/a" else row["qc_flags"].replace("_", " ").replace(";", ", ")
            lines.append([row["level"], *cells, flags])
    return lines
