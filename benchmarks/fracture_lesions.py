"""What is drawn into the bodies of `fracture_phantoms`: oedema, clefts, old fractures, tumour, cement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri.simulate.anatomy import Body
from qmri.simulate.anatomy.shapes import cover, endplates

Map = NDArray[np.float64]

ACUTE = "acute"
OLD = ("old plain", "old fatty", "old sclerotic", "old haemangioma", "old node")
WITH_OEDEMA = (ACUTE, "fluid", "gas")


@dataclass(frozen=True)
class Setting:
    """Ranges from which patients are drawn; `FIT` and `FRESH` are two of them.

    Attributes
    ----------
    snr, background_pct, texture_pct, length_mm
        Signal over noise, PDFF of sound marrow, its standard deviation inside a body and its length.
    ratio
        Mean and standard deviation of the PDFF of oedema over that of sound marrow.
    extent, edge_mm
        Share of the body that oedema takes, and over how much its edge fades.
    between_pct
        Standard deviation between bodies.
    mask_mm
        Errors of the label: shift, growth and raggedness, mm.
    r2star_of_oedema
        R2* of oedema over that of sound marrow.
    """

    snr: tuple[float, float] = (15.0, 45.0)
    background_pct: tuple[float, float] = (22.0, 72.0)
    texture_pct: tuple[float, float] = (2.0, 8.0)
    length_mm: float = 3.0
    ratio: tuple[float, float] = (0.52, 0.2)
    extent: tuple[float, float] = (0.2, 1.0)
    edge_mm: tuple[float, float] = (1.0, 4.0)
    between_pct: float = 3.0
    mask_mm: tuple[float, float, float] = (1.0, 0.7, 0.6)
    r2star_of_oedema: tuple[float, float] = (0.6, 1.0)


@dataclass
class Tissue:
    """Signal, PDFF (percent) and R2* (1/s) of voxels."""

    signal: Map
    pdff: Map
    r2star: Map

    def mix(
        self, where: tuple[slice, ...], share: Map, signal: Map | float, pdff: Map | float, rate: Map | float
    ) -> None:
        """Put a tissue over what is there, in shares of the signal."""
        left, added = self.signal[where] * (1 - share), share * signal
        total = np.maximum(left + added, 1e-6)
        self.pdff[where] = (left * self.pdff[where] + added * pdff) / total
        self.r2star[where] = (left * self.r2star[where] + added * rate) / total
        self.signal[where] = left + added


@dataclass(frozen=True)
class Place:
    """A body, the part of the grid around it, coordinates there, its inside, and its marrow.

    Attributes
    ----------
    at
        mm along the right, anterior and cranial axis of the body.
    inside
        Share of each voxel that is marrow.
    usual, rate
        PDFF, percent, and R2*, 1/s.
    """

    body: Body
    box: tuple[slice, ...]
    at: tuple[Map, Map, Map]
    inside: Map
    usual: float
    rate: float

    @property
    def ends(self) -> tuple[Map, Map]:
        """Upper and lower endplate, mm."""
        upper, lower = endplates(self.body, self.at[0], self.at[1])
        return upper, lower

    @property
    def up(self) -> Map:
        """Share of the height above the lower endplate."""
        upper, lower = self.ends
        return np.asarray((self.at[2] - lower) / np.maximum(upper - lower, 1))


@dataclass(frozen=True)
class Drawn:
    """What was drawn, as shares of the voxels around a body; None where there is none."""

    oedema: Map | None = None
    cement: Map | None = None
    leak: Map | None = None


def fade(distance: Map, edge_mm: float) -> Map:
    """Return a share that falls from 1 to 0 over an edge, half at distance 0."""
    return np.asarray(1 / (1 + np.exp(np.clip(4 * distance / edge_mm, -50, 50))))


def draw_lesion(kind: str, place: Place, tissue: Tissue, setting: Setting, rng: np.random.Generator) -> Drawn:
    """Draw what the kind of a body says, and return it."""
    if kind in WITH_OEDEMA:
        oedema = _draw_oedema(kind, place, tissue, setting, rng)
        if kind != ACUTE:
            _draw_cleft(kind, place, tissue, rng)
        return Drawn(oedema=oedema)
    if kind.startswith("cement"):
        return _draw_cement(kind == "cement leak", place, tissue, rng)
    if kind == "tumour":
        lean = rng.normal(3.5, 2.0) + 0.1 * (tissue.pdff[place.box] - place.usual)
        tissue.mix(place.box, place.inside, 1.0, np.clip(lean, 0, 20), 70.0)
    _draw_old(kind, place, tissue, rng)
    return Drawn()


def _draw_oedema(kind: str, place: Place, tissue: Tissue, setting: Setting, rng: np.random.Generator) -> Map:
    right, anterior, _ = place.at
    up, height, half = place.up, place.body.middle_mm, place.body.half_depth_mm
    edge, extent = rng.uniform(*setting.edge_mm), rng.uniform(*setting.extent)
    if kind != ACUTE:
        extent = max(extent, 0.5)
    where = str(rng.choice(["superior", "inferior", "band", "anterior"], p=[0.5, 0.15, 0.15, 0.2]))
    beyond = {
        "superior": (1 - extent - up) * height,
        "inferior": (up - extent) * height,
        "band": (np.abs(up - 0.5) - extent / 2) * height,
        "anterior": (1 - 2 * extent - anterior / half) * half,
    }[where]
    if extent > 0.97:
        beyond = beyond - 10
    wavy = 1.5 * np.sin(right / 7 + rng.uniform(0, 6)) * np.cos(anterior / 6 + rng.uniform(0, 6))
    share = fade(beyond + wavy, edge)
    ratio = float(np.clip(rng.normal(*setting.ratio), 0.1, 0.8))
    factor = rng.uniform(*setting.r2star_of_oedema)
    lean = np.clip(ratio * place.usual + 0.5 * (tissue.pdff[place.box] - place.usual), 1, 97)
    tissue.mix(place.box, place.inside * share, rng.uniform(0.9, 1.2), lean, factor * place.rate)
    return share


def _draw_cleft(kind: str, place: Place, tissue: Tissue, rng: np.random.Generator) -> None:
    right, anterior, superior = place.at
    thick = rng.uniform(3.0, 5.0)
    from_plate = place.ends[0] - superior - 3.5 - thick / 2
    slot = np.maximum(np.abs(from_plate) - thick / 2, np.abs(right) - 0.6 * place.body.half_width_mm)
    half = place.body.half_depth_mm
    share = place.inside * cover(np.maximum(slot, np.abs(anterior - 0.15 * half) - 0.5 * half), 1.5)
    signal, rate = (0.6, 18.0) if kind == "fluid" else (0.0, 300.0)
    tissue.mix(place.box, share, signal, 0.0, rate)


def _draw_old(kind: str, place: Place, tissue: Tissue, rng: np.random.Generator) -> None:
    body, box, inside, usual, rate = place.body, place.box, place.inside, place.usual, place.rate
    right, anterior, superior = place.at
    up, height = place.up, body.middle_mm
    if kind == "old fatty":
        band = fade((rng.uniform(0.6, 0.85) - up) * height * rng.choice([-1, 1]), 2.0)
        tissue.mix(box, inside * band, 1.05, np.clip(usual * 1.5, 60, 88), 0.8 * rate)
    elif kind == "old sclerotic":
        band = fade((rng.uniform(0.65, 0.85) - up) * height, 1.5)
        signal, fat, decay = rng.uniform(0.3, 0.6), rng.uniform(0.6, 0.9), rng.uniform(1.6, 2.4)
        tissue.mix(box, inside * band, signal, usual * fat, rate * decay)
    elif kind == "old haemangioma":
        ball = np.sqrt(right**2 + (anterior - 2) ** 2 + superior**2) - rng.uniform(5, 9)
        tissue.mix(box, inside * fade(ball, 2.0), 1.05, 78.0, 50.0)
    elif kind == "old node" and body.node is not None:
        plate = 1.0 if body.node[2] > 0 else 0.0
        near = np.hypot(right - 0.1 * body.half_width_mm, anterior - 0.1 * body.half_depth_mm) - body.node[3]
        rim = np.maximum(near, np.abs(up - plate) * height - rng.uniform(1, 3)) - 1.0
        tissue.mix(box, inside * fade(rim, 2.0), 1.0, 0.5 * usual, 0.8 * rate)


def _draw_cement(leaks: bool, place: Place, tissue: Tissue, rng: np.random.Generator) -> Drawn:
    right, anterior, superior = place.at
    _, lower = place.ends
    ball = np.sqrt((right / 1.4) ** 2 + anterior**2 + (1.2 * superior) ** 2) - rng.uniform(6.0, 9.0)
    tube = np.maximum(np.hypot(right, anterior) - rng.uniform(4.0, 5.0), superior) + (0.0 if leaks else 100.0)
    cement = place.inside * np.maximum(cover(ball, 1.5), cover(tube, 1.5))
    leak = cover(np.maximum(tube, lower - superior - 6.0), 1.5) * (superior < lower)
    tissue.mix(place.box, np.maximum(cement, leak), 0.0, 0.0, 300.0)
    return Drawn(cement=cement, leak=leak)
