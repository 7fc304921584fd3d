"""The trunk around a spine: skin, fat, muscle, vessels, bowel, lung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from qmri.simulate.anatomy.canvas import Canvas
from qmri.simulate.anatomy.muscles.paint_muscles import (
    Course,
    Painted,
    Place,
    bed_share,
    paint_muscles,
)
from qmri.simulate.anatomy.shapes import Field, cover, waves
from qmri.simulate.anatomy.spine import Spine
from qmri.simulate.anatomy.tissues import Tissue

SKIN_MM = 1.8
CANAL_DEPTH_MM = 17.0
TABLE_STEP_MM = 0.5
TABLE_MARGIN_MM = 400.0


@dataclass(frozen=True)
class Column:
    """The spine's course as tables over height: index (z - first) / step gives the value."""

    first_z_mm: float
    right_mm: NDArray[np.float32]
    anterior_mm: NDArray[np.float32]
    half_depth_mm: NDArray[np.float32]
    half_width_mm: NDArray[np.float32]
    back_mm: NDArray[np.float32]

    @property
    def z_mm(self) -> NDArray[np.float64]:
        """The heights of the table; (n,) mm."""
        return np.asarray(self.first_z_mm + TABLE_STEP_MM * np.arange(len(self.right_mm)))

    def rows(self, z: Field) -> NDArray[np.intp]:
        """Return the table row of each height; heights of any shape, (...), mm."""
        row = (z - np.float32(self.first_z_mm)) * np.float32(1 / TABLE_STEP_MM)
        return np.asarray(np.clip(row, 0, len(self.right_mm) - 1), dtype=np.intp)


def column_course(spine: Spine) -> Column:
    """Tabulate where the column runs; the back of the trunk follows it smoothly."""
    bodies = (*spine.bodies, *spine.sacrum)[::-1]
    heights = np.array([body.centre_mm[2] for body in bodies])
    order = np.argsort(heights)
    z = np.arange(heights.min() - TABLE_MARGIN_MM, heights.max() + TABLE_MARGIN_MM, TABLE_STEP_MM)

    def table(values: list[float]) -> NDArray[np.float64]:
        return np.asarray(np.interp(z, heights[order], np.array(values)[order]))

    anterior = table([float(body.centre_mm[1]) for body in bodies])
    half_depth = table([body.half_depth_mm for body in bodies])
    back = gaussian_filter1d(anterior - half_depth, 35.0 / TABLE_STEP_MM, mode="nearest")
    back -= CANAL_DEPTH_MM + spine.trunk.skin_behind_canal_mm
    return Column(
        first_z_mm=float(z[0]),
        right_mm=table([float(body.centre_mm[0]) for body in bodies]).astype(np.float32),
        anterior_mm=anterior.astype(np.float32),
        half_depth_mm=half_depth.astype(np.float32),
        half_width_mm=table([body.half_width_mm for body in bodies]).astype(np.float32),
        back_mm=back.astype(np.float32),
    )


