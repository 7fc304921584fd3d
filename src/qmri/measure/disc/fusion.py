"""Whether two neighbours are grown together: marrow across the space of the disc, or along its rim.

A disc holds hardly any fat, marrow holds much. Where the fat fraction in the middle half of the space is
near that of the marrow above and below, over most of the plate, the bodies are one block; where it is so
only at the front or at a side, over a few millimetres, a bridging osteophyte joins them. Marrow with little
fat, or as fatty as the fat around the spine, does not decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.measure.disc.sampling import sample
from qmri.measure.disc.space import DiscSpace

MIDDLE_DEPTH, MIDDLE_WIDTH = 0.3, 0.4
"""Shares of the depth and of the half width to either side of the middle of the space that count."""
HEIGHT_SHARES = (0.3, 0.5, 0.7)
LEAST_MARROW_PCT, MOST_MARROW_PCT = 15.0, 75.0
"""Marrow with less fat is like disc, with more like the fat in front of the spine."""
MARROW_LIKE = (0.7, 1.25)
"""Fat fraction over that of the marrow that counts as marrow."""
LEAST_SIGNAL = 0.5
"""In-phase signal over that of the marrow; cement, gas and cortex have less."""
RAY_STEP_MM = 0.5
RIM_INSIDE_MM, RIM_OUTSIDE_MM = 8.0, 8.0
RIM_SLICES_MM = (-8.0, -4.0, 0.0, 4.0, 8.0)
LATERAL_AT = (0.3, 0.5, 0.7)

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Fusion:
    """What lies between two bodies.

    Attributes
    ----------
    marrow_share
        Share of the middle of the space that is like marrow; None where the fat does not decide.
    bridge_mm
        Thickness of the marrow along the front or a side, mm, on two neighbouring rays; None as above.
    bridge_at
        ``front``, ``right`` or ``left``.
    """

    marrow_share: float | None
    bridge_mm: float | None
    bridge_at: str = ""


def fusion(space: DiscSpace, marrow_pct: float, pdff: Real, in_phase: Real | None, affine: Real) -> Fusion:
    """Return what lies between two bodies.

    Parameters
    ----------
    space
        The space of the disc.
    marrow_pct
        Fat fraction of the marrow beside it, percent.
    pdff, in_phase
        (x, y, z) percent; signal in any unit, over that of the marrow (1 is marrow), or None.
    affine
        (4, 4) from index to RAS+ mm.
    """
    if not LEAST_MARROW_PCT <= marrow_pct <= MOST_MARROW_PCT:
        return Fusion(None, None)
    right = np.linspace(-1, 1, 7) * MIDDLE_WIDTH * space.half_width_mm
    anterior = space.along_mm(0.5) + np.linspace(-1, 1, 9) * MIDDLE_DEPTH * space.depth_mm
    inside = _like_marrow(space, right[:, None], anterior[None, :], marrow_pct, (pdff, in_phase, affine))
    thickest, place = 0.0, ""
    for name, rays in _rays(space).items():
        like = _like_marrow(space, *rays, marrow_pct, (pdff, in_phase, affine))
        runs = np.array([_longest(ray) for ray in like]) * RAY_STEP_MM
        # Two neighbouring rays have to agree.
        run = float(np.minimum(runs[:-1], runs[1:]).max())
        if run > thickest:
            thickest, place = run, name
    return Fusion(float(inside.mean()), thickest, place)


def _rays(space: DiscSpace) -> dict[str, tuple[Real, Real]]:
    """Return rays (n, k) across the rim of the space, right and anterior positions in mm."""
    along = np.arange(-RIM_INSIDE_MM, RIM_OUTSIDE_MM, RAY_STEP_MM)
    front = (
        np.array(RIM_SLICES_MM)[:, None] + 0 * along,
        space.front_mm + along[None, :] + 0 * np.array(RIM_SLICES_MM)[:, None],
    )
    side = space.along_mm(LATERAL_AT)[:, None] + 0 * along
    out = space.half_width_mm + along[None, :] + 0 * side
    return {"front": front, "right": (out, side), "left": (-out, side)}


def _like_marrow(
    space: DiscSpace, right: Real, anterior: Real, marrow_pct: float, images: tuple[Real, Real | None, Real]
) -> NDArray[np.bool_]:
    """Return which columns are like marrow at all of three heights within the space."""
    pdff, in_phase, affine = images
    floor, ceiling = space.ends_mm(right, anterior)
    low, high = MARROW_LIKE
    result = np.ones(floor.shape, np.bool_)
    for share in HEIGHT_SHARES:
        places = (right, anterior, floor + share * (ceiling - floor))
        fat = sample(pdff, affine, space.frame, places) / marrow_pct
        result &= (fat >= low) & (fat <= high)
        if in_phase is not None:
            result &= sample(in_phase, affine, space.frame, places) >= LEAST_SIGNAL
    return result


def _longest(like: NDArray[np.bool_]) -> int:
    """Return the longest run of true nodes of a ray."""
    best = run = 0
    for each in like.tolist():
        run = run + 1 if each else 0
        best = max(best, run)
    return best
