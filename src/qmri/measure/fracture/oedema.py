"""Oedema: the part of a body whose PDFF lies below that of the patient's sound marrow.

Fluid takes the place of fat in a recent fracture, and leaves within months: PDFF is 24 +- 12 % in acute
benign fractures, .49 +- .24 of that of normal vertebrae (Schmeel et al. 2018, 10.1007/s00330-018-5513-0).
A place counts where the smoothed PDFF is lower than expected by more than sound marrow varies
(`reference`), and only in large pieces that hang together: noise and islands of red marrow are smaller.
The border of a piece lies where half of its drop is reached. The margin of the region takes what lies
beneath it, so that a band along an endplate has its whole extent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.fracture.reference import BodyMarrow, Expectation

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_CM3 = 0.8
LEAST_CENTRAL_CM3 = 0.4
"""So much of a piece lies in the middle half of the width: outer slices hold what lies beside the body."""
LEAST_REGION_SHARE = 0.15
"""A region with less of the body (cement fills it) says nothing of the rest."""
OEDEMATOUS, LEAST_BURDEN = 0.10, 0.05
"""A body is oedematous with this share of oedema, and this share times the relative drop of PDFF."""
WHOLE = 0.75
CLEARLY = 0.25
"""Shares of a body's thirds that differ by so much give the oedema a place."""
SCLEROTIC_RATIO = 1.35
"""Oedema does not raise R2*; bone and iron do: such a piece, over the sound marrow's R2*, is left out."""

PLACES = ("none", "superior", "inferior", "band", "anterior", "posterior", "patchy", "whole")


@dataclass(frozen=True)
class Oedema:
    """Oedema of a body.

    Attributes
    ----------
    where
        (x, y, z) bool on the body's crop, the margin filled in.
    share
        Share of the body, voids left out, that is oedematous, 0-1.
    drop_pct
        How much lower PDFF is there on average than sound marrow's, points; 0 without oedema.
    expectation
        What it was held against.
    median_pct
        Median PDFF of the body, what has the R2* of dense bone left out.
    dark_share
        Share of the body that lies as low in PDFF, but whose R2* is that of dense bone.
    """

    where: Mask
    share: float
    drop_pct: float
    expectation: Expectation
    median_pct: float
    dark_share: float = 0.0

    @property
    def present(self) -> bool:
        """Whether the body counts as oedematous."""
        return self.share >= OEDEMATOUS and self.share * self.relative_drop >= LEAST_BURDEN

    @property
    def relative_drop(self) -> float:
        """Drop of PDFF over what sound marrow has."""
        return self.drop_pct / max(self.expectation.pdff_pct, 1.0)

    @property
    def deficit(self) -> float:
        """How much lower the body's median PDFF is than usual at its level, over what is usual."""
        return 1 - self.median_pct / max(self.expectation.usual_pct, 1.0)

    @property
    def blind(self) -> float:
        """Share of the expected PDFF that must be lost before it is seen; above 1 none can be."""
        return self.expectation.least_drop_pct / max(self.expectation.pdff_pct, 1.0)


def find_oedema(
    marrow: BodyMarrow,
    expectation: Expectation,
    *,
    body: Mask,
    central: Mask,
    voxel_size_mm: Map,
    r2star: Map | None = None,
    usual_r2star: float | None = None,
) -> Oedema | None:
    """Return the oedema of a body; None where too little of it has a PDFF.

    Parameters
    ----------
    marrow, expectation
        The body's marrow and what its sound part should have.
    body
        (x, y, z) bool: the body without its voids.
    central
        (x, y, z) bool: the middle half of the width.
    voxel_size_mm
        (3,) edges.
    r2star, usual_r2star
        (x, y, z) 1/s and that of sound marrow; without them dense bone is not told from oedema.
    """
    if marrow.region.sum() < LEAST_REGION_SHARE * body.sum():
        return None
    drop = np.where(marrow.region, expectation.pdff_pct - np.nan_to_num(marrow.smooth), 0.0)
    pieces = _pieces(drop > expectation.least_drop_pct, central, voxel_size_mm)
    oedema, dark = np.zeros_like(body), np.zeros_like(body)
    for number in range(1, int(pieces.max()) + 1):
        piece = pieces == number
        typical = float(np.median(drop[piece]))
        piece &= drop > max(expectation.least_drop_pct, typical / 2)
        into = dark if _is_dark(piece, r2star, usual_r2star) else oedema
        into |= piece
    to_region = ndimage.distance_transform_edt(
        ~marrow.region, sampling=voxel_size_mm, return_distances=False, return_indices=True
    )
    known = oedema & marrow.region
    lost = float(expectation.pdff_pct - np.mean(marrow.pdff[known])) if known.any() else 0.0
    filled, filled_dark = (part[tuple(to_region)] & body for part in (oedema, dark))
    rest = marrow.region & ~dark
    median = float(np.median(marrow.pdff[rest])) if rest.any() else marrow.median_pct
    share, dark_share = (float(part.sum() / body.sum()) for part in (filled, filled_dark))
    return Oedema(filled, share, lost, expectation, median, dark_share)


def _pieces(below: Mask, central: Mask, voxel_size_mm: Map) -> NDArray[np.intp]:
    """Return the pieces (x, y, z) that are large enough, numbered from 1; 0 elsewhere."""
    number, _ = ndimage.label(below)
    voxel_cm3 = float(np.prod(voxel_size_mm)) / 1000
    large = np.bincount(number.ravel()) * voxel_cm3 >= LEAST_CM3
    large &= np.bincount(number.ravel(), central.ravel()) * voxel_cm3 >= LEAST_CENTRAL_CM3
    large[0] = False
    return np.asarray(np.where(large[number], np.cumsum(large)[number], 0), dtype=np.intp)


def _is_dark(piece: Mask, r2star: Map | None, usual: float | None) -> bool:
    if r2star is None or usual is None:
        return False
    values = r2star[piece & np.isfinite(r2star)]
    return len(values) > 0 and float(np.median(values)) > SCLEROTIC_RATIO * usual


def place_of(oedema: Oedema, coordinates: Map, body: Mask) -> str:
    """Return where in a body its oedema lies, one of `PLACES`.

    Parameters
    ----------
    oedema
        Of the body.
    coordinates
        (x, y, z, 3): mm to the right, share of the depth from the front, share of the height from below.
    body
        (x, y, z) bool: the body without its voids.
    """
    if not oedema.present:
        return "none"
    if oedema.share >= WHOLE:
        return "whole"
    back, up = coordinates[..., 1], coordinates[..., 2]

    def share(part: Mask) -> float:
        part = part & body
        return float(oedema.where[part].mean()) if part.any() else 0.0

    above, between, below = share(up > 2 / 3), share((up >= 1 / 3) & (up <= 2 / 3)), share(up < 1 / 3)
    front, rear = share(back < 1 / 2), share(back >= 1 / 2)
    vertical, sagittal = above - below, front - rear
    if abs(vertical) >= max(CLEARLY, abs(sagittal)):
        return "superior" if vertical > 0 else "inferior"
    if between - max(above, below) >= CLEARLY:
        return "band"
    if abs(sagittal) >= CLEARLY:
        return "anterior" if sagittal > 0 else "posterior"
    return "patchy"
