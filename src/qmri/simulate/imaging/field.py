"""The magnetic field inside a patient: made by susceptibility, shimmed, never quite flat."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from qmri.images.grid import Grid

PADDING = 0.5


def dipole_field(
    susceptibility_ppm: NDArray[np.floating], grid: Grid, imaging_frequency_mhz: float
) -> NDArray[np.float64]:
    """Return the field that magnetised tissue makes, Hz, in the main field along the patient's axis.

    Convolution with the field of a point dipole: in k-space the susceptibility times
    ``1/3 - (k_z / |k|)^2`` (Marques and Bowtell 2005, 10.1002/cmr.b.20034). Beyond the field of view
    the tissue at its edge goes on, because the patient does.

    Parameters
    ----------
    susceptibility_ppm
        Volume susceptibility (column, row, slice), SI ppm.
    grid
        Its grid, oblique or not.
    imaging_frequency_mhz
        Centre frequency.
    """
    widths = [int(np.ceil(PADDING * size)) for size in grid.shape]
    padded = np.pad(np.asarray(susceptibility_ppm, dtype=np.float64), [(w, w) for w in widths], mode="edge")
    padded = padded - padded.mean()
    shape = [fft.next_fast_len(size, real=True) for size in padded.shape]
    frequencies = [fft.fftfreq(size) for size in shape[:2]] + [fft.rfftfreq(shape[2])]
    index_k = np.stack(np.meshgrid(*frequencies, indexing="ij"), axis=-1)
    patient_k = index_k @ np.linalg.inv(grid.affine[:3, :3])
    squared = np.sum(patient_k**2, axis=-1)
    squared[0, 0, 0] = 1.0
    kernel = 1.0 / 3.0 - patient_k[..., 2] ** 2 / squared
    field = fft.irfftn(fft.rfftn(padded, shape) * kernel, shape)
    inside = tuple(slice(width, width + size) for width, size in zip(widths, grid.shape, strict=True))
    result: NDArray[np.float64] = imaging_frequency_mhz * field[inside]
    return result


def shimmed(field_hz: NDArray[np.float64], mask: NDArray[np.bool_], order: int = 1) -> NDArray[np.float64]:
    """Return a field less the polynomial that fits it best inside a mask, as shim coils do; (x, y, z) Hz."""
    terms = polynomial_terms(field_hz.shape, order)
    coefficients = np.linalg.lstsq(terms[mask], field_hz[mask], rcond=None)[0]
    return field_hz - terms @ coefficients


def dephasing_rate(field_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the decay rate that the slope of the field across a voxel adds, 1/s; field (x, y, z) Hz.

    A linear slope of D Hz across a voxel makes the signal sinc(D t), which is half at D t = 0.60; an
    exponential that is half there has the rate 1.15 D.
    """
    slopes = np.gradient(field_hz)
    rate: NDArray[np.float64] = 1.15 * np.sqrt(sum(slope**2 for slope in slopes))
    return rate


def smooth_random(shape: tuple[int, ...], order: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a random polynomial over the volume with values in -1..1; (x, y, z)."""
    terms = polynomial_terms(shape, order)[..., 1:]
    values = terms @ rng.standard_normal(terms.shape[-1])
    values -= (values.max() + values.min()) / 2
    scaled: NDArray[np.float64] = values / np.abs(values).max()
    return scaled


def polynomial_terms(shape: tuple[int, ...], order: int) -> NDArray[np.float64]:
    """Return the monomials of the coordinates -1..1 up to an order, (..., terms), the constant first."""
    axes = np.meshgrid(*(np.linspace(-1.0, 1.0, size) for size in shape), indexing="ij")
    terms = [np.ones(shape)]
    for degree in range(1, order + 1):
        for factors in combinations_with_replacement(axes, degree):
            terms.append(np.prod(factors, axis=0))
    return np.stack(terms, axis=-1)
