"""What is true of the muscles beside the lumbar spine of a simulated examination, level by level."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qmri.images.grid import Grid
from qmri.simulate.anatomy import Rendering, Spine, render
from qmri.simulate.imaging.physics import muscle_pdff
from qmri.spine.tissue_labels import MUSCLE_ID

# A cross-section is the mean over so much of the height around the middle of the body.
SECTION_MM = 10.0
# The muscles as they are whole are rendered this far to each side and behind, at this spacing.
ASIDE_MM, BEHIND_MM, AHEAD_MM = 95.0, 110.0, 60.0
WHOLE_SPACING_MM = 3.0


@dataclass(frozen=True)
class TrueMuscle:
    """A row of ``muscles.csv``.

    Attributes
    ----------
    participant_id, session_id, level, muscle, side
        The key; muscle and side as in `qmri.spine.tissue_labels`.
    area_mm2
        Cross-section in view across the height of the scanner, mean over 10 mm at the middle of the body.
    volume_mm3
        In view, between the heights halfway to the centres of the neighbouring bodies.
    pdff_mean_pct, pdff_median_pct
        Of the muscle and the fat inside it in that volume, without the fat beside it in voxels of its border;
        NaN if there is none.
    coverage
        Volume in view over that of the whole muscle at this level, 0-1.
    """

    participant_id: str
    session_id: str
    level: str
    muscle: str
    side: str
    area_mm2: float
    volume_mm3: float
    pdff_mean_pct: float
    pdff_median_pct: float
    coverage: float


def true_muscles(key: tuple[str, str], spine: Spine, grid: Grid, rendering: Rendering) -> list[TrueMuscle]:
    """Return the rows of the muscles at the lumbar levels, those that are nowhere in view too.

    Parameters
    ----------
    key
        participant_id and session_id.
    spine, grid, rendering
        The anatomy, the voxels, and the anatomy on them.
    """
    whole = _whole_grid(spine)
    everything = render(spine, whole.affine, whole.shape).tissues
    height, whole_height = _heights(grid), _heights(whole)
    voxel, whole_voxel = (float(np.prod(one.voxel_size_mm)) for one in (grid, whole))
    rows = []
    for level, (middle, low, high) in level_heights(spine).items():
        inside = (height >= low) & (height < high)
        section = np.abs(height - middle) < SECTION_MM / 2
        whole_inside = (whole_height >= low) & (whole_height < high)
        for (muscle, side), number in MUSCLE_ID.items():
            mask = rendering.tissues == number
            there = mask & inside
            volume = voxel * np.count_nonzero(there)
            total = whole_voxel * np.count_nonzero((everything == number) & whole_inside)
            if total == 0:
                continue
            pdff = muscle_pdff(rendering.muscle_fat[there])
            rows.append(
                TrueMuscle(
                    *key,
                    level=level,
                    muscle=muscle,
                    side=side,
                    area_mm2=voxel * np.count_nonzero(mask & section) / SECTION_MM,
                    volume_mm3=volume,
                    pdff_mean_pct=float(pdff.mean()) if pdff.size else np.nan,
                    pdff_median_pct=float(np.median(pdff)) if pdff.size else np.nan,
                    coverage=min(1.0, volume / total),
                )
            )
    return rows


def level_heights(spine: Spine) -> dict[str, tuple[float, float, float]]:
    """Return for each lumbar body the height of its centre and those halfway to its neighbours, mm."""
    column = (*spine.bodies, *spine.sacrum[:1])
    centres = [float(body.centre_mm[2]) for body in column]
    between = [(upper + lower) / 2 for upper, lower in pairwise(centres)]
    bounds = [2 * centres[0] - between[0], *between, 2 * centres[-1] - between[-1]]
    return {
        body.level: (centre, low, high)
        for body, centre, high, low in zip(spine.bodies, centres, bounds[:-1], bounds[1:], strict=False)
        if body.level.startswith("L")
    }


def _heights(grid: Grid) -> NDArray[np.float64]:
    """Height of each voxel, mm; (x, y, z)."""
    x, y, z = np.indices(grid.shape)
    row = grid.affine[2]
    return np.asarray(row[0] * x + row[1] * y + row[2] * z + row[3])


def _whole_grid(spine: Spine) -> Grid:
    """Lay a grid around all of the lumbar spine and the muscles beside it."""
    heights = level_heights(spine).values()
    bodies = [body for body in spine.bodies if body.level.startswith("L")]
    centres = np.array([body.centre_mm for body in bodies])
    low = centres.min(axis=0) - np.array([ASIDE_MM, BEHIND_MM, 0.0])
    high = centres.max(axis=0) + np.array([ASIDE_MM, AHEAD_MM, 0.0])
    low[2], high[2] = min(bounds[1] for bounds in heights), max(bounds[2] for bounds in heights)
    affine = np.diag([WHOLE_SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = low
    x, y, z = (int(count) for count in np.ceil((high - low) / WHOLE_SPACING_MM))
    return Grid((x, y, z), affine)
