"""The table of what is true of every vertebral body of a simulated examination."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.images.grid import Grid
from qmri.simulate.anatomy import Body, Spine
from qmri.simulate.anatomy.midplane import midplane
from qmri.simulate.imaging.physics import Truth
from qmri.simulate.study.muscle_truth import TrueMuscle
from qmri.simulate.study.study_plan import ExamPlan
from qmri.spine.levels import LEVEL_ID

EROSION_MM = 3.0
EROSION_SHARE = 0.2
LEAST_VOXELS = 8
OUTLINE_POINTS = 32
VIEW_MARGIN_MM = 2.0


@dataclass(frozen=True)
class TrueVertebra:
    """A row of ``truth.csv``.

    Attributes
    ----------
    participant_id, session_id, level
        The key.
    fracture_status
        none, acute, old or treated_target.
    complete
        1 if the whole body is in view, else 0.
    n_voxels
        Voxels of the eroded body.
    pdff_median_pct, r2star_median_per_s
        Over the eroded body; NaN if nothing is left of it.
    height_ant_mm, height_mid_mm, height_post_mm
        In the midplane at 85, 50 and 15 % of its depth from the posterior wall, see `midplane`.
    """

    participant_id: str
    session_id: str
    level: str
    fracture_status: str
    complete: int
    n_voxels: int
    pdff_median_pct: float
    r2star_median_per_s: float
    height_ant_mm: float
    height_mid_mm: float
    height_post_mm: float


@dataclass(frozen=True)
class ExamTruth:
    """A row of ``examinations.csv``.

    Attributes
    ----------
    participant_id, session_id
        The key.
    form
        Of the export: sources, maps, legacy or both.
    age
        In years.
    hazard, hazard_levels
        What went wrong (none, motion, swap, metal) and the levels it touches.
    corrupted
        Why no pipeline can use it (truncated, other_sequence, two_patients), or none.
    """

    participant_id: str
    session_id: str
    form: str
    age: int
    hazard: str
    hazard_levels: str
    corrupted: str

    @classmethod
    def of(cls, plan: ExamPlan, hazard_levels: tuple[str, ...], *, corrupted: str = "none") -> ExamTruth:
        """Return the row of a plan."""
        key = (plan.participant_id, plan.session_id)
        return cls(*key, plan.form, plan.age, plan.hazard, ";".join(hazard_levels), corrupted)


def true_vertebrae(
    key: tuple[str, str],
    spine: Spine,
    grid: Grid,
    labels: NDArray[np.int16],
    truth: Truth,
    *,
    status: Mapping[str, str],
) -> list[TrueVertebra]:
    """Return the rows of the bodies that are at least partly in view, from cranial to caudal.

    Labels (x, y, z).

    Parameters
    ----------
    key
        participant_id and session_id.
    spine, grid, labels, truth
        The anatomy, the voxels, their label map and their signal.
    status
        Fracture status by level; "none" for the others.
    """
    rows = []
    for body in spine.bodies:
        mask = labels == LEVEL_ID[body.level]
        if not mask.any():
            continue
        heights = midplane(body).heights_mm
        core = eroded(mask, grid, min(body.heights_mm)) & (truth.water + truth.fat > 0)
        enough = np.count_nonzero(core) >= LEAST_VOXELS
        rows.append(
            TrueVertebra(
                *key,
                level=body.level,
                fracture_status=status.get(body.level, "none"),
                complete=int(fully_in_view(body, grid)),
                n_voxels=int(np.count_nonzero(core)),
                pdff_median_pct=float(np.median(truth.pdff[core])) if enough else np.nan,
                r2star_median_per_s=float(np.median(truth.r2star[core])) if enough else np.nan,
                height_ant_mm=float(heights[0]),
                height_mid_mm=float(heights[1]),
                height_post_mm=float(heights[2]),
            )
        )
    return rows


def eroded(mask: NDArray[np.bool_], grid: Grid, smallest_height_mm: float) -> NDArray[np.bool_]:
    """Return a body without its margin and its outermost slices; (x, y, z).

    The margin is 3 mm, in flat bodies a fifth of the smallest height.
    """
    margin = min(EROSION_MM, EROSION_SHARE * smallest_height_mm)
    half_edge = min(grid.voxel_size_mm) / 2
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), sampling=grid.voxel_size_mm)[1:-1, 1:-1, 1:-1]
    core: NDArray[np.bool_] = mask & (depth - half_edge >= margin)
    held = np.flatnonzero(mask.any(axis=(0, 1)))
    core[:, :, [held[0], held[-1]]] = False
    return core


def fully_in_view(body: Body, grid: Grid) -> bool:
    """Tell whether the rims of both endplates lie inside the grid, in plane with a margin to be seen by."""
    angle = np.linspace(0.0, 2.0 * np.pi, OUTLINE_POINTS, endpoint=False)
    across, along = (
        np.sign(part) * np.abs(part) ** (2.0 / body.exponent) for part in (np.cos(angle), np.sin(angle))
    )
    rim = np.stack(
        [body.half_width_mm * across, body.half_depth_mm * along, np.zeros(OUTLINE_POINTS)], axis=-1
    )
    half_height = np.array([0.0, 0.0, max(body.heights_mm) / 2])
    points = body.centre_mm + np.concatenate([rim - half_height, rim + half_height]) @ body.axes
    index = grid.to_index(points)
    margin = np.array([VIEW_MARGIN_MM, VIEW_MARGIN_MM, 0.0]) / grid.voxel_size_mm
    return bool(np.all(index > margin - 0.5) and np.all(index < np.array(grid.shape) - 0.5 - margin))


def write_rows(path: Path, rows: Sequence[TrueVertebra | TrueMuscle | ExamTruth]) -> None:
    """Write a table, numbers to a hundredth, missing ones as n/a."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, row in enumerate(rows):
            if number == 0:
                writer.writerow([field.name for field in fields(row)])
            writer.writerow([_cell(value) for value in astuple(row)])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if np.isfinite(value) else "n/a"
    return str(value)
