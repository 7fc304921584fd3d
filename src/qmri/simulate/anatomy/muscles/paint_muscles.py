"""Paint the muscles beside the spine, the fat between and inside them, and the fascia behind."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy.canvas import Box, Canvas
from qmri.simulate.anatomy.muscles.muscle import Muscle, Muscles
from qmri.simulate.anatomy.shapes import Field, cover, waves
from qmri.simulate.anatomy.tissues import Tissue
from qmri.spine.tissue_labels import MUSCLE_ID, RIGHT

# In front of this plane through the bodies lies the abdomen.
BED_FRONT_MM = -6.0
STREAK_MM = 11.0
# Streaks run along the muscle: they change so much more slowly with height.
STREAK_ALONG = 0.35
MOST_FAT = np.float32(0.95)
CLEFT_WIDTH = np.float32(0.12)


class Place(NamedTuple):
    """Voxels relative to the column: mm to its right and front, height, and the sizes of the bodies there."""

    side: Field
    ahead: Field
    z: Field
    half_width: Field
    half_depth: Field

    def within(self, box: Box) -> Place:
        """Return the part in a box."""
        return Place(*(values[box] for values in self))


class Course(NamedTuple):
    """Heights at which the column is tabulated, their index for each voxel, and where it runs there."""

    z_mm: NDArray[np.float64]
    rows: NDArray[np.intp]
    right_mm: NDArray[np.float32]
    anterior_mm: NDArray[np.float32]


class Painted(NamedTuple):
    """A muscle where it was painted: its id of `qmri.spine.tissue_labels`, and share and fat of it there."""

    number: int
    box: Box
    share: Field
    fat: Field


def bed_share(muscles: Muscles, place: Place, edge_mm: float) -> Field:
    """Share of the room behind the spine that holds fat where no muscle of it lies; (x, y, z), 0-1."""
    aside = np.abs(place.side) - np.float32(muscles.reach_mm)
    return cover(np.maximum(place.ahead - np.float32(BED_FRONT_MM), aside), edge_mm)


def paint_muscles(
    canvas: Canvas, muscles: Muscles, place: Place, from_fascia: Field, course: Course, *, seed: int
) -> list[Painted]:
    """Paint the muscles and return the share of each where it lies.

    Positions are (x, y, z) mm, ``from_fascia`` is the depth below the fascia.
    """
    painted: list[Painted] = []
    lean, fat = (np.zeros(canvas.shape, dtype=np.float32) for _ in range(2))
    free = np.ones(canvas.shape, dtype=np.float32)
    for muscle in reversed(muscles.each):
        box = _box(canvas, muscle, course)
        if box is None:
            continue
        section = _section(muscle, place.within(box), course, box)
        under = np.float32(muscle.under_fascia_mm + muscles.fascia_mm) - from_fascia[box]
        distance = np.maximum(section.distance, under)
        share = free[box] * cover(distance, canvas.edge_mm)
        whole = free[box] * cover(distance - np.float32(muscle.septum_mm), canvas.edge_mm)
        free[box] -= whole
        inside = share * _fat(canvas, muscle, box, section, share > 0, seed=seed)
        lean[box] += share - inside
        fat[box] += whole - share + inside
        painted.append(Painted(MUSCLE_ID[muscle.name, muscle.side], box, share, inside))
    if painted:
        canvas.paint(canvas.everything, {Tissue.MUSCLE: lean, Tissue.VISCERAL_FAT: fat})
    return painted


def _box(canvas: Canvas, muscle: Muscle, course: Course) -> Box | None:
    """Return the voxels that a muscle may touch."""
    z = np.linspace(muscle.heights_mm[0], muscle.heights_mm[-1], 24)
    sign = 1.0 if muscle.side == RIGHT else -1.0

    def at(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.interp(z, muscle.heights_mm, values))

    x = np.interp(z, course.z_mm, course.right_mm) + sign * at(muscle.aside_mm)
    y = np.interp(z, course.z_mm, course.anterior_mm) + at(muscle.ahead_mm)
    reach = np.hypot(at(muscle.half_across_mm), at(muscle.half_along_mm)) if muscle.turn_deg else None
    aside = at(muscle.half_across_mm) if reach is None else reach
    along = at(muscle.half_along_mm) if reach is None else reach
    grow = muscle.septum_mm + canvas.edge_mm
    low = np.array([(x - aside).min(), (y - along).min(), z[0]]) - grow
    high = np.array([(x + aside).max(), (y + along).max(), z[-1]]) + grow
    return canvas.box((low + high) / 2, (high - low) / 2, np.eye(3))


class _Section(NamedTuple):
    """Voxels in the sections of a muscle: distance to its surface, place in half sizes, mean share of fat."""

    distance: Field
    across: Field
    along: Field
    fat: Field


def _section(muscle: Muscle, place: Place, course: Course, box: Box) -> _Section:
    rows = course.rows[box]

    def at(values: NDArray[np.float64]) -> Field:
        table = np.interp(course.z_mm, muscle.heights_mm, values).astype(np.float32)
        return np.asarray(table[rows], dtype=np.float32)

    sign = np.float32(1.0 if muscle.side == RIGHT else -1.0)
    aside, ahead = sign * place.side - at(muscle.aside_mm), place.ahead - at(muscle.ahead_mm)
    if muscle.turn_deg:
        cosine, sine = (np.float32(f(np.radians(muscle.turn_deg))) for f in (np.cos, np.sin))
        aside, ahead = cosine * aside + sine * ahead, cosine * ahead - sine * aside
    across, along = aside / at(muscle.half_across_mm), ahead / at(muscle.half_along_mm)
    u, v = across * across, along * along
    radius = np.sqrt(u + v)
    if muscle.square:
        radius += np.float32(muscle.square) * (np.sqrt(np.sqrt(u * u + v * v)) - radius)
    ray = np.sqrt(aside * aside + ahead * ahead)
    distance = ray * (1 - 1 / np.maximum(radius, np.float32(0.05)))
    ends = np.maximum(np.float32(muscle.heights_mm[0]) - place.z, place.z - np.float32(muscle.heights_mm[-1]))
    return _Section(np.maximum(distance, ends), across, along, at(muscle.fat))


def _fat(
    canvas: Canvas, muscle: Muscle, box: Box, section: _Section, present: NDArray[np.bool_], *, seed: int
) -> Field:
    """Share of fat inside the muscle at each voxel, 0-1: streaks, more at the deep surface, a septum."""
    share = np.zeros(present.shape, dtype=np.float32)
    here = np.nonzero(present)
    if not muscle.fat.any():
        return share
    x, y, z = (values[here] for values in canvas.local(box, np.zeros(3), np.eye(3)))
    streaks = waves(x, y, z * np.float32(STREAK_ALONG), seed=seed, wavelength_mm=STREAK_MM)
    uneven = np.float32(muscle.streaks) * streaks + np.float32(muscle.deep) * np.clip(
        section.along[here], -1, 1
    )
    inside = section.fat[here] * (1 + uneven)
    if muscle.cleft is not None:
        at, more = muscle.cleft
        inside += np.float32(more) * np.exp(-(((section.across[here] - np.float32(at)) / CLEFT_WIDTH) ** 2))
    share[here] = np.clip(inside, 0, MOST_FAT)
    return share
