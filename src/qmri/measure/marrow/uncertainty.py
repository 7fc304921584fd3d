"""How sure the median of a body is: noise, sampling, mask, repeatability.

The noise of a median is not that of a mean. With values t_i + e_i, t spread with variance tau^2 over
the body and e noise of variance sigma^2, both normal, the scatter of the median under new noise is

    var = (pi / 2 - arcsin rho + (1 - rho) c) * (tau^2 + sigma^2) / N,    rho = tau^2 / (tau^2 + sigma^2).

It follows from var(median) = mean(p_i (1 - p_i)) / (N f(m)^2), p_i the chance that voxel i lies below
the median m and f the density there, with E[Phi(u)^2] = 1/4 + arcsin(rho) / (2 pi). Without spread
(tau = 0) it is the known pi/2 sigma^2 / N; with much spread the noise also decides which voxel is the
middle one. Where images are interpolated, neighbours share noise: two voxels whose noise has the
correlation r add arcsin((1 - rho) r), about (1 - rho) r, and c is the sum of r over the neighbours of a
voxel, 1 / s - 1 with s the share of independent voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.images.acquisition import Acquisition
from qmri.measure.marrow.distribution import median

Values = NDArray[np.float64]


@dataclass(frozen=True)
class StandardErrors:
    """Standard errors of a median, in the unit of the quantity; None where unknown.

    Attributes
    ----------
    noise
        Scatter under new image noise.
    sampling
        From resampling blocks of the body; it holds noise and heterogeneity.
    mask
        Half the change of the median between a region a voxel smaller and a voxel larger.
    total
        Root of the squares of the larger of noise and sampling, mask, and repeatability.
    """

    noise: float | None
    sampling: float | None
    mask: float | None
    total: float


@dataclass(frozen=True)
class Independence:
    """How many of the voxels have a noise of their own.

    Attributes
    ----------
    share
        N_eff / N.
    source
        ``header``, ``residuals``, ``header and residuals``, or ``assumed`` where neither tells.
    """

    share: float = 1.0
    source: str = "assumed"


def independence(
    acquisition: Acquisition,
    shape: Sequence[int],
    across: int,
    measured: Sequence[float | None] = (None, None, None),
) -> Independence:
    """Return the share of independent voxels in an image that may be interpolated.

    In the plane the header tells it, acquired over reconstructed samples; where it is silent, and
    across the slices, the correlation of the residuals of the fit does.

    Parameters
    ----------
    acquisition
        Facts of the headers.
    shape
        Voxels along each axis.
    across
        The axis across the slices.
    measured
        Shares along each axis that the fit found, None where it did not.
    """
    plane = [axis for axis in range(3) if axis != across]
    sources = []
    share = 1.0
    in_plane = [measured[axis] for axis in plane]
    if acquisition.acquired_matrix is not None:
        acquired = acquisition.acquired_matrix[0] * acquisition.acquired_matrix[1]
        share = min(1.0, acquired / (shape[plane[0]] * shape[plane[1]]))
        sources.append("header")
    elif any(value is not None for value in in_plane):
        share = float(np.prod([value for value in in_plane if value is not None]))
        sources.append("residuals")
    through = measured[across]
    if through is not None:
        share *= through
        sources += [] if "residuals" in sources else ["residuals"]
    return Independence(share, " and ".join(sources) or "assumed")


def noise_error_of_median(values: Values, noise_sd: Values, independent: float) -> float:
    """Return the scatter of the median of ``values`` (n,) under new noise of ``noise_sd`` (n,).

    ``independent`` is the share of voxels whose noise is independent: N_eff / N.
    """
    variance = float(np.mean(np.square(noise_sd)))
    spread = float(np.subtract(*np.percentile(values, [75, 25]))) / 1.349
    total = max(spread**2, variance)
    rho = 1 - variance / total if total > 0 else 0.0
    shared = (1 - rho) * (1 / independent - 1)
    return float(np.sqrt((np.pi / 2 - np.arcsin(rho) + shared) * total / len(values)))


def sampling_error_of_median(
    values: Values, place_mm: Values, *, block_mm: float, samples: int, seed: int
) -> float | None:
    """Return the standard deviation of the median over resamples of blocks of a body.

    Parameters
    ----------
    values
        (n,) values.
    place_mm
        (n, 3) their places.
    block_mm
        Edge of the cubes that are drawn with replacement; within one, values may depend on each other.
    samples
        Number of resamples.
    seed
        Of the generator.

    Returns
    -------
    float or None
        None for fewer than four blocks.
    """
    cells = np.floor((place_mm - place_mm.min(axis=0)) / block_mm).astype(np.int64)
    _, block = np.unique(cells, axis=0, return_inverse=True)
    count = int(block.max()) + 1
    if count < 4:
        return None
    order = np.argsort(values, kind="stable")
    ranked, owner = values[order], block[order]
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=samples)
    weights = draws[:, owner].cumsum(axis=1)
    middle = np.argmax(2 * weights >= weights[:, -1:], axis=1)
    return float(np.std(ranked[middle], ddof=1))


def mask_error_of_median(
    image: Values, roi: NDArray[np.bool_], allowed: NDArray[np.bool_], voxel_size_mm: Values
) -> float | None:
    """Return half the change of the median between a region a voxel smaller and a voxel larger in the plane.

    Parameters
    ----------
    image
        (x, y, z) map.
    roi
        (x, y, z) region.
    allowed
        (x, y, z) voxels into which it may grow: the body without voids and vein.
    voxel_size_mm
        (3,) edges; the longest one is across the slices.
    """
    across = int(np.argmax(voxel_size_mm))
    within_slice = ndimage.generate_binary_structure(3, 1)
    within_slice[tuple(slice(None, None, 2) if axis == across else slice(None) for axis in range(3))] = False
    smaller = ndimage.binary_erosion(roi, within_slice)
    larger = ndimage.binary_dilation(roi, within_slice) & allowed
    values = [image[region & np.isfinite(image)] for region in (smaller, larger)]
    if min(len(part) for part in values) == 0:
        return None
    return abs(median(values[1]) - median(values[0])) / 2


def combine(
    noise: float | None, sampling: float | None, mask: float | None, repeatability: float
) -> StandardErrors:
    """Return the errors with their total; what is unknown does not enter."""
    inner = max((value for value in (noise, sampling) if value is not None), default=0.0)
    total = float(np.sqrt(inner**2 + (mask or 0.0) ** 2 + repeatability**2))
    return StandardErrors(noise, sampling, mask, total)