def paint_trunk(canvas: Canvas, spine: Spine) -> list[Painted]:
    """Fill the grid with everything outside the column, and return the muscles beside it."""
    trunk, edge = spine.trunk, canvas.edge_mm
    x, y, z = canvas.local(canvas.everything, np.zeros(3), np.eye(3))
    column = column_course(spine)
    rows = column.rows(z)
    place = Place(
        side=x - column.right_mm[rows],
        ahead=y - column.anterior_mm[rows],
        z=z,
        half_width=column.half_width_mm[rows],
        half_depth=column.half_depth_mm[rows],
    )

    depth = _below_skin(spine, x, y - column.back_mm[rows])
    wall = cover(-depth + np.float32(SKIN_MM), edge)
    inner = cover(-depth + np.float32(SKIN_MM + trunk.fat_mm), edge)
    within = cover(-depth, edge)

    cavity = inner * _cavity(spine, depth, place, edge)
    lung = cavity * _lung(spine, place)
    organs = cavity - lung
    bowel = np.clip(
        0.5 + 2 * (waves(x, y, z, seed=trunk.seed, wavelength_mm=50.0) + np.float32(4 * trunk.bowel - 2)),
        0,
        1,
    )
    bowel = bowel * cover(place.half_depth + 5 - place.ahead, 6.0)
    gas = (
        np.clip(
            3 * (waves(x, y, z, seed=trunk.seed + 1, wavelength_mm=40.0) - np.float32(2.2 - 4 * trunk.gas)),
            0,
            1,
        )
        * bowel
    )

    muscle = inner - cavity
    from_fascia = depth - np.float32(SKIN_MM + trunk.fat_mm)
    share = np.float32(min(trunk.muscle_fat, 0.9))
    fascia: Field = np.zeros_like(muscle)
    fat = share * muscle
    if spine.muscles.reach_mm > 0:
        bed = bed_share(spine.muscles, place, edge)
        fascia = muscle * bed * cover(from_fascia - np.float32(spine.muscles.fascia_mm), edge)
        fat = np.maximum(share, bed) * (muscle - fascia)

    canvas.fractions = {
        Tissue.AIR: 1 - within + organs * gas,
        Tissue.SKIN: within - wall,
        Tissue.SUBCUTANEOUS_FAT: wall - inner,
        Tissue.MUSCLE: muscle - fascia - fat,
        Tissue.VISCERAL_FAT: fat + organs * (1 - bowel),
        Tissue.VISCERA: organs * (bowel - gas),
        Tissue.LUNG: lung,
    }
    if spine.muscles.reach_mm > 0:
        canvas.fractions[Tissue.FASCIA] = fascia
    course = Course(column.z_mm, rows, column.right_mm, column.anterior_mm)
    muscles = paint_muscles(canvas, spine.muscles, place, from_fascia, course, seed=trunk.seed + 2)
    _paint_vessels(canvas, spine, place)
    return muscles


def _below_skin(spine: Spine, x: Field, from_back: Field) -> Field:
    """Depth below the skin in mm, negative outside; the trunk is a flattened ellipse."""
    trunk = spine.trunk
    behind = np.float32(trunk.fat_mm + SKIN_MM)
    ahead = from_back + behind - np.float32(trunk.half_depth_mm)
    across = x * np.float32(1 / trunk.half_width_mm)
    along = ahead * np.float32(1 / trunk.half_depth_mm)
    across, along = across * across, along * along
    round_part = np.sqrt(np.sqrt(across * across + along * along))
    depth = (1 - round_part) * np.float32(trunk.half_depth_mm)
    return np.asarray(depth, dtype=np.float32)


def _cavity(spine: Spine, depth: Field, place: Place, edge: float) -> Field:
    """Share of abdominal or thoracic cavity: in front of the column and beside it, within the wall."""
    beside = np.maximum(-6 - place.ahead, place.half_width + 8 - np.abs(place.side))
    front = np.minimum(beside, place.half_depth + 1 - place.ahead)
    within = np.float32(SKIN_MM + spine.trunk.fat_mm + 12) - depth
    return cover(np.maximum(front, within), edge)


def _lung(spine: Spine, place: Place) -> Field:
    """Share of the cavity that is lung: above the diaphragm, not in the mediastinum."""
    above = np.float32(spine.trunk.diaphragm_z_mm) + 0.4 * np.abs(place.ahead - 40) - place.z
    mediastinum = np.minimum(place.half_width + 10 - np.abs(place.side), place.half_depth + 60 - place.ahead)
    return cover(np.maximum(above, mediastinum), 6.0)


def _paint_vessels(canvas: Canvas, spine: Spine, place: Place) -> None:
    size = np.float32(spine.trunk.vessel_mm)
    below = np.maximum(np.float32(spine.trunk.vessel_end_z_mm) - place.z, 0)
    share: Field | None = None
    for start, lean, radius in ((-8.0, -0.35, size), (13.0, 0.35, np.float32(1.15) * size)):
        across = place.side - np.float32(start) - np.float32(lean) * below
        thickness = radius * (1 - np.float32(0.3) * (below > 0))
        distance = np.sqrt(across**2 + (place.ahead - place.half_depth - size - 2) ** 2) - thickness
        inside = cover(np.asarray(distance, dtype=np.float32), canvas.edge_mm)
        share = inside if share is None else np.maximum(share, inside)
    if share is not None:
        canvas.paint(canvas.everything, {Tissue.VESSEL: share})
