"""Digital phantoms of known truth for the fit: bodies with islands, steep fields and iron."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel

SIX_ECHOES_S = tuple(1.2e-3 + 1.0e-3 * echo for echo in range(6))


@dataclass(frozen=True)
class Phantom:
    """Truth on a grid.

    Attributes
    ----------
    pdff, r2star, field
        Percent, 1/s and Hz, shape (x, y, z).
    amplitude, phase
        Signal of water and fat together at echo time 0, and their common phase in rad.
    mask
        Where there is tissue.
    voxel_size
        mm.
    """

    pdff: NDArray[np.float64]
    r2star: NDArray[np.float64]
    field: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    phase: NDArray[np.float64]
    mask: NDArray[np.bool_]
    voxel_size: tuple[float, float, float]

    def signal(
        self,
        echo_times: tuple[float, ...] = SIX_ECHOES_S,
        field_strength: float = 3.0,
        snr: float = 30.0,
        *,
        spectrum: str = "ren9",
        fat_phase: float | NDArray[np.float64] = 0.0,
        seed: int = 1,
    ) -> NDArray[np.complex64]:
        """Return the signal (x, y, z, echo) with noise of standard deviation 1/snr in each channel."""
        model = WaterFatModel.at(spectrum, echo_times, GAMMA_MHZ_PER_T * field_strength)
        fat = self.amplitude * self.pdff / 100
        water = self.amplitude - fat
        rng = np.random.default_rng(seed)
        signal = np.empty((*self.mask.shape, len(echo_times)), dtype=np.complex64)
        for x in range(self.mask.shape[0]):
            rotation = np.exp(1j * (fat_phase[x] if isinstance(fat_phase, np.ndarray) else fat_phase))
            clean = model.forward(
                water[x], fat[x] * rotation, self.r2star[x], self.field[x], self.phase[x]
            ) * (self.amplitude[x, ..., np.newaxis] > 0)
            noise = rng.normal(scale=1 / snr, size=(2, *clean.shape))
            signal[x] = clean + noise[0] + 1j * noise[1]
        return signal


def body(
    shape: tuple[int, int, int] = (112, 88, 32),
    *,
    field_range: float = 250.0,
    field_strength: float = 3.0,
    r2star_max: float = 300.0,
    seed: int = 7,
) -> Phantom:
    """Return a trunk with marrow, an iron-laden organ, two arms and vials of pure water and fat.

    The arms and vials are islands: air separates them from the trunk, so nothing but their own
    signal tells water from fat there.
    """
    rng = np.random.default_rng(seed)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij", sparse=True)
    pdff = np.zeros(shape)
    r2star = np.full(shape, 40.0)
    mask = np.zeros(shape, dtype=bool)

    def paint(where: NDArray[np.bool_], fat: float | NDArray[np.float64], rate: float) -> None:
        pdff[where] = fat if np.isscalar(fat) else np.broadcast_to(fat, shape)[where]
        r2star[where] = rate
        mask[where] = True

    def disc(cx: float, cy: float, rx: float, ry: float) -> NDArray[np.bool_]:
        return np.broadcast_to((((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2) < 1, shape)

    paint(disc(0, 0, 0.68, 0.88), 96.0, 35.0)  # subcutaneous fat
    paint(disc(0, 0, 0.58, 0.76), 4.0, 38.0)  # muscle
    paint(disc(-0.25, -0.2, 0.24, 0.36), 8.0 + 12 * (y + 1), r2star_max)  # organ with iron
    paint(disc(0.28, -0.25, 0.17, 0.3), 0.0, 60.0)  # spleen: no fat
    paint(disc(0.0, 0.42, 0.2, 0.2), 50.0 + 35.0 * np.sin(4 * z) + 0 * x * y, 110.0)  # marrow
    paint(disc(0.3, 0.3, 0.1, 0.15), 100.0, 30.0)  # pure fat inside
    for side in (-1, 1):
        paint(disc(side * 0.86, 0.0, 0.12, 0.3), 92.0, 40.0)
        paint(disc(side * 0.86, 0.0, 0.08, 0.2), 3.0, 35.0)
    for corner, fat in (
        ((-0.85, -0.8), 0.0),
        ((0.85, -0.8), 100.0),
        ((-0.85, 0.8), 100.0),
        ((0.85, 0.8), 0.0),
    ):
        paint(disc(*corner, 0.06, 0.09) & np.broadcast_to(np.abs(z) < 0.7, shape), fat, 25.0)
    lungs = disc(-0.3, 0.35, 0.14, 0.2) & np.broadcast_to(z > 0.2, shape)
    mask &= ~lungs
    scale = field_strength / 3.0
    field = field_range * (0.7 * x * y + 0.5 * z * x + 0.35 * np.sin(3 * y) + 0.45 * z * z - 0.2)
    field = field + _dipole(lungs, 180.0 * scale)
    field = np.clip(field, -1.3 * field_range, 1.3 * field_range)
    amplitude = (1.0 + 0.0 * x * y * z) * mask
    phase = 0.8 * x + 0.5 * y * z + rng.uniform(-3, 3)
    return Phantom(
        pdff, r2star, field, amplitude, np.broadcast_to(phase, shape).copy(), mask, (2.0, 2.0, 4.0)
    )


def spine(shape: tuple[int, int, int] = (44, 176, 176), *, seed: int = 3) -> Phantom:
    """Return a sagittal slab: bodies and discs in lordosis, canal, muscle, lung, fat under the skin.

    Axes are left-right, anterior-posterior and foot-head.
    """
    rng = np.random.default_rng(seed)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij", sparse=True)
    pdff = np.full(shape, 6.0)
    r2star = np.full(shape, 35.0)
    mask = np.broadcast_to((np.abs(y) < 0.93) & (np.abs(x) < 1.1) & (np.abs(z) < 1.1), shape).copy()
    column = 0.15 + 0.12 * np.sin(2.2 * z)
    across = ((y - column) / 0.17) ** 2 + (x / 0.7) ** 2
    levels = 9
    height = (z + 1) / 2 * levels
    level, within = np.floor(height).astype(int), height % 1.0
    marrow = rng.uniform(25, 75, levels + 1)
    rates = rng.uniform(70, 180, levels + 1)
    inside = np.broadcast_to(across < 1, shape)
    pdff[inside], r2star[inside] = 2.0, 25.0
    vertebra = inside & np.broadcast_to(within > 0.22, shape)
    grade = np.broadcast_to(marrow[level] + 8.0 * np.cos(6 * x), shape)
    pdff[vertebra], r2star[vertebra] = grade[vertebra], np.broadcast_to(rates[level], shape)[vertebra]
    shell = vertebra & ~ndimage.binary_erosion(vertebra)
    r2star[shell] = 320.0
    canal = np.broadcast_to(((y - column - 0.28) / 0.07) ** 2 + (x / 0.3) ** 2 < 1, shape)
    pdff[canal], r2star[canal] = 0.0, 15.0
    skin = np.broadcast_to((y > 0.72) | (y < -0.75), shape)
    pdff[skin], r2star[skin] = 95.0, 35.0
    lung = np.broadcast_to((y < -0.12) & (y > -0.6) & (z > 0.2), shape)
    mask &= ~lung
    field = 120.0 * (0.6 * z + 0.4 * y * z - 0.3 * x * x) + _dipole(lung, 350.0)
    shading = 0.65 + 0.5 * np.exp(-(((y - 0.9) / 0.9) ** 2))
    amplitude = np.broadcast_to(shading, shape) * np.where(pdff > 50, 1.1, 1.0) * mask
    phase = np.broadcast_to(1.2 * y + 0.5 * z * x, shape).copy()
    return Phantom(pdff, r2star, field + 0.0 * x, amplitude, phase, mask, (3.0, 1.2, 1.2))


MARROW_PDFF, MARROW_R2STAR = (20.0, 45.0, 60.0, 80.0), (80.0, 130.0, 180.0)
BLOCK = (24, 24, 20)


def marrow() -> Phantom:
    """Return blocks of marrow of each fat fraction and R2*, thousands of voxels each, without air."""
    shape = (BLOCK[0] * len(MARROW_PDFF), BLOCK[1] * len(MARROW_R2STAR), BLOCK[2])
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    ones = np.ones(shape)
    return Phantom(
        np.repeat(MARROW_PDFF, BLOCK[0])[:, np.newaxis, np.newaxis] * ones,
        np.repeat(MARROW_R2STAR, BLOCK[1])[np.newaxis, :, np.newaxis] * ones,
        80 * (x * y + 0.5 * z),
        ones,
        0.4 + 0.3 * x,
        np.ones(shape, dtype=bool),
        (1.5, 1.5, 4.0),
    )


def blocks(image: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the values of each block of `marrow`, (fat fractions, R2*, voxels)."""
    split = image.reshape(len(MARROW_PDFF), BLOCK[0], len(MARROW_R2STAR), BLOCK[1], BLOCK[2])
    return split.transpose(0, 2, 1, 3, 4).reshape(len(MARROW_PDFF), len(MARROW_R2STAR), -1).astype(np.float64)


def without_air(phantom: Phantom) -> Phantom:
    """Return the phantom with tissue everywhere."""
    filled = np.ones_like(phantom.mask)
    return replace(phantom, mask=filled, amplitude=filled.astype(np.float64))


def _dipole(source: NDArray[np.bool_], strength: float) -> NDArray[np.float64]:
    """Return the field of a susceptibility difference, Hz, the main field along the last axis.

    The kernel in Fourier space is ``1/3 - k_z^2 / k^2`` (Marques 2005, 10.1002/cmr.b.20034).
    """
    k = np.meshgrid(*(np.fft.fftfreq(size) for size in source.shape), indexing="ij", sparse=True)
    square = k[0] ** 2 + k[1] ** 2 + k[2] ** 2
    square[0, 0, 0] = 1.0
    field: NDArray[np.float64] = np.fft.ifftn(
        np.fft.fftn(source.astype(np.float64)) * (1 / 3 - k[2] ** 2 / square)
    ).real
    return strength * 3 * field
