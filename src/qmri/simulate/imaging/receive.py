"""From tissue to what arrives: coil shading, phase, noise, and the maps a scanner makes of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from qmri.images.grid import Grid
from qmri.signal import WaterFatModel
from qmri.simulate.dicom.ge_dicom import ScannerMaps
from qmri.simulate.imaging.field import smooth_random
from qmri.simulate.imaging.physics import Truth

# What is assumed of R2* and field before the echoes are seen; decides only where there is no signal.
PRIOR_R2STAR_SD_PER_S = 300.0
PRIOR_FIELD_SD_HZ = 100.0


def coil_sensitivity(grid: Grid, back_mm: float, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Return the sensitivity of a coil array in the table: strong at the back, uneven along the spine.

    Shape (x, y, z).

    Parameters
    ----------
    grid
        Where the voxels are.
    back_mm
        Antero-posterior position of the skin of the back, RAS+ mm.
    rng
        Draws the unevenness and the phase.
    """
    place = grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    depth = np.maximum(place[..., 1] - back_mm, 0.0)
    elements = 1.0 + 0.12 * np.cos(2 * np.pi * (place[..., 2] / 115.0 + rng.uniform()))
    magnitude = elements * (0.3 + 0.9 / (1.0 + (depth / 75.0) ** 2))
    magnitude *= 1.0 + 0.15 * smooth_random(grid.shape, 3, rng)
    phase = rng.uniform(-np.pi, np.pi) + 2.0 * smooth_random(grid.shape, 2, rng)
    sensitivity: NDArray[np.complex128] = magnitude * np.exp(1j * phase)
    return sensitivity


def complex_noise(
    shape: tuple[int, ...], acquired_matrix: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.complex128]:
    """Return noise of unit standard deviation in its real and imaginary part.

    Parameters
    ----------
    shape
        (column, row, slice, echo).
    acquired_matrix
        Samples along (frequency, phase) = (row, column) that the scanner acquired. Where these are
        fewer than the voxels the image was interpolated, and neighbouring voxels share their noise.
    """
    noise = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    rows, columns = acquired_matrix
    if columns >= shape[0] and rows >= shape[1]:
        return noise
    kept = np.ones(shape[:2], dtype=bool)
    for axis, count in enumerate((columns, rows)):
        position = np.abs(fft.fftfreq(shape[axis]) * shape[axis])
        kept &= np.expand_dims(position < count / 2, 1 - axis)
    spectrum = fft.fft2(noise, axes=(0, 1)) * kept[:, :, np.newaxis, np.newaxis]
    correlated: NDArray[np.complex128] = fft.ifft2(spectrum, axes=(0, 1)) / np.sqrt(kept.mean())
    return correlated


def received_echoes(
    truth: Truth, model: WaterFatModel, sensitivity: NDArray[np.complex128], noise: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Return the complex echoes (column, row, slice, echo)."""
    clean = model.forward(truth.water, truth.fat, truth.r2star, truth.field)
    return clean * sensitivity[..., np.newaxis] + noise


def scanner_maps(
    truth: Truth,
    model: WaterFatModel,
    sensitivity: NDArray[np.complex128],
    noise: NDArray[np.complex128],
    rng: np.random.Generator,
) -> ScannerMaps:
    """Return the maps of a scanner whose fit is efficient, without fitting anything.

    Sensitivity and phase (x, y, z).

    The error of an efficient estimate is, to first order, one Gauss-Newton step from the truth:
    ``(J^T J)^-1 J^T n`` with the Jacobian J of the echoes in (Re W, Im W, Re F, Im F, R2*, field)
    and the noise n of the echoes. So the maps have the noise of a fit, with its correlation between
    maps and between neighbours, and owe nothing to the fit that is to be tested on them.
    """
    gain = np.abs(sensitivity)
    water, fat = truth.water * gain, truth.fat * gain
    noise_sd = float(np.std(noise[..., 0].real))
    step = np.stack(
        [
            _first_order_error(
                model,
                water=water[..., z],
                fat=fat[..., z],
                r2star=truth.r2star[..., z],
                noise=noise[..., z, :],
                noise_sd=noise_sd,
                rng=rng,
            )
            for z in range(water.shape[2])
        ],
        axis=2,
    )
    found_water = water + step[..., 0] + 1j * step[..., 1]
    found_fat = fat + step[..., 2] + 1j * step[..., 3]
    both = np.abs(found_water + found_fat)
    return ScannerMaps(
        water=np.abs(found_water),
        fat=np.abs(found_fat),
        in_phase=both,
        out_phase=np.abs(found_water - found_fat),
        pdff=_fat_fraction(np.abs(found_water), np.abs(found_fat), both),
        r2star=truth.r2star + step[..., 4],
    )


def _fat_fraction(
    water: NDArray[np.float64], fat: NDArray[np.float64], both: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the fat fraction in percent by magnitude discrimination (Liu 2007, 10.1002/mrm.21301).

    The larger signal decides, so that noise does not raise a small fraction; it may leave 0-100.
    """
    share = np.where(fat > water, fat, both - water)
    fraction: NDArray[np.float64] = np.divide(100.0 * share, both, out=np.zeros(both.shape), where=both > 0)
    return fraction


def _first_order_error(
    model: WaterFatModel,
    *,
    water: NDArray[np.float64],
    fat: NDArray[np.float64],
    r2star: NDArray[np.float64],
    noise: NDArray[np.complex128],
    noise_sd: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the error of the six parameters in the voxels of a slice, (column, row, 6)."""
    times = model.echo_times
    decay: NDArray[np.complex128] = np.exp(-r2star[..., np.newaxis] * times).astype(np.complex128)
    signal = model.forward(water, fat, r2star)
    fat_signal = decay * model.fat_phasor
    jacobian = np.stack(
        [decay, 1j * decay, fat_signal, 1j * fat_signal, -times * signal, 2j * np.pi * times * signal],
        axis=-1,
    )
    adjoint = jacobian.conj().swapaxes(-1, -2)
    information: NDArray[np.float64] = (adjoint @ jacobian).real
    score = (adjoint @ noise[..., np.newaxis]).real[..., 0]
    prior = np.zeros(6)
    prior[4:] = noise_sd / np.array([PRIOR_R2STAR_SD_PER_S, PRIOR_FIELD_SD_HZ])
    doubt = prior * noise_sd * rng.standard_normal(score.shape)
    regular = information + np.diag(prior**2)
    error = np.linalg.solve(regular, (score + doubt)[..., np.newaxis])
    return np.asarray(error[..., 0], dtype=np.float64)
