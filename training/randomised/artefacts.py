"""What a scanner does to an image: coil shading, blur, motion ghosts, swaps, voids, noise."""

from __future__ import annotations

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from qmri.simulate.anatomy.canvas import Canvas
from qmri.simulate.anatomy.shapes import waves

Rng = np.random.Generator
Field = NDArray[np.float32]

LEAST_NOISE, MOST_NOISE = 0.01, 0.1


def spoil(
    rng: Rng, water: Field, fat: Field, affine: NDArray[np.float64], *, with_fat: bool
) -> tuple[Field, Field]:
    """Apply a random choice of artefacts; without a fat image there is no swap, but gamma and in-phase."""
    if rng.random() < 0.5:
        width, spacing = rng.uniform(1.0, 3.5), voxel_sizes(affine)
        water, fat = blur(water, spacing, width), blur(fat, spacing, width)
    shading = draw_shading(rng, affine, water.shape)
    water, fat = water * shading, fat * shading
    if with_fat and rng.random() < 0.06:
        water, fat = swap_region(rng, water, fat)
    if rng.random() < 0.12:
        water, fat = ghosts(rng, water), ghosts(rng, fat)
    sigma = brightness(water) * rng.choice([LEAST_NOISE, rng.uniform(LEAST_NOISE, MOST_NOISE)])
    water, fat = add_noise(rng, water, sigma), add_noise(rng, fat, sigma)
    if not with_fat:
        water = np.asarray(water ** np.float32(rng.uniform(0.6, 1.6)), dtype=np.float32)
        if rng.random() < 0.06:
            water = water + fat  # in-phase
    return water, fat


def brightness(image: Field) -> float:
    """Return the signal that one voxel in twenty exceeds."""
    return float(np.quantile(image[::2, ::4, ::4], 0.95))


def draw_shading(rng: Rng, affine: NDArray[np.float64], shape: tuple[int, ...]) -> Field:
    """Sensitivity of a posterior coil (falling off forwards and to the ends) times smooth shading."""
    canvas = Canvas(affine, (shape[0], shape[1], shape[2]), 1.0)
    x, y, z = canvas.local(canvas.everything, np.zeros(3), np.eye(3))
    strength, seed = np.float32(rng.uniform(0.0, 0.35)), int(rng.integers(2**31))
    shading = np.exp(strength * waves(x, y, z, seed=seed, wavelength_mm=250.0, terms=3))
    if rng.random() < 0.7:
        fall = np.float32(1 / rng.uniform(60.0, 250.0))
        shading = shading * np.exp(-(y - y.min()) * fall)
    if rng.random() < 0.3:
        middle, reach = rng.uniform(z.min(), z.max()), rng.uniform(80.0, 200.0)
        shading = shading * np.exp(-(((z - np.float32(middle)) / np.float32(reach)) ** 2))
    return np.asarray(shading / shading.mean(), dtype=np.float32)


def blur(image: Field, spacing_mm: NDArray[np.float64], width_mm: float) -> Field:
    """Blur to a point spread of ``width_mm``."""
    sigma = [width_mm / (2.355 * edge) for edge in spacing_mm]
    return np.asarray(gaussian_filter(image, sigma, truncate=2.5), dtype=np.float32)


def ghosts(rng: Rng, image: Field) -> Field:
    """Add shifted copies along one axis, as from motion along the phase-encoding axis."""
    axis = int(rng.integers(1, 3))
    shift = int(rng.uniform(0.1, 0.5) * image.shape[axis])
    strength = np.float32(rng.uniform(0.02, 0.12))
    return image + strength * (np.roll(image, shift, axis) + np.roll(image, -shift, axis))


def swap_region(rng: Rng, water: Field, fat: Field) -> tuple[Field, Field]:
    """Exchange water and fat in one corner, with a soft edge, as a failed separation does."""
    ramp = sum(
        float(rng.normal())
        * np.linspace(-1, 1, size, dtype=np.float32).reshape(
            [-1 if axis == other else 1 for other in range(3)]
        )
        for axis, size in enumerate(water.shape)
    )
    share = np.clip((ramp - np.quantile(ramp, rng.uniform(0.8, 0.97))) * 8, 0, 1).astype(np.float32)
    return water + share * (fat - water), fat + share * (water - fat)


def add_noise(rng: Rng, image: Field, sigma: float) -> Field:
    """Rician noise."""
    real = image + np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(np.sqrt(real * real + imaginary * imaginary), dtype=np.float32)
