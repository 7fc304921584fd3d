"""Water and fat signal of every tissue: physics-like or random, so that no contrast is a surprise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from qmri.simulate.anatomy import Rendering, Spine, Tissue
from qmri.simulate.anatomy.canvas import Canvas

Rng = np.random.Generator
Field = NDArray[np.float32]
Range = tuple[float, float]

# Ranges of (signal at full density, fat fraction) of a T1-weighted to proton-density-weighted gradient echo.
PLAUSIBLE: dict[Tissue, tuple[Range, Range]] = {
    Tissue.AIR: ((0.0, 0.02), (0.0, 0.5)),
    Tissue.SKIN: ((0.3, 1.2), (0.0, 0.2)),
    Tissue.SUBCUTANEOUS_FAT: ((0.8, 2.2), (0.86, 0.99)),
    Tissue.MUSCLE: ((0.45, 1.1), (0.0, 0.06)),
    Tissue.VISCERAL_FAT: ((0.7, 2.0), (0.8, 0.99)),
    Tissue.VISCERA: ((0.2, 1.1), (0.0, 0.1)),
    Tissue.VESSEL: ((0.0, 1.6), (0.0, 0.05)),
    Tissue.MARROW: ((0.7, 1.3), (0.1, 0.72)),
    Tissue.CORTICAL_BONE: ((0.0, 0.15), (0.0, 0.5)),
    Tissue.BASIVERTEBRAL_VEIN: ((0.4, 1.2), (0.0, 0.4)),
    Tissue.OEDEMA: ((0.6, 1.7), (0.0, 0.3)),
    Tissue.HAEMANGIOMA: ((0.8, 1.6), (0.5, 0.95)),
    Tissue.CEMENT: ((0.0, 0.35), (0.0, 1.0)),
    Tissue.METAL: ((0.0, 0.04), (0.0, 1.0)),
    Tissue.DISC: ((0.35, 1.5), (0.0, 0.05)),
    Tissue.ANNULUS: ((0.15, 1.0), (0.0, 0.08)),
    Tissue.EPIDURAL_FAT: ((0.5, 1.8), (0.6, 0.95)),
    Tissue.CSF: ((0.35, 1.8), (0.0, 0.03)),
    Tissue.CORD: ((0.5, 1.1), (0.0, 0.05)),
    Tissue.POSTERIOR_MARROW: ((0.6, 1.3), (0.15, 0.8)),
    Tissue.S1_MARROW: ((0.7, 1.3), (0.1, 0.75)),
    Tissue.SACRUM_MARROW: ((0.7, 1.3), (0.1, 0.8)),
    Tissue.LUNG: ((0.0, 0.15), (0.0, 0.1)),
}
RANDOM_SHARE = 0.3
SHARE_OEDEMA_LIKE_DISC = 0.3
MOST_DISC_SPREAD = 0.35
# Fascia holds so much of the signal of muscle.
FASCIA = 0.3
SHARE_DARK_REMNANT = 0.5
# Degenerate discs, all of a spine or some of them, keep this share of their signal.
SHARE_DARK_DISCS = 0.15
DARK_DISC = (0.1, 0.5)
LEAST_CONTRAST = 0.08


def draw_tissue_signals(rng: Rng, plausible: bool = False) -> dict[Tissue, tuple[float, float]]:
    """Return (water, fat) of every tissue, ``plausible`` or maybe anything; marrow and disc differ."""
    random = not plausible and rng.random() < RANDOM_SHARE
    while True:
        table: dict[Tissue, tuple[float, float]] = {}
        for tissue, (signal, fraction) in PLAUSIBLE.items():
            if random and tissue not in (Tissue.AIR, Tissue.METAL, Tissue.CEMENT):
                table[tissue] = (float(rng.uniform(0.0, 1.2)), float(rng.uniform(0.0, 1.2)))
            else:
                total, fat = rng.uniform(*signal), rng.uniform(*fraction)
                table[tissue] = (float(total * (1 - fat)), float(total * fat))
        near = 0.06 if random or rng.random() < 0.85 else 0.2
        for sacral in (Tissue.S1_MARROW, Tissue.SACRUM_MARROW):
            first, second = np.maximum(rng.normal(1.0, near, 2), 0.2)
            water, fat_signal = table[Tissue.MARROW]
            table[sacral] = (float(water * first), float(fat_signal * second))
        water, fat_signal = table[Tissue.MUSCLE]
        table[Tissue.FASCIA] = (FASCIA * water, FASCIA * fat_signal)
        if rng.random() < SHARE_OEDEMA_LIKE_DISC:
            table[Tissue.OEDEMA] = table[Tissue.DISC]
        marrow, disc = table[Tissue.MARROW], table[Tissue.DISC]
        if max(abs(marrow[0] - disc[0]), abs(marrow[1] - disc[1])) > LEAST_CONTRAST:
            return table


def paint_contrast(
    rng: Rng, rendering: Rendering, spine: Spine, affine: NDArray[np.float64], plausible: bool = False
) -> tuple[Field, Field]:
    """Return the water and fat images of a rendering, without artefacts.

    The marrow of each body and the brightness of each disc are its own.
    """
    table = draw_tissue_signals(rng, plausible)
    water, fat = (np.zeros(rendering.labels.shape, dtype=np.float32) for _ in range(2))
    spread = rng.uniform(0.0, 0.15)
    each = np.clip(rng.normal(1.0, spread, (2, len(spine.bodies) + 1)), 0.3, 1.7).astype(np.float32)
    discs = disc_brightness(rng, spine, affine, rendering.labels.shape)
    for tissue, share in rendering.fractions.items():
        own_water, own_fat = share, share
        if tissue in (Tissue.DISC, Tissue.ANNULUS):
            own_water = own_fat = share * discs
        if tissue == Tissue.MARROW:
            own_water, own_fat = share * each[0][rendering.body], share * each[1][rendering.body]
        water += np.float32(table[tissue][0]) * own_water
        fat += np.float32(table[tissue][1]) * own_fat
    texture = _texture(rng, rendering.labels.shape)
    bone = rendering.fraction(Tissue.MARROW, Tissue.S1_MARROW, Tissue.SACRUM_MARROW, Tissue.POSTERIOR_MARROW)
    in_bone, elsewhere = np.float32(rng.uniform(0.0, 0.25)), np.float32(rng.uniform(0.0, 0.15))
    mottled = texture * (in_bone * bone + elsewhere * (1 - bone))
    return np.maximum(water * (1 + mottled), 0), np.maximum(fat * (1 - mottled), 0)


def disc_brightness(rng: Rng, spine: Spine, affine: NDArray[np.float64], shape: tuple[int, ...]) -> Field:
    """Brightness of the discs over their mean, by height: each differs, some or all may be dark."""
    column = (*spine.bodies, *spine.sacrum)
    heights = np.array([(upper.centre_mm[2] + lower.centre_mm[2]) / 2 for upper, lower in pairwise(column)])
    factors = np.clip(rng.normal(1.0, rng.uniform(0.0, MOST_DISC_SPREAD), len(heights)), 0.3, 1.7)
    if rng.random() < SHARE_DARK_REMNANT:
        factors[len(spine.bodies) :] *= rng.uniform(0.0, 1.0)
    if rng.random() < SHARE_DARK_DISCS:
        dark = rng.random(len(heights)) < rng.choice([0.5, 1.0])
        factors[dark] *= rng.uniform(*DARK_DISC)
    order = np.argsort(heights)
    canvas = Canvas(affine, (shape[0], shape[1], shape[2]), 1.0)
    z = canvas.local(canvas.everything, np.zeros(3), np.eye(3))[2]
    return np.asarray(np.interp(z, heights[order], factors[order]), dtype=np.float32)


def _texture(rng: Rng, shape: tuple[int, ...]) -> Field:
    """Mottle of about a voxel to a centimetre, unit variance."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    smooth = gaussian_filter(noise, rng.uniform(0.5, 2.0), mode="wrap", truncate=2.0)
    return np.asarray(smooth / max(float(smooth.std()), 1e-6), dtype=np.float32)
