"""A column of bodies with elliptic muscles beside it, tilted, cropped and rendered with partial volume.

Every muscle is a tube along the axis of the column, so that its cross-section across that axis is pi a b, its
fat is what it was given, and its volume beside a level is the section times the distance of the discs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np

from qmri.measure.data import ExaminationData, Identity
from qmri.measure.images import Maps
from qmri.spine.levels import LEVEL_ID
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, RIGHT

HALF_WIDTH, HALF_DEPTH, HEIGHT, GAP = 23.0, 17.0, 27.0, 36.0
LEVELS = ("L1", "L2", "L3", "L4", "L5")


@dataclass(frozen=True)
class Tube:
    """A muscle: centre aside and ahead of the column, half sizes, mm; its fat, percent."""

    aside: float
    ahead: float
    across: float
    along: float
    pdff: float

    @property
    def area(self):
        return np.pi * self.across * self.along


TUBES = {
    "multifidus": Tube(15.0, -45.0, 12.0, 14.0, 30.0),
    "erector_spinae": Tube(46.0, -40.0, 17.0, 18.0, 18.0),
    "psoas": Tube(43.0, 0.0, 17.0, 19.0, 6.0),
}


@dataclass
class MusclePhantom:
    """The phantom on a grid of ``slices`` sagittal slices around ``centre_mm`` from the midline."""

    tubes: dict = field(default_factory=lambda: dict(TUBES))
    left: dict = field(default_factory=dict)
    slices: int = 34
    centre_mm: float = 0.0
    voxel_mm: tuple = (4.0, 1.5, 1.6)
    tilt_deg: float = 9.0
    roll_deg: float = 0.0
    around_pct: float = 92.0
    height_mm: float = 200.0
    flipped: bool = False
    supersample: tuple = (8, 3, 3)

    def __post_init__(self):
        size = np.array([self.slices * self.voxel_mm[0], 130.0, self.height_mm])
        self.shape = tuple(int(n) for n in np.rint(size / self.voxel_mm))
        self.affine = np.diag([*self.voxel_mm, 1.0])
        self.affine[:3, 3] = -(np.array(self.shape) - 1) * self.voxel_mm / 2 + [self.centre_mm, -25.0, 0.0]
        if self.flipped:
            self.affine[0, :] *= -1
            self.affine[0, 3] += 2 * self.centre_mm
        tilt, roll = np.radians([self.tilt_deg, self.roll_deg])
        lean = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
        bend = np.array([[np.cos(roll), 0, -np.sin(roll)], [0, 1, 0], [np.sin(roll), 0, np.cos(roll)]])
        self.axes = lean @ bend
        self._render()

    def _render(self):
        shares = {}
        counts = self.supersample
        index = np.moveaxis(np.indices(self.shape, dtype=np.float32), 0, -1)
        for steps in product(*(range(n) for n in counts)):
            offset = [(step + 0.5) / n - 0.5 for step, n in zip(steps, counts, strict=True)]
            world = (index + offset) @ self.affine[:3, :3].T + self.affine[:3, 3]
            right, ahead, up = np.moveaxis(world @ self.axes.T, -1, 0)
            for (muscle, side), label in MUSCLE_ID.items():
                tube = self.tube(muscle, side)
                if tube is not None:
                    aside = right - (tube.aside if side == RIGHT else -tube.aside)
                    inside = (aside / tube.across) ** 2 + ((ahead - tube.ahead) / tube.along) ** 2 < 1
                    shares[label] = shares.get(label, 0) + inside / np.prod(counts)
            body = (np.abs(right) / HALF_WIDTH) ** 4 + (np.abs(ahead) / HALF_DEPTH) ** 4 < 1
            for number, level in enumerate(LEVELS):
                inside = body & (np.abs(up - (2 - number) * GAP) < HEIGHT / 2)
                shares[level] = shares.get(level, 0) + inside / np.prod(counts)
        self.labels, self.tissues = (np.zeros(self.shape, np.int16) for _ in range(2))
        self.pdff = np.full(self.shape, self.around_pct)
        for key, share in shares.items():
            if key in LEVEL_ID:
                self.labels[share > 0.5] = LEVEL_ID[key]
                self.pdff += share * (45.0 - self.around_pct)
            else:
                muscle, side = next(name for name, label in MUSCLE_ID.items() if label == key)
                self.tissues[share > 0.5] = key
                self.pdff += share * (self.tube(muscle, side).pdff - self.around_pct)
        self.shares = shares

    def tube(self, muscle, side):
        return self.left.get(muscle, self.tubes.get(muscle)) if side == LEFT else self.tubes.get(muscle)

    def data(self, **maps):
        """The examination, with a PDFF map alone unless other maps are given."""
        maps = {"pdff": self.pdff, "r2star": np.full(self.shape, 60.0)} | maps
        return ExaminationData(
            Identity("01", "pre"), Maps(affine=self.affine, **maps), self.labels, tissues=self.tissues
        )
