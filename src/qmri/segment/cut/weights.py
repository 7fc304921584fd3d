"""Weights of the cost of a surface, and the usual size of a body, by the images at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmri.segment.cut.template import LONGITUDES, ROWS, Template

# Share of wall, the rest endplate, in each row of rays; the rays of a usual body meet its corner at 0.6.
CORNER_AT, BLEND = 0.6, 0.5
AT_WALL = np.clip(0.5 + (CORNER_AT - np.abs(ROWS - 2)) / BLEND, 0, 1)[:, None]


@dataclass(frozen=True)
class Sides:
    """One figure for each side of a body."""

    upper: float
    lower: float
    front: float
    back: float
    side: float

    def by_ray(self) -> NDArray[np.float64]:
        """Return the figure of each ray (rows, longitudes) in its unit, blended between the sides."""
        sin = np.sin(2 * np.pi * np.arange(LONGITUDES) / LONGITUDES)
        towards = sin**2
        wall = self.side * (1 - towards) + np.where(sin > 0, self.front, self.back) * towards
        endplate = np.where(ROWS < 2, self.upper, self.lower)[:, None]
        return np.asarray(AT_WALL * wall + (1 - AT_WALL) * endplate)


@dataclass(frozen=True)
class CutWeights:
    """Weights of the cost of a surface, without unit unless one is named, and the usual size of a body.

    Attributes
    ----------
    edge
        Signal that rises outward; on water alone signal that falls where the disc is darker than
        the body, and at a wall either.
    rim_mm
        How far inside the rise the surface lies.
    fall_mm
        How far outside a fall it lies: at an endplate, at a wall.
    oedema_fall_mm
        The same where the body is full of oedema, which ends inside the cortex.
    valley
        Dark cortex at the surface.
    fat_edge
        Fat fraction that falls outward, or at the walls moves away from the body's own.
    belief
        Tissue inside that the detector takes for something else, per mm; 0 where it is undecided.
    dark
        Air, bowel or cortex inside, per mm.
    disc
        Tissue as dark as a dark disc inside, per mm.
    prior
        Squared distance from the template per mm^2; more at the sides, where muscle often looks
        like bone.
    neighbour
        Each mm beyond the middle between two bodies.
    bend_linear, bend_quadratic
        Steps of one position between neighbouring rays.
    follow
        How far the second cut starts from the first surface instead of the template.
    width, depth, height
        Half sizes of the usual body over the spacing; the depth where the spacing is 36 mm.
    bright_width, bright_lower_rim_mm
        Width and rim at the lower endplate where discs and muscle are brighter than marrow; None
        where that makes no difference.
    """

    edge: float = 3.0
    rim_mm: Sides = Sides(upper=0.5, lower=0.5, front=2.0, back=1.25, side=0.0)
    fall_mm: tuple[float, float] = (1.0, 0.5)
    oedema_fall_mm: tuple[float, float] = (1.5, 2.0)
    valley: float = 2.5
    fat_edge: float = 0.0
    belief: Sides = Sides(upper=0.15, lower=0.15, front=0.08, back=0.25, side=0.2)
    dark: float = 0.6
    disc: float = 0.2
    prior: Sides = Sides(upper=0.004, lower=0.004, front=0.004, back=0.004, side=0.01)
    neighbour: float = 0.5
    bend_linear: float = 0.05
    bend_quadratic: float = 0.05
    follow: float = 0.3
    width: float = 0.52
    depth: float = 0.45
    height: float = 0.39
    bright_width: float | None = 0.88
    bright_lower_rim_mm: float = 1.5

    def beside(self, muscle: float, disc: float) -> CutWeights:
        """Return the weights for a spine whose muscle and discs are so many times as bright as marrow.

        Both are brighter on the water images of chemical-shift-encoded scans. Readers
        draw the lower endplate further in there, and the sides further out into the muscle.
        """
        if self.bright_width is None:
            return self
        share = float(np.clip((muscle - 1) / 0.15, 0, 1) * np.clip((disc - 1) / 0.2, 0, 1))
        lower = self.rim_mm.lower + share * (self.bright_lower_rim_mm - self.rim_mm.lower)
        width = self.width + share * (self.bright_width - self.width)
        return replace(self, width=width, rim_mm=replace(self.rim_mm, lower=lower))

    def usual_body(self, spacing_mm: float, whole_mm: float | None = None) -> Template:
        """Return the usual body where bodies are ``spacing_mm`` apart, ``whole_mm`` before any collapse.

        The depth grows less along the spine than width and height do.
        """
        whole = spacing_mm if whole_mm is None else whole_mm
        depth = self.depth * whole * (whole / 36) ** -0.3
        return Template(self.width * whole, 1.06 * depth, 0.94 * depth, self.height * spacing_mm)


WATER_ALONE = CutWeights()
WATER_AND_FAT = CutWeights(
    edge=1.0,
    rim_mm=Sides(upper=0.5, lower=0.5, front=1.5, back=1.5, side=1.5),
    valley=4.0,
    fat_edge=3.0,
    belief=Sides(upper=0.1, lower=0.1, front=0.1, back=0.1, side=0.1),
    prior=Sides(upper=0.008, lower=0.008, front=0.004, back=0.004, side=0.006),
    follow=0.5,
    width=0.6,
    bright_width=None,
)
