"""Bodies of known truth for what `qmri.measure.fracture` finds: maps with noise, and labels that may be off.

The shapes are those of the anatomy model; the marrow is heterogeneous, and islands of red marrow,
gradients, noise that neighbours share, edges of oedema that fade, and labels that are shifted, too large,
too small or ragged are drawn anew for each patient. Around the bodies lie disc, fluid and fat. What is
left out: chemical shift and field errors, motion, shading across the slices.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.data import ExaminationData, Identity
from qmri.measure.images import Fractures, ImageNoise, Maps, Origin
from qmri.simulate.anatomy import Body, Fracture, SpineRecipe, draw_spine
from qmri.simulate.anatomy.canvas import Canvas
from qmri.simulate.anatomy.column import body_box
from qmri.simulate.anatomy.shapes import body_distance, cover, endplates, plan_distance
from qmri.spine.levels import LEVEL_ID

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEVELS = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")
ACUTE = "acute"
OLD = ("old plain", "old fatty", "old sclerotic", "old haemangioma", "old node")
SOUND = ("sound", "islands")
MARGIN_MM = 24.0
PDFF_NOISE, R2STAR_NOISE = 78.0, 560.0
"""Standard deviations of PDFF (points) and R2* (1/s) times the signal over noise, as of the fit at 28."""


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


FIT = Setting()
FRESH = Setting(
    snr=(12.0, 50.0),
    background_pct=(20.0, 75.0),
    texture_pct=(2.0, 8.0),
    length_mm=4.0,
    ratio=(0.55, 0.2),
    edge_mm=(0.5, 6.0),
    between_pct=3.0,
    mask_mm=(1.4, 1.0, 0.8),
    r2star_of_oedema=(0.5, 1.15),
)


@dataclass
class Patient:
    """An examination of known truth.

    Attributes
    ----------
    data
        What is measured.
    kinds
        What each level is.
    oedema
        (x, y, z) share of each voxel's marrow that is oedematous.
    true_labels
        Labels without errors.
    cement_cm3, leak_mm3
        Volume of cement in each body, and above and below it in the discs.
    """

    data: ExaminationData
    kinds: dict[str, str]
    oedema: Map
    true_labels: NDArray[np.int16]
    cement_cm3: dict[str, float] = field(default_factory=dict)
    leak_mm3: dict[str, float] = field(default_factory=dict)

    def share(self, level: str) -> float:
        """Return the true share of a body that is oedematous."""
        return float((self.oedema[self.true_labels == LEVEL_ID[level]] > 0.5).mean())


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


def patient(seed: int, kinds: dict[str, str], setting: Setting = FIT, *, listed: bool = True) -> Patient:
    """Draw a patient.

    Parameters
    ----------
    seed
        Of everything that is drawn.
    kinds
        What the levels are; those not named are sound. `draw_lesion` knows the kinds.
    setting
        The ranges.
    listed
        Whether the study sheet names the fractures.
    """
    rng = np.random.default_rng(seed)
    fractures = {level: _fracture(kind, rng) for level, kind in kinds.items()}
    recipe = SpineRecipe(
        top_level=LEVELS[0],
        fractures={level: fracture for level, fracture in fractures.items() if fracture},
        node=0.0,
        collapsed=0.1,
    )
    bodies = list(draw_spine(rng, recipe).bodies)
    bodies = [
        replace(body, node=(0.1, 0.1, rng.choice([-1, 1]) * rng.uniform(4, 7), rng.uniform(3, 5)))
        if kinds.get(body.level) == "old node"
        else body
        for body in bodies
    ]
    pixel = rng.uniform(1.35, 1.8)
    voxel = np.array([4.0, pixel, pixel])
    around = np.array([30, 22 + MARGIN_MM, MARGIN_MM])
    low = np.min([body.centre_mm for body in bodies], axis=0) - around
    high = np.max([body.centre_mm for body in bodies], axis=0) + around
    shape = tuple(int(n) for n in np.ceil((high - low) / voxel))
    affine = np.diag([*voxel, 1.0])
    affine[:3, 3] = low + rng.uniform(0, 1, 3) * voxel
    level_pct = rng.uniform(*setting.background_pct)
    spread = rng.uniform(*setting.texture_pct)
    texture = spread * _texture(shape, setting.length_mm, voxel, rng)
    tissue = _around(bodies, affine, shape)
    made = Patient.__new__(Patient)
    made.kinds = {body.level: kinds.get(body.level, "sound") for body in bodies}
    made.oedema = np.zeros(shape)
    made.true_labels = np.zeros(shape, np.int16)
    made.cement_cm3, made.leak_mm3 = {}, {}
    for number, body in enumerate(bodies):
        usual = level_pct + 1.2 * (number - 3) + rng.normal(0, setting.between_pct)
        rate = rng.normal(135 - 0.35 * level_pct, 8)
        draw_body(
            made,
            tissue,
            body,
            affine=affine,
            usual=float(np.clip(usual, 5, 92)),
            rate=rate,
            texture=texture,
            setting=setting,
            rng=rng,
        )
    labels = np.zeros(shape, np.int16)
    shift = rng.uniform(-1, 1, 3) * setting.mask_mm[0] / voxel * [0, 1, 1]
    grow = rng.uniform(-1, 1) * setting.mask_mm[1]
    ragged = setting.mask_mm[2] * _texture(shape, 3.0, voxel, rng)
    for body in bodies:
        inside = made.true_labels == LEVEL_ID[body.level]
        distance = ndimage.distance_transform_edt(~inside, sampling=voxel) - ndimage.distance_transform_edt(
            inside, sampling=voxel
        )
        distance = ndimage.shift(distance, shift, order=1, mode="nearest")
        labels[distance + ragged < grow + 0.0] = LEVEL_ID[body.level]
    made.data = ExaminationData(
        Identity("01", "pre"),
        _noisy(tissue, affine, rng.uniform(*setting.snr), rng),
        labels,
        origin=Origin("fit", "ren9", noise=ImageNoise(None)),
        fractures=_sheet(kinds) if listed else Fractures(),
    )
    return made


def _sheet(kinds: dict[str, str]) -> Fractures:
    treated = [level for level, kind in kinds.items() if kind.startswith("cement")]
    acute = [level for level, kind in kinds.items() if kind.startswith((ACUTE, "fluid", "gas", "tumour"))]
    old = [level for level, kind in kinds.items() if kind.startswith("old")]
    return Fractures(tuple(treated), tuple(acute), tuple(old))


def _fracture(kind: str, rng: np.random.Generator) -> Fracture | None:
    shape = str(rng.choice(["wedge", "biconcave", "crush"], p=[0.6, 0.25, 0.15]))
    if kind.startswith(("fluid", "gas")):
        return Fracture(shape, float(rng.uniform(0.25, 0.45)))
    if kind == ACUTE:
        return Fracture(shape, float(rng.uniform(0.2, 0.5))) if rng.random() < 0.8 else None
    if kind.startswith(("old", "cement")):
        return Fracture(shape, float(rng.uniform(0.22, 0.5)))
    return None


def _texture(shape: tuple[int, ...], length_mm: float, voxel: Map, rng: np.random.Generator) -> Map:
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), length_mm / voxel)
    return np.asarray(smooth / smooth.std())


def _around(bodies: list[Body], affine: Map, shape: tuple[int, ...]) -> Tissue:
    """Return discs between the bodies, fluid behind and fat in front of them and beside."""
    canvas = Canvas(affine, shape, float(affine[1, 1]))
    tissue = Tissue(np.full(shape, 1.1), np.full(shape, 90.0), np.full(shape, 45.0))
    for body in bodies:
        box = canvas.box(body.centre_mm, np.array([30.0, 36.0, 26.0]), body.axes)
        right, anterior, superior = canvas.local(box, body.centre_mm, body.axes)
        plan = plan_distance(body, right, anterior, superior * 0, grow_mm=1.0)
        behind = np.maximum(anterior + body.half_depth_mm, np.abs(right) - 10) + 0 * superior
        tissue.mix(box, cover(np.maximum(behind, -behind - 22), 2.0), 0.55, 0.0, 12.0)
        tissue.mix(box, cover(plan + 0 * superior, 2.0), 0.75, 1.0, 28.0)
    return tissue


def draw_body(
    made: Patient,
    tissue: Tissue,
    body: Body,
    *,
    affine: Map,
    usual: float,
    rate: float,
    texture: Map,
    setting: Setting,
    rng: np.random.Generator,
) -> None:
    """Draw a body and what its kind says of it into a patient."""
    canvas = Canvas(affine, made.oedema.shape, float(affine[1, 1]))
    box = body_box(canvas, body)
    whole, inside = 0.0, 0.0
    for offset in (-1 / 3, 0.0, 1 / 3):
        shifted = affine.copy()
        shifted[0, 3] += offset * affine[0, 0]
        at = Canvas(shifted, made.oedema.shape, float(affine[1, 1])).local(box, body.centre_mm, body.axes)
        distance = body_distance(body, *at)
        whole = whole + cover(distance, canvas.edge_mm) / 3
        inside = inside + cover(distance + np.float32(body.cortex_mm), canvas.edge_mm) / 3
    made.true_labels[box][whole > 0.5] = LEVEL_ID[body.level]
    at = canvas.local(box, body.centre_mm, body.axes)
    gradient = rng.normal(0, 2.5) * at[1] / body.half_depth_mm + rng.normal(0, 1.5) * at[2] / 14
    marrow = np.clip(usual + gradient + texture[box], 1, 97)
    decay = np.maximum(rate - 0.35 * texture[box] + rng.normal(0, 6) * at[1] / body.half_depth_mm, 25.0)
    tissue.mix(box, whole, 0.1, 15.0, 350.0)
    tissue.mix(box, inside, 1.0, marrow, decay)
    vein = np.hypot(np.hypot(at[0] / 3, at[2]), np.maximum(at[1] + 0.55 * body.half_depth_mm, 0)) - 1.3
    tissue.mix(box, inside * cover(vein + 0 * at[1], 1.5) * (at[1] < 0), 0.95, 15.0, 45.0)
    if made.kinds[body.level] == "islands" or (made.kinds[body.level] == "sound" and rng.random() < 0.3):
        for _ in range(rng.integers(1, 4)):
            place = rng.uniform(-0.8, 0.8, 3) * [body.half_width_mm, body.half_depth_mm, 12]
            ball = np.sqrt(sum((a - p) ** 2 for a, p in zip(at, place, strict=True))) - rng.uniform(2.5, 5.5)
            tissue.mix(box, inside * _fade(ball, 2.0), 1.0, usual * rng.uniform(0.4, 0.75), rate)
    draw_lesion(
        made, tissue, body, box=box, at=at, inside=inside, usual=usual, rate=rate, setting=setting, rng=rng
    )


def _fade(distance: Map, edge_mm: float) -> Map:
    """Return a share that falls from 1 to 0 over an edge, half at distance 0."""
    return np.asarray(1 / (1 + np.exp(np.clip(4 * distance / edge_mm, -50, 50))))


def draw_lesion(
    made: Patient,
    tissue: Tissue,
    body: Body,
    *,
    box: tuple[slice, ...],
    at: tuple[Map, Map, Map],
    inside: Map,
    usual: float,
    rate: float,
    setting: Setting,
    rng: np.random.Generator,
) -> None:
    """Draw what the kind of a body says."""
    kind = made.kinds[body.level]
    right, anterior, superior = at
    upper, lower = endplates(body, right, anterior)
    up = (superior - lower) / np.maximum(upper - lower, 1)
    height = body.middle_mm
    if kind in (ACUTE, "fluid", "gas"):
        edge, extent = rng.uniform(*setting.edge_mm), rng.uniform(*setting.extent)
        if kind != ACUTE:
            extent = max(extent, 0.5)
        place = str(rng.choice(["superior", "inferior", "band", "anterior"], p=[0.5, 0.15, 0.15, 0.2]))
        beyond = {
            "superior": (1 - extent - up) * height,
            "inferior": (up - extent) * height,
            "band": (np.abs(up - 0.5) - extent / 2) * height,
            "anterior": (1 - 2 * extent - anterior / body.half_depth_mm) * body.half_depth_mm,
        }[place]
        if extent > 0.97:
            beyond = beyond - 10
        wavy = 1.5 * np.sin(right / 7 + rng.uniform(0, 6)) * np.cos(anterior / 6 + rng.uniform(0, 6))
        share = _fade(beyond + wavy, edge)
        ratio = float(np.clip(rng.normal(*setting.ratio), 0.1, 0.8))
        factor = rng.uniform(*setting.r2star_of_oedema)
        lean = np.clip(ratio * usual + 0.5 * (tissue.pdff[box] - usual), 1, 97)
        tissue.mix(box, inside * share, rng.uniform(0.9, 1.2), lean, factor * rate)
        made.oedema[box] = np.where(made.true_labels[box] == LEVEL_ID[body.level], share, made.oedema[box])
    elif kind == "old fatty":
        band = _fade((rng.uniform(0.6, 0.85) - up) * height * rng.choice([-1, 1]), 2.0)
        tissue.mix(box, inside * band, 1.05, np.clip(usual * 1.5, 60, 88), 0.8 * rate)
    elif kind == "old sclerotic":
        band = _fade((rng.uniform(0.65, 0.85) - up) * height, 1.5)
        tissue.mix(
            box,
            inside * band,
            rng.uniform(0.3, 0.6),
            usual * rng.uniform(0.6, 0.9),
            rate * rng.uniform(1.6, 2.4),
        )
    elif kind == "old haemangioma":
        ball = np.sqrt(right**2 + (anterior - 2) ** 2 + superior**2) - rng.uniform(5, 9)
        tissue.mix(box, inside * _fade(ball, 2.0), 1.05, 78.0, 50.0)
    elif kind == "old node" and body.node is not None:
        plate = 1.0 if body.node[2] > 0 else 0.0
        near = np.hypot(right - 0.1 * body.half_width_mm, anterior - 0.1 * body.half_depth_mm) - body.node[3]
        rim = np.maximum(near, np.abs(up - plate) * height - rng.uniform(1, 3)) - 1.0
        tissue.mix(box, inside * _fade(rim, 2.0), 1.0, 0.5 * usual, 0.8 * rate)
    elif kind == "tumour":
        tissue.mix(
            box, inside, 1.0, np.clip(rng.normal(3.5, 2.0) + 0.1 * (tissue.pdff[box] - usual), 0, 20), 70.0
        )
    if kind in ("fluid", "gas"):
        thick = rng.uniform(3.0, 5.0)
        from_plate = upper - superior - 3.5 - thick / 2
        slot = np.maximum(np.abs(from_plate) - thick / 2, np.abs(right) - 0.6 * body.half_width_mm)
        slot = np.maximum(slot, np.abs(anterior - 0.15 * body.half_depth_mm) - 0.5 * body.half_depth_mm)
        share = inside * cover(slot, 1.5)
        if kind == "fluid":
            tissue.mix(box, share, 0.6, 0.0, 18.0)
        else:
            tissue.mix(box, share, 0.0, 0.0, 300.0)
            tissue.signal[box] *= 1 - share


def _noisy(tissue: Tissue, affine: Map, snr: float, rng: np.random.Generator) -> Maps:
    """Return maps with noise that neighbours share, larger where there is less signal."""
    shape, width = tissue.signal.shape, (0.0, 0.5, 0.5)

    def noise() -> Map:
        field = ndimage.gaussian_filter(rng.standard_normal(shape), width)
        return np.asarray(field / field.std())

    signal = np.maximum(tissue.signal, 0.02)
    pdff_sd = PDFF_NOISE / (snr * signal)
    rate_sd = R2STAR_NOISE / (snr * signal)
    total = np.maximum(tissue.signal + noise() / snr, 0.0)
    pdff = np.clip(tissue.pdff + pdff_sd * noise(), -100, 200)
    r2star = np.maximum(tissue.r2star + rate_sd * noise(), 0)
    return Maps(
        affine=affine,
        pdff=pdff,
        r2star=r2star,
        water=100 * total * (1 - pdff / 100),
        fat=total * pdff,
    )
