"""What the PDFF of sound marrow is in a patient, and how far below it marrow must lie to be no chance.

Sound marrow of level l has the PDFF

    e_l = median over the reference levels k of (m_k - s d_k) + s d_l

with m the median of a body, s the usual rise per lumbar level and d the levels from L2. Around it bodies
differ by sigma_b, and places inside a body, once smoothed, by sigma_w; both are taken from the reference
levels themselves, robustly. The levels that turn out oedematous leave the reference, and it is taken
again; it begins with the fatter half of the candidates, since oedema only lowers PDFF. So a fracture that
nobody reported does not hide itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.spine.levels import steps_between

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]

SMOOTHING_MM = 3.0
REFERENCE_LEVEL, SLOPE_REACH = "L2", 3
SPREADS_WITHIN, SPREADS_BETWEEN = 2.5, 3.0
"""A drop counts from so many standard deviations of sound marrow, inside a body and of it as a whole."""
LEAST_SHARE_WITHIN, LEAST_SHARE_BETWEEN = 0.2, 0.3
"""It is at least this share of the expected PDFF."""
USUAL_BETWEEN_PCT, WORTH_LEVELS = 3.0, 4
"""Usual spread between the levels of a patient, points; it weighs as much as so many levels."""
SLOPE_SD_PCT = 0.8
"""How uncertain the rise of PDFF per level is in a patient, points."""
LEAST_WITHIN_PCT = 1.5
"""Spread inside a body that is assumed at least, points."""
UPPER = 90.0
"""Percentile of a body's smoothed PDFF at which its own sound part is looked for."""


@dataclass(frozen=True)
class BodyMarrow:
    """The marrow of a body as it is searched for oedema.

    Attributes
    ----------
    pdff, smooth
        (x, y, z) percent on the body's crop, as measured and smoothed within the region; NaN outside of it.
    region
        (x, y, z) bool: the eroded body without voids and vein, where PDFF is known.
    """

    pdff: Map
    smooth: Map
    region: Mask

    @property
    def median_pct(self) -> float:
        """Median PDFF, percent."""
        return float(np.median(self.pdff[self.region]))

    @property
    def below_pct(self) -> float:
        """Spread of the smoothed PDFF below its median: median minus 16th percentile, points."""
        low, middle = np.percentile(self.smooth[self.region], [15.87, 50.0])
        return float(middle - low)

    @property
    def upper_pct(self) -> float:
        """Smoothed PDFF of the fattest part, percent."""
        return float(np.percentile(self.smooth[self.region], UPPER))


@dataclass(frozen=True)
class Expectation:
    """What to expect of a body, percent PDFF.

    Attributes
    ----------
    pdff_pct
        What its sound marrow has.
    least_drop_pct
        From which drop marrow is no longer taken for sound.
    usual_pct
        What bodies of the patient have at that level.
    """

    pdff_pct: float
    least_drop_pct: float
    usual_pct: float


@dataclass(frozen=True)
class Reference:
    """Sound marrow of a patient.

    Attributes
    ----------
    levels
        The levels that it rests on.
    at_l2_pct, slope_pct
        PDFF at L2, percent, and its rise per level.
    between_pct, within_pct
        Spread between bodies and, smoothed, inside a body, points.
    upper_pct
        How much fatter than its median the fattest part of a sound body is, points.
    """

    levels: tuple[str, ...]
    at_l2_pct: float
    slope_pct: float
    between_pct: float
    within_pct: float
    upper_pct: float

    def usual(self, level: str) -> float:
        """Return the PDFF of sound marrow at a level, percent."""
        return self.at_l2_pct + self.slope_pct * _from_l2(level)

    def expected(self, level: str, marrow: BodyMarrow) -> Expectation:
        """Return what to expect of a body.

        Where its own fattest part is as fat as it should be, that part tells the sound marrow of the body,
        and the levels' spread does not count.
        """
        usual = self.usual(level)
        far = _from_l2(level) - float(np.mean([_from_l2(other) for other in self.levels]))
        spread = float(np.hypot(self.between_pct, SLOPE_SD_PCT * far))
        apart = max(LEAST_SHARE_BETWEEN * usual, SPREADS_BETWEEN * spread)
        own = min(marrow.upper_pct - self.upper_pct, usual)
        if own >= usual - apart:
            return Expectation(own, max(LEAST_SHARE_WITHIN * usual, SPREADS_WITHIN * self.within_pct), usual)
        return Expectation(usual, apart, usual)


def body_marrow(pdff: Map, region: Mask, voxel_size_mm: Map) -> BodyMarrow:
    """Return the marrow of a body, PDFF smoothed by a Gaussian of 2 mm that knows nothing beyond the region.

    Parameters
    ----------
    pdff
        (x, y, z) percent.
    region
        (x, y, z) bool.
    voxel_size_mm
        (3,) edges.
    """
    known = region & np.isfinite(pdff)
    return BodyMarrow(np.where(known, pdff, np.nan), smoothed(pdff, known, voxel_size_mm), known)


def smoothed(image: Map, where: Mask, voxel_size_mm: Map) -> Map:
    """Return an image (x, y, z) smoothed within a region, NaN outside: normalised convolution."""
    width = SMOOTHING_MM / voxel_size_mm
    weight = ndimage.gaussian_filter(where.astype(np.float64), width)
    total = ndimage.gaussian_filter(np.where(where, image, 0.0), width)
    result: Map = np.divide(total, weight, out=np.full(image.shape, np.nan), where=where)
    return result


def find_reference(
    marrow: Mapping[str, BodyMarrow],
    candidates: Sequence[str],
    slope_pct: float,
    is_oedematous: Callable[[str, Expectation], bool],
) -> Reference | None:
    """Return the sound marrow of a patient, None without a candidate.

    Parameters
    ----------
    marrow
        Of each level.
    candidates
        Levels that are fractured neither by the sheet nor by their shape.
    slope_pct
        Usual rise of PDFF per lumbar level, points.
    is_oedematous
        Whether the body of a level whose sound marrow should be so is oedematous.
    """
    if not candidates:
        return None
    at_l2 = {level: marrow[level].median_pct - slope_pct * _from_l2(level) for level in candidates}
    middle = np.median(list(at_l2.values()))
    chosen = [level for level in candidates if at_l2[level] >= middle]
    for _ in candidates:
        reference = _reference(chosen, marrow, at_l2, slope_pct)
        sound = [
            level
            for level in candidates
            if not is_oedematous(level, reference.expected(level, marrow[level]))
        ]
        if sound == chosen or not sound:
            break
        chosen = sound
    return _reference(chosen, marrow, at_l2, slope_pct)


def _reference(
    levels: Sequence[str], marrow: Mapping[str, BodyMarrow], at_l2: Mapping[str, float], slope_pct: float
) -> Reference:
    values = np.array([at_l2[level] for level in levels])
    centre = float(np.median(values))
    squares = float(np.sum((values - centre) ** 2)) + WORTH_LEVELS * USUAL_BETWEEN_PCT**2
    return Reference(
        tuple(levels),
        centre,
        slope_pct,
        float(np.sqrt(squares / (len(values) + WORTH_LEVELS))),
        max(LEAST_WITHIN_PCT, float(np.median([marrow[level].below_pct for level in levels]))),
        float(np.median([marrow[level].upper_pct - marrow[level].median_pct for level in levels])),
    )


def _from_l2(level: str) -> int:
    """Return the steps from L2, + caudal; the rise is known for the lumbar spine."""
    return int(np.clip(steps_between(level, REFERENCE_LEVEL), -SLOPE_REACH, SLOPE_REACH))
