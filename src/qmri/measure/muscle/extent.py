"""How large a muscle is beside a level, and how much of that is lean.

The cross-section across the body's axis at half its height is a sum over voxels, ``A = sum_v w(s_v) V``, with
a weight that falls off to both sides of the plane (`slabs.Slab.section_weight`). What lies beyond the last
slice is added by the coverage, ``A = A_in_view / c``. The functional cross-section is what of it is not fat,

    A_f = A (1 - F / 100),    F the mean PDFF of the inner voxels under the same weight,

the integral of 1 - PDFF over the muscle without what the voxels at its border take from the tissue beside. It
needs no threshold; one at 50 % PDFF would count a voxel of 40 % fat as muscle and one of 60 % as none.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from qmri.measure.muscle.compartment import Compartment
from qmri.measure.muscle.coverage import (
    MIRRORED_SPREAD,
    WHOLE,
    WIDTH_SPREAD,
    Coverage,
    estimate_coverage,
    is_cut,
    width_mm,
)
from qmri.measure.muscle.slabs import Slab

REACH_MM = 6.0
OUTLINE_DOUBT = 0.5
"""Standard deviation of where an outline lies, in voxels."""

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Extent:
    """Cross-section of a muscle in view, mm2, and what of the whole that is.

    Attributes
    ----------
    area_mm2, border_mm2
        Area in view; that of the voxels at its surface.
    coverage
        Share of the whole cross-section, None where nothing is in view.
    cut_off
        Whether the section goes on beyond an edge of the images other than the sides.
    """

    area_mm2: float
    border_mm2: float
    coverage: Coverage
    cut_off: bool = False

    @property
    def whole_mm2(self) -> float:
        """Area with the part that is not in view."""
        return self.area_mm2 / self.coverage.share

    @property
    def error_mm2(self) -> float:
        """Standard error of the whole area: outline and coverage."""
        relative = hypot(
            OUTLINE_DOUBT * self.border_mm2 / self.area_mm2, self.coverage.error / self.coverage.share
        )
        return self.whole_mm2 * relative


def section_weights(muscle: Compartment, slab: Slab) -> Real:
    """Return the weight (n,), 1/mm, of each voxel in the mid-body section."""
    along = np.abs(muscle.affine[:3, :3].T @ slab.middle.normal)
    return slab.section_weight(muscle.points_mm, max(REACH_MM, 2 * float(along.max())))


def profile_mm(muscle: Compartment, weights: Real, side: str) -> Real:
    """Return the thickness of the section in every slice, (n,) mm, medial ones first."""
    slices = np.bincount(muscle.index[:, muscle.across], weights, minlength=muscle.shape[muscle.across])
    right_is_up = muscle.affine[0, muscle.across] > 0
    ordered = slices if right_is_up == (side == "right") else slices[::-1]
    return np.asarray(ordered * muscle.voxel_mm3 / muscle.voxel_size_mm[muscle.across])


def measure_extent(
    muscle: Compartment, weights: Real, side: str, *, usual_mm: float, other_mm: Real | None
) -> Extent | None:
    """Return the cross-section of one side; None where no voxel lies in it.

    Parameters
    ----------
    muscle, weights, side
        Its voxels, their weights (n,) in the section, and its side.
    usual_mm
        How wide the muscle usually is at this level.
    other_mm
        Profile (m,) of the other side, by whose width the coverage is told where it is whole in view.
    """
    if not (weights > 0).any():
        return None
    profile = profile_mm(muscle, weights, side)
    step = float(muscle.voxel_size_mm[muscle.across])
    coverage = WHOLE
    if is_cut(profile):
        usual, spread = usual_mm, WIDTH_SPREAD
        if other_mm is not None and other_mm.any() and not is_cut(other_mm):
            usual, spread = width_mm(other_mm, step), MIRRORED_SPREAD
        coverage = estimate_coverage(profile, step, usual, spread)
    section = weights * muscle.voxel_mm3
    return Extent(
        float(section.sum()),
        float(section[muscle.at_surface].sum()),
        coverage,
        muscle.on_other_edges(weights > 0),
    )


def both_sides(first: Extent, second: Extent) -> Extent:
    """Return the extents of both sides together."""
    whole = first.whole_mm2 + second.whole_mm2
    share = (first.area_mm2 + second.area_mm2) / whole
    missing = [part.whole_mm2 * part.coverage.error / part.coverage.share for part in (first, second)]
    return Extent(
        first.area_mm2 + second.area_mm2,
        first.border_mm2 + second.border_mm2,
        Coverage(share, share * hypot(*missing) / whole),
        first.cut_off or second.cut_off,
    )
