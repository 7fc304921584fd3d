"""A column of vertebral bodies with known shape and marrow, drawn on any grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from qmri.spine.levels import LEVEL_ID

WIDTH, DEPTH, HEIGHT, GAP = 44.0, 32.0, 27.0, 36.0


@dataclass
class Spine:
    """Bodies with superellipse outlines and concave endplates, stacked along a lordotic curve.

    ``loss`` maps a level to (kind, share of height lost); ``marrow`` to (PDFF, R2*).
    """

    levels: tuple[str, ...] = ("T12", "L1", "L2", "L3", "L4")
    voxel_mm: tuple[float, float, float] = (4.0, 1.5, 1.5)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tilt_deg: float = 0.0
    bend_deg: float = 4.0
    concavity_mm: float = 1.0
    loss: dict[str, tuple[str, float]] = field(default_factory=dict)
    marrow: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self):
        voxel = np.array(self.voxel_mm)
        extent = np.array([60.0, 80.0, GAP * (len(self.levels) + 1.5)])
        shape = np.ceil(extent / voxel).astype(int)
        self.affine = np.diag([*voxel, 1.0])
        self.affine[:3, 3] = -(shape - 1) * voxel / 2 + np.array(self.shift_mm)
        grid = np.moveaxis(np.indices(shape), 0, -1) @ self.affine[:3, :3].T + self.affine[:3, 3]
        self.labels = np.zeros(shape, np.int16)
        self.pdff = np.full(shape, 95.0)
        self.r2star = np.full(shape, 30.0)
        middle = (len(self.levels) - 1) / 2
        for number, level in enumerate(self.levels):
            angle = np.radians(self.tilt_deg + (number - middle) * self.bend_deg)
            forward, up = (
                np.array([0, np.cos(angle), -np.sin(angle)]),
                np.array([0, np.sin(angle), np.cos(angle)]),
            )
            place = grid - np.array([0.0, 0.0, (middle - number) * GAP])
            r, a, s = place[..., 0], place @ forward, place @ up
            u, v = a / (DEPTH / 2), r / (WIDTH / 2)
            inside = u**4 + v**4 < 1
            inside &= (s < self.top(level, u, v)) & (s > self.bottom(u, v))
            self.labels[inside] = LEVEL_ID[level]
            pdff, r2star = self.marrow.get(level, (50.0, 120.0))
            self.pdff[inside], self.r2star[inside] = pdff, r2star

    def top(self, level, u, v=0.0):
        kind, share = self.loss.get(level, ("wedge", 0.0))
        lost = {
            "wedge": (u + 1) / 2,
            "hinge": np.clip(u + 0.2, 0, None) / 1.2,
            "biconcave": np.exp(-(u**2) / 0.3),
            "crush": 1.0 + 0 * u,
        }[kind]
        return HEIGHT / 2 - self.concavity_mm * (1 - np.minimum(1, u**2 + v**2)) - share * HEIGHT * lost

    def bottom(self, u, v=0.0):
        return -HEIGHT / 2 + self.concavity_mm * (1 - np.minimum(1, u**2 + v**2))

    def heights(self, level):
        """True heights at 15, 50 and 85 % of the depth from the anterior wall."""
        u = np.array([0.7, 0.0, -0.7])
        return self.top(level, u) - self.bottom(u)

    def wedge_angle(self, level):
        u = np.array([0.7, -0.7])
        top, bottom = self.top(level, u), self.bottom(u)
        slopes = np.arctan2([top[0] - top[1], bottom[0] - bottom[1]], 0.7 * DEPTH)
        return np.degrees(slopes[1] - slopes[0])


@pytest.fixture(scope="session")
def make_spine():
    return Spine
