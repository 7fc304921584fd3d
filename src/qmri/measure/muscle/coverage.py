"""How much of a muscle lies in view, from how thick it still is where the slices end.

The cross-section of a muscle has a thickness t(u) along its width, u from 0 at its medial to 1 at its lateral
border. Muscles differ, so a family of profiles is tried,

    t(u) = h u^p (1 - u)^q,

with p from 0.3 (a blunt medial end) to 0.8, q from 0.3 to 1.2 (thin laterally), p = q = 1/2 an ellipse, and
every width W. For each the height h follows by least squares from the
slices in view; the share of the area in view is its posterior mean over p, q and W, and the error its
posterior standard deviation. The prior of W is wide, or that of the other side where that is whole in view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEDIAL = (0.3, 0.5, 0.8)
LATERAL = (0.3, 0.5, 0.8, 1.2)
WIDTHS = np.exp(np.linspace(-0.9, 0.9, 46))
"""Widths that are tried, over the usual one."""
OFFSETS = (-0.35, 0.0, 0.35)
"""Where in its slice the medial border lies, in slices."""
FINE = 400
ROUGHNESS = 0.12
"""Standard deviation of a profile about its family, share of the largest thickness."""
LEAST_SHARE = 0.02
"""A last slice with less of the largest thickness is the border."""

USUAL_WIDTH_MM = {
    "multifidus": {"L2": 19.0, "L3": 22.0, "L4": 25.0, "L5": 27.0},
    "erector_spinae": {"L2": 48.0, "L3": 50.0, "L4": 48.0, "L5": 43.0},
    "psoas": {"L2": 22.0, "L3": 27.0, "L4": 32.0, "L5": 36.0},
    "quadratus_lumborum": {"L2": 28.0, "L3": 30.0, "L4": 32.0, "L5": 30.0},
}
"""Widths of ellipses of the areas that ten women have, about as wide as thick, the erector spinae wider.

Multifidus 1.8 cm2 at L1 to 5.7 at L5, psoas 1.9 to 12.1, erector spinae 13.9 at mid-lumbar levels
("Morphometry of lumbar muscles in the seated posture with weight-bearing MR scans"); those of the quadratus
are guessed.
"""
WIDTH_SPREAD, MIRRORED_SPREAD = 0.30, 0.12
"""Standard deviation of the logarithm of the width: between people and levels; between two sides."""

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Coverage:
    """Share of a muscle's cross-section that lies in view.

    Attributes
    ----------
    share
        0-1.
    error
        Its standard error.
    """

    share: float
    error: float


WHOLE = Coverage(1.0, 0.0)


def is_cut(profile_mm: Real) -> bool:
    """Tell whether a profile (n,) over all slices, medial to lateral, goes on beyond the last slice."""
    return bool(profile_mm.size and profile_mm[-1] > LEAST_SHARE * profile_mm.max())


def width_mm(profile_mm: Real, slice_mm: float) -> float:
    """Return the width, mm, of a profile (n,) that is whole."""
    inside = np.flatnonzero(profile_mm > LEAST_SHARE * profile_mm.max())
    return float(slice_mm * (inside[-1] - inside[0] + 1)) if inside.size else 0.0


def estimate_coverage(profile_mm: Real, slice_mm: float, usual_mm: float, spread: float) -> Coverage:
    """Return the share in view of a muscle that goes on beyond the last slice.

    Parameters
    ----------
    profile_mm
        (n,) thickness in each slice, from the medial to the last slice; zeros before the muscle begins.
    slice_mm
        Distance of the slices.
    usual_mm, spread
        The width before anything is seen, and the standard deviation of its logarithm.
    """
    first = int(np.argmax(profile_mm > LEAST_SHARE * profile_mm.max()))
    seen = profile_mm[first:]
    widths = usual_mm * WIDTHS
    prior = -0.5 * (np.log(WIDTHS) / spread) ** 2
    edges = slice_mm * (np.arange(len(seen) + 1) - np.array(OFFSETS)[:, None])
    places = edges[:, None, :] / widths[:, None]
    shares, weights = [], []
    for area in _AREAS:
        reached = np.interp(places, _U, area)
        model = np.diff(reached)
        height = (model @ seen) / np.maximum((model**2).sum(axis=-1), np.finfo(float).tiny)
        residual = seen - height[..., None] * model
        misfit = (residual**2).sum(axis=-1) / (ROUGHNESS * seen.max()) ** 2
        shares.append(reached[..., -1])
        weights.append(prior - 0.5 * misfit)
    share, weight = np.array(shares), np.array(weights)
    chance = np.exp(weight - weight.max())
    chance /= chance.sum()
    mean = float((chance * share).sum())
    return Coverage(mean, float(np.sqrt((chance * (share - mean) ** 2).sum())))


def _cumulative(p: float, q: float) -> Real:
    """Return the share of the area of a profile medial to each place of `_U`."""
    middle = (_U[:-1] + _U[1:]) / 2
    area = np.concatenate([[0.0], np.cumsum(middle**p * (1 - middle) ** q)])
    return np.asarray(area / area[-1])


_U = np.linspace(0.0, 1.0, FINE + 1)
_AREAS = [_cumulative(p, q) for p in MEDIAL for q in LATERAL]
