"""From anatomy to the water, fat, decay and field of each voxel: what a perfect fit would find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.images.grid import Grid
from qmri.simulate.anatomy import Rendering, Spine, Tissue
from qmri.simulate.imaging.field import dephasing_rate, dipole_field, shimmed, smooth_random
from qmri.simulate.imaging.tissue_signal import (
    OEDEMA_R2_PRIME_SHARE,
    R2_MARROW_PER_S,
    R2STAR_PER_PDFF,
    TISSUE_SIGNALS,
    Marrow,
    marrow_susceptibility_ppm,
)

TEXTURE_LENGTH_MM = 3.0
POSTERIOR_EXTRA_PDFF = 4.0
RESIDUAL_FIELD_PPM = 0.3
LEAST_SIGNAL = 0.3
SHIM_REACH_PPM = 5.0
SHIM_ORDER = 2
"""Scanners shim the linear terms and part of the second-order ones."""


@dataclass(frozen=True)
class Truth:
    """What a perfect fit of noise-free echoes would find; arrays (column, row, slice).

    Attributes
    ----------
    water, fat
        Signals at echo time 0 under an even coil; 1 is the signal of fresh marrow.
    r2star
        Decay rate, 1/s; 0 where there is no signal.
    field
        Off-resonance of water, Hz.
    """

    water: NDArray[np.float64]
    fat: NDArray[np.float64]
    r2star: NDArray[np.float64]
    field: NDArray[np.float64]

    @property
    def pdff(self) -> NDArray[np.float64]:
        """Fat fraction, percent; 0 where there is no signal; (x, y, z)."""
        return _quotient(100.0 * self.fat, self.water + self.fat)


def draw_marrow(levels: tuple[str, ...], age: float, rng: np.random.Generator) -> Marrow:
    """Draw the marrow of a patient.

    The fat fraction grows with age (27-32 % in the twenties, 42-49 % beyond sixty in the healthy) and
    by 1.2 percentage points a level downwards; the decay falls as fat takes the place of bone.

    Parameters
    ----------
    levels
        Levels from cranial to caudal.
    age
        In years.
    rng
        The source of randomness.
    """
    at_l2 = np.clip(29.0 + 0.42 * (age - 25.0) + rng.normal(0.0, 5.0), 20.0, 75.0)
    bone = rng.normal(0.0, 8.0)
    reference = levels.index("L2") if "L2" in levels else len(levels) - 4
    pdff, r2_prime = {}, {}
    for number, level in enumerate((*levels, "S1")):
        pdff[level] = float(np.clip(at_l2 + 1.2 * (number - reference) + rng.normal(0.0, 2.0), 12.0, 88.0))
        r2_prime[level] = float(max(30.0, 112.0 - 0.9 * (pdff[level] - 35.0) + bone + rng.normal(0.0, 5.0)))
    oedema = float(np.clip(rng.normal(20.0, 7.0), 8.0, 32.0))
    return Marrow(pdff, r2_prime, oedema)


def voxel_truth(
    spine: Spine,
    rendering: Rendering,
    grid: Grid,
    marrow: Marrow,
    *,
    field_t: float,
    imaging_frequency_mhz: float,
    rng: np.random.Generator,
) -> Truth:
    """Return the parameters of the signal in every voxel.

    A voxel that holds several tissues has the sum of their water and of their fat, and the mean of
    their decay rates weighted by signal: the rate at which its signal begins to decay.

    Parameters
    ----------
    spine, rendering, grid
        The anatomy, its image on the grid, and where the voxels are.
    marrow
        The patient's marrow.
    field_t, imaging_frequency_mhz
        Of the scanner.
    rng
        Draws the texture of the marrow and the residual of the shim.
    """
    marrow_voxels = _marrow_voxels(spine, rendering, grid, marrow, rng)
    water, fat, decay = (np.zeros(grid.shape) for _ in range(3))
    air_ppm = TISSUE_SIGNALS[Tissue.AIR].susceptibility_ppm
    susceptibility = np.full(grid.shape, air_ppm)
    for tissue, share in rendering.fractions.items():
        kind = marrow_voxels[tissue] if tissue in marrow_voxels else TISSUE_SIGNALS[tissue]
        amount = share.astype(np.float64) * kind.signal
        fat += amount * kind.pdff_pct / 100.0
        water += amount * (1.0 - kind.pdff_pct / 100.0)
        decay += amount * (kind.r2_per_s + kind.r2_prime_per_s * field_t / 3.0)
        susceptibility += share * (kind.susceptibility_ppm - air_ppm)
    total = water + fat
    rate = _quotient(decay, total)
    field = dipole_field(susceptibility, grid, imaging_frequency_mhz)
    if Tissue.METAL in rendering.fractions:
        rate += np.where(total > 0, dephasing_rate(field), 0.0)
    within_reach = np.abs(field - np.median(field)) < SHIM_REACH_PPM * imaging_frequency_mhz
    field = shimmed(field, (total > LEAST_SIGNAL) & within_reach, SHIM_ORDER)
    field += RESIDUAL_FIELD_PPM * imaging_frequency_mhz * smooth_random(grid.shape, 3, rng)
    return Truth(water, fat, rate, field)


def muscle_pdff(fat_share: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the fat fraction in percent of muscle of which this share (any shape, 0-1) is fat."""
    lean, fat = TISSUE_SIGNALS[Tissue.MUSCLE], TISSUE_SIGNALS[Tissue.VISCERAL_FAT]
    lean_signal, fat_signal = (1 - fat_share) * lean.signal, fat_share * fat.signal
    weighted = lean_signal * lean.pdff_pct + fat_signal * fat.pdff_pct
    return np.asarray(weighted / (lean_signal + fat_signal), dtype=np.float64)


