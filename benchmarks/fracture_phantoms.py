"""Bodies of known truth for what `qmri.measure.fracture` finds: maps with noise, and labels that may be off.

The shapes are those of the anatomy model; the marrow is heterogeneous, and islands of red marrow,
gradients, noise that neighbours share, edges of oedema that fade, and labels that are shifted, too large,
too small or ragged are drawn anew for each patient. Around the bodies lie disc, fluid and fat. What is
left out: chemical shift and field errors, motion, shading across the slices.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from fracture_lesions import ACUTE, Place, Setting, Tissue, draw_lesion, fade
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.data import ExaminationData, Identity
from qmri.measure.images import Fractures, ImageNoise, Maps, Origin
from qmri.simulate.anatomy import Body, Fracture, SpineRecipe, draw_spine
from qmri.simulate.anatomy.canvas import Canvas
from qmri.simulate.anatomy.column import body_box
from qmri.simulate.anatomy.shapes import body_distance, cover, plan_distance
from qmri.spine.levels import LEVEL_ID

Map = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEVELS = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")
MARGIN_MM = 24.0
PDFF_NOISE, R2STAR_NOISE = 78.0, 560.0
"""Standard deviations of PDFF (points) and R2* (1/s) times the signal over noise, as of the fit at 28."""


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


def patient(seed: int, kinds: dict[str, str], setting: Setting = FIT, *, listed: bool = True) -> Patient:
    """Draw a patient.

    Parameters
    ----------
    seed
        Of everything that is drawn.
    kinds
        What the levels are; those not named are sound. `fracture_lesions.draw_lesion` knows the kinds.
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
            tissue.mix(box, inside * fade(ball, 2.0), 1.0, usual * rng.uniform(0.4, 0.75), rate)
    place = Place(body, box, at, inside, usual, rate)
    found = draw_lesion(made.kinds[body.level], place, tissue, setting, rng)
    if found.oedema is not None:
        own = made.true_labels[box] == LEVEL_ID[body.level]
        made.oedema[box] = np.where(own, found.oedema, made.oedema[box])
    if found.cement is not None and found.leak is not None:
        voxel_mm3 = float(np.prod(np.diag(affine)[:3]))
        made.cement_cm3[body.level] = float(found.cement.sum()) * voxel_mm3 / 1000
        made.leak_mm3[body.level] = float(found.leak.sum()) * voxel_mm3


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
