"""How much T1 weighting raises a fat fraction, for fat recovers faster than water, and how to take it off."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.signal.spectra import GAMMA_MHZ_PER_T

MARROW_T1_S: dict[float, tuple[float, float]] = {3.0: (0.701, 0.334)}
"""T1 of water and of fat in vertebral marrow, s, by nominal field, T. No paper that measured both in the
same marrow is at hand: that of fat lies between 0.312 s of white adipose tissue (Hu & Nayak 2010,
10.1002/mrm.22205) and 0.365 s of the marrow of the knee (Gold et al. 2004, 10.2214/ajr.183.2.1830343).
So the PDFF of the tables is not corrected, and a corrected one stands beside it with a larger error. Other
fields have no entry until there is a measurement of both: T1 grows with field, and not alike in both."""

MARROW_T1_SPREAD_S: dict[float, tuple[float, float]] = {3.0: (0.11, 0.03)}
"""Standard deviation of T1 of water and of fat between patients, s. Of water 16 %, by which lymphoma raises
it in vertebral marrow while osteoporosis does not change it (Träber et al. 1996, 10.1002/jmri.1880060318);
of fat the scatter of 0.312, 0.334 and 0.365 s."""

FLIP_ANGLE_SPREAD = 0.1
"""Share by which the flip angle in the spine may differ from the nominal one; an assumption for 3 T."""

SAME_FIELD = 0.1
"""Share by which a field may differ from a nominal one (scanners of 2.89 T are sold as 3 T)."""


def marrow_t1(
    field_strength_t: float | None, imaging_frequency_mhz: float | None = None
) -> tuple[float, float] | None:
    """Return T1 of water and of fat in vertebral marrow at a field.

    Parameters
    ----------
    field_strength_t
        Field, T; where it is not known it follows from the frequency.
    imaging_frequency_mhz
        Frequency of water, MHz.

    Returns
    -------
    tuple of float or None
        T1 of water and of fat, s; None at a field for which they are not known.
    """
    return _at_field(MARROW_T1_S, field_strength_t, imaging_frequency_mhz)


def marrow_t1_spread(
    field_strength_t: float | None, imaging_frequency_mhz: float | None = None
) -> tuple[float, float] | None:
    """Return the standard deviations between patients of what `marrow_t1` gives.

    Parameters
    ----------
    field_strength_t, imaging_frequency_mhz
        As for `marrow_t1`.

    Returns
    -------
    tuple of float or None
        Of T1 of water and of fat, s; None at a field for which they are not known.
    """
    return _at_field(MARROW_T1_SPREAD_S, field_strength_t, imaging_frequency_mhz)


def t1_bias(
    pdff_pct: float, flip_angle_deg: float, repetition_time_s: float, t1_s: tuple[float, float]
) -> float:
    """Return by how much T1 raises a PDFF in a spoiled gradient echo, percentage points.

    The steady-state signal of a tissue is ``S = M sin(a) (1 - E) / (1 - E cos(a))`` with
    ``E = exp(-TR / T1)`` (Liu 2007, 10.1002/mrm.21301); the bias is ``100 S_fat / (S_fat + S_water) - PDFF``.

    Parameters
    ----------
    pdff_pct
        True fat fraction, percent.
    flip_angle_deg
        Flip angle a, degrees.
    repetition_time_s
        TR, s.
    t1_s
        T1 of water and of fat, s.

    Returns
    -------
    float
        Percentage points; positive, since fat recovers faster.

    Examples
    --------
    >>> round(t1_bias(50.0, 5.0, 0.007, MARROW_T1_S[3.0]), 1)
    3.9
    """
    gain = _fat_gain(flip_angle_deg, repetition_time_s, t1_s)
    fat, water = gain * pdff_pct, 100 - pdff_pct
    return float(100 * fat / (fat + water) - pdff_pct)


def without_t1_bias(
    pdff_pct: ArrayLike, flip_angle_deg: float, repetition_time_s: float, t1_s: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the fat fraction whose T1-weighted image has the one that was seen, percent.

    The inverse of `t1_bias`: with g the steady-state signal of fat over that of water,
    ``PDFF = s / (s + (1 - s) g)`` of a seen share s (Liu 2007, 10.1002/mrm.21301). It grows with s, so
    that a corrected median is the median of corrected values.

    Parameters
    ----------
    pdff_pct
        Seen fat fraction, percent, any shape; noise may have put it a little below 0 or above 100.
    flip_angle_deg, repetition_time_s
        Of the sequence, degrees and s.
    t1_s
        T1 of water and of fat, s.

    Returns
    -------
    numpy.ndarray
        Of the shape of ``pdff_pct``, percent.

    Examples
    --------
    >>> float(without_t1_bias(53.9, 5.0, 0.007, MARROW_T1_S[3.0]).round(0))
    50.0
    """
    seen = np.asarray(pdff_pct, dtype=np.float64)
    return np.asarray(100 * seen / (seen + (100 - seen) * _fat_gain(flip_angle_deg, repetition_time_s, t1_s)))


def corrected_error(
    pdff_pct: float,
    error_pct: float,
    *,
    flip_angle_deg: float,
    repetition_time_s: float,
    t1_s: tuple[float, float],
    spread_s: tuple[float, float],
) -> float:
    """Return the standard error of a PDFF from which the T1 bias was taken, percentage points.

    First order: the error of what was seen, through the correction, and half the change of the correction
    between plus and minus one standard deviation of T1 of water, T1 of fat, and the flip angle.

    Parameters
    ----------
    pdff_pct, error_pct
        Seen PDFF and its error, percent.
    flip_angle_deg, repetition_time_s
        Of the sequence, degrees and s.
    t1_s, spread_s
        T1 of water and of fat, and their standard deviations, s.

    Returns
    -------
    float
        Percentage points.
    """

    def corrected(seen: float, angle: float, water: float, fat: float) -> float:
        return float(without_t1_bias(seen, angle, repetition_time_s, (water, fat)))

    middle = np.array([pdff_pct, flip_angle_deg, *t1_s])
    steps = np.diag([error_pct, FLIP_ANGLE_SPREAD * flip_angle_deg, *spread_s])
    halves = [(corrected(*(middle + step)) - corrected(*(middle - step))) / 2 for step in steps]
    return float(np.sqrt(np.sum(np.square(halves))))


def _at_field(
    figures: dict[float, tuple[float, float]], field_t: float | None, frequency_mhz: float | None
) -> tuple[float, float] | None:
    field = field_t or (frequency_mhz or 0.0) / GAMMA_MHZ_PER_T
    return next((both for known, both in figures.items() if abs(field / known - 1) <= SAME_FIELD), None)


def _fat_gain(flip_angle_deg: float, repetition_time_s: float, t1_s: tuple[float, float]) -> float:
    """Return the steady-state signal of fat over that of water, of equal amounts."""
    recovery = np.exp(-repetition_time_s / np.array(t1_s))
    water, fat = (1 - recovery) / (1 - recovery * np.cos(np.radians(flip_angle_deg)))
    return float(fat / water)
