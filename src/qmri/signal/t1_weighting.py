"""How much T1 weighting raises a fat fraction: fat recovers faster than water."""

from __future__ import annotations

import numpy as np

from qmri.signal.spectra import GAMMA_MHZ_PER_T

MARROW_T1_S: dict[float, tuple[float, float]] = {3.0: (0.701, 0.334)}
"""T1 of water and of fat in vertebral marrow, s, by nominal field, T. No paper for these is at hand, so the
bias is an estimate that is flagged, not taken off. Other fields have no entry until there is a measurement
of both: T1 grows with field, and not alike in water and fat."""
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
    field = field_strength_t or (imaging_frequency_mhz or 0.0) / GAMMA_MHZ_PER_T
    return next((t1 for known, t1 in MARROW_T1_S.items() if abs(field / known - 1) <= SAME_FIELD), None)


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
    cosine = np.cos(np.radians(flip_angle_deg))
    recovery = np.exp(-repetition_time_s / np.array(t1_s))
    water, fat = (1 - recovery) / (1 - recovery * cosine) * np.array([100 - pdff_pct, pdff_pct])
    return float(100 * fat / (fat + water) - pdff_pct)
