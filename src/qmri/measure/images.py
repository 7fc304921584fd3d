"""What is measured: the maps of a fit on one grid, and what is known of how they came about."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qmri.images.acquisition import Acquisition

Map = NDArray[np.float64]


@dataclass(frozen=True)
class Maps:
    """Maps of one examination; NaN where a voxel has no value, None where a map was not made.

    Attributes
    ----------
    affine
        (4, 4) from index to RAS+ millimetres.
    pdff, pdff_sd
        (x, y, z) percent.
    r2star, r2star_sd
        (x, y, z) 1/s.
    r2star_shift
        (x, y, z) 1/s that R2* holds so that noise does not move its median; out of it before a mean is taken.
    water, fat
        (x, y, z) magnitudes, arbitrary unit.
    field
        (x, y, z) off-resonance, Hz.
    rchi2
        (x, y, z) reduced chi-square.
    swap_risk
        (x, y, z) risk 0-1 that water and fat are exchanged.
    vendor_pdff, vendor_r2star
        (x, y, z) the scanner's own maps in percent and 1/s, where the echoes were fitted besides.
    """

    affine: NDArray[np.float64]
    pdff: Map
    r2star: Map
    water: Map | None = None
    fat: Map | None = None
    field: Map | None = None
    pdff_sd: Map | None = None
    r2star_sd: Map | None = None
    r2star_shift: Map | None = None
    rchi2: Map | None = None
    swap_risk: Map | None = None
    vendor_pdff: Map | None = None
    vendor_r2star: Map | None = None

    @property
    def in_phase(self) -> Map | None:
        """Sum of water and fat, (x, y, z), arbitrary unit; None where either is missing."""
        return None if self.water is None or self.fat is None else self.water + self.fat


@dataclass(frozen=True)
class ImageNoise:
    """What the fit tells of the noise of the images.

    Attributes
    ----------
    sigma
        Standard deviation of the noise of one channel, in the unit of water and fat; None if not known.
    independent_shares
        Share of voxels along x, y and z whose noise is independent, None where the residuals do not
        tell; empty if not known.
    """

    sigma: float | None = None
    independent_shares: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where the maps come from.

    Attributes
    ----------
    recon_mode
        ``echoes`` fitted or ``vendor`` maps adopted.
    fat_model_id
        Fat spectrum, ``vendor`` where the scanner chose it.
    acquisition
        Facts of the headers.
    noise
        What the fit tells of the noise.
    rchi2_median
        Median reduced chi-square of the fit over all tissue, None for adopted maps.
    worst_echo
        Number of the echo that disagrees most with the others, from 1.
    """

    recon_mode: str | None = None
    fat_model_id: str | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)
    noise: ImageNoise = field(default_factory=ImageNoise)
    rchi2_median: float | None = None
    worst_echo: int | None = None


@dataclass(frozen=True)
class Fractures:
    """What the study sheet says of an examination's fractures.

    Attributes
    ----------
    treated, acute, old
        Level names.
    """

    treated: tuple[str, ...] = ()
    acute: tuple[str, ...] = ()
    old: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """Whether the sheet says anything."""
        return bool(self.levels)

    @property
    def levels(self) -> frozenset[str]:
        """Every level that the sheet calls fractured."""
        return frozenset((*self.treated, *self.acute, *self.old))

    def status(self, level: str) -> str:
        """Return the fracture status of a level."""
        for word, levels in (("treated_target", self.treated), ("acute", self.acute), ("old", self.old)):
            if level in levels:
                return word
        return "none" if self.given else "unknown"
