"""The muscles beside the lumbar spine as data: tubes along the column, each with its own fat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Muscle:
    """One muscle of one side: cross-sections at some heights, interpolated between.

    Attributes
    ----------
    name, side
        As in `qmri.spine.tissue_labels`.
    heights_mm
        (n,) heights of the sections, ascending; the muscle ends at the first and the last.
    aside_mm, ahead_mm
        (n,) centres of the sections: lateral of the column's middle, and in front of the bodies' centres.
    half_across_mm, half_along_mm
        (n,) half sizes of the sections, right-left and anterior-posterior before they are turned.
    square
        0 for an ellipse, 1 for a superellipse of exponent 4.
    turn_deg
        Rotation of the sections, positive where the lateral end goes forwards.
    fat
        (n,) mean share of its volume that is fat inside the muscle.
    streaks
        How unevenly that fat lies: relative standard deviation of its streaks.
    deep
        Relative excess of fat at the deep surface of the muscle.
    cleft
        Fatty septum within the muscle: its place from the medial (-1) to the lateral end (1) and the share
        of fat that it adds; None for none.
    septum_mm
        Width of the plane of fat that parts it from the muscles painted before.
    under_fascia_mm
        Fat between the muscle and the fascia at least.
    """

    name: str
    side: str
    heights_mm: NDArray[np.float64]
    aside_mm: NDArray[np.float64]
    ahead_mm: NDArray[np.float64]
    half_across_mm: NDArray[np.float64]
    half_along_mm: NDArray[np.float64]
    square: float
    turn_deg: float
    fat: NDArray[np.float64]
    streaks: float
    deep: float
    cleft: tuple[float, float] | None
    septum_mm: float
    under_fascia_mm: float


@dataclass(frozen=True)
class Muscles:
    """All muscles beside the spine and what they lie in.

    Attributes
    ----------
    each
        In the order in which they are painted: a later one takes the place of an earlier one.
    reach_mm
        Up to so far from the midline the room behind the spine that no muscle fills holds fat; beyond it, and
        everywhere if it is 0, other muscle.
    fascia_mm
        Thickness of the thoracolumbar fascia behind them.
    """

    each: tuple[Muscle, ...] = ()
    reach_mm: float = 0.0
    fascia_mm: float = 0.0