class _MarrowVoxels(NamedTuple):
    """The numbers of a `TissueSignal` voxel by voxel."""

    pdff_pct: NDArray[np.float64]
    r2_prime_per_s: NDArray[np.float64]
    susceptibility_ppm: float
    signal: float = 1.0
    r2_per_s: float = R2_MARROW_PER_S


def _marrow_voxels(
    spine: Spine, rendering: Rendering, grid: Grid, marrow: Marrow, rng: np.random.Generator
) -> dict[Tissue, _MarrowVoxels]:
    """Return the marrow tissues with their texture, valid wherever they occur."""
    fat_texture = marrow.texture_pct * _texture(grid, rng)
    bone_texture = marrow.texture_per_s * _texture(grid, rng) + R2STAR_PER_PDFF * fat_texture
    nearest = ndimage.distance_transform_edt(
        rendering.body == 0, sampling=grid.voxel_size_mm, return_distances=False, return_indices=True
    )
    body = rendering.body[tuple(nearest)] - 1
    pdff, r2_prime = (
        np.array([values[level.level] for level in spine.bodies])[body]
        for values in (marrow.pdff_pct, marrow.r2_prime_per_s)
    )
    sacral_pdff, sacral_r2_prime = marrow.pdff_pct["S1"], marrow.r2_prime_per_s["S1"]

    def textured(middle: float | NDArray[np.float64], prime: float | NDArray[np.float64]) -> _MarrowVoxels:
        return _MarrowVoxels(
            np.clip(middle + fat_texture, 1.0, 97.0),
            np.maximum(prime + bone_texture, 5.0),
            marrow_susceptibility_ppm(float(np.mean(middle))),
        )

    sacrum = textured(sacral_pdff, sacral_r2_prime)
    return {
        Tissue.MARROW: textured(pdff, r2_prime),
        Tissue.POSTERIOR_MARROW: textured(pdff + POSTERIOR_EXTRA_PDFF, r2_prime),
        Tissue.OEDEMA: textured(marrow.oedema_pdff_pct, OEDEMA_R2_PRIME_SHARE * r2_prime),
        Tissue.S1_MARROW: sacrum,
        Tissue.SACRUM_MARROW: sacrum,
    }


def _texture(grid: Grid, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return smooth noise of mean 0 and standard deviation 1."""
    sigma = [TEXTURE_LENGTH_MM / edge for edge in grid.voxel_size_mm]
    smooth = ndimage.gaussian_filter(rng.standard_normal(grid.shape), sigma)
    texture: NDArray[np.float64] = smooth / smooth.std()
    return texture


def _quotient(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)
