"""Which voxels are fitted, and why the others are not."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from qmri.fit.chunks import typical

HISTOGRAM_BINS = 64
BACKGROUND_VOXELS = 1000
LOW_SIGNAL_SHARE = 0.2
NOISE_MODES, SIGNAL_SHARE, SIGNAL_SHARE_CAP = 1.6, 0.02, 0.15
MAJORITY_EDGE = 5


class Reason(IntEnum):
    """Why a voxel has no value.

    Attributes
    ----------
    FITTED
        0, the voxel has values.
    OUTSIDE_MASK, NOT_FINITE, NO_SIGNAL
        1-3, it was not fitted.
    NOT_CONVERGED, R2STAR_AT_LIMIT, UNPHYSICAL
        4-6, its fit was rejected.
    """

    FITTED = 0
    OUTSIDE_MASK = 1
    NOT_FINITE = 2
    NO_SIGNAL = 3
    NOT_CONVERGED = 4
    R2STAR_AT_LIMIT = 5
    UNPHYSICAL = 6


def root_mean_square(signal: NDArray[np.number]) -> NDArray[np.float32]:
    """Return the root mean square over the echoes (last axis), one plane of the first axis at a time.

    ``signal`` is complex or real, (..., echo), and the result (...) in its unit.
    """
    result = np.empty(signal.shape[:-1], dtype=np.float32)
    for plane, out in zip(signal, result, strict=True):
        wide = np.ascontiguousarray(plane, dtype=np.result_type(plane.dtype, np.float32))
        parts = wide.view(wide.real.dtype)
        out[...] = np.sqrt(np.einsum("...n,...n->...", parts, parts) / signal.shape[-1])
    return result


def foreground(rms: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the voxels whose signal stands out from the noise.

    The threshold is 1.6 times the mode of the low signals, which is the noise where there is air,
    and at least 2 % (at most 15 %, where there is no air) of the 99th percentile. Voxels most of
    whose neighbours stand out belong to the foreground as well: compact bone, vessels, ligaments.

    Parameters
    ----------
    rms
        Root mean square over echoes of any shape.
    """
    values = rms[np.isfinite(rms) & (rms > 0)]
    if values.size == 0:
        return np.zeros(rms.shape, dtype=bool)
    top = float(np.percentile(values, 99))
    counts, edges = np.histogram(values, bins=HISTOGRAM_BINS, range=(0.0, LOW_SIGNAL_SHARE * top))
    mode = float(edges[np.argmax(counts)] + edges[1] / 2)
    threshold = min(max(NOISE_MODES * mode, SIGNAL_SHARE * top), SIGNAL_SHARE_CAP * top)
    bright = rms > threshold
    cube = [min(MAJORITY_EDGE, size) for size in rms.shape]
    share = ndimage.uniform_filter(bright.astype(np.float32), cube, mode="nearest")
    return np.asarray(bright | (share > 0.5))


def background_noise(rms: NDArray[np.float32], signal: NDArray[np.bool_]) -> float | None:
    """Return the standard deviation of one channel from voxels without signal; None where there are few.

    Both arguments are (x, y, z); the result is in the unit of ``rms``.
    """
    values = rms[~signal & (rms > 0) & np.isfinite(rms)]
    return typical(values) / np.sqrt(2) if values.size >= BACKGROUND_VOXELS else None


def reasons(rms: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the reason code of each voxel before the fit, (x, y, z), from their signal and the mask."""
    codes = np.full(rms.shape, Reason.FITTED, dtype=np.uint8)
    codes[rms == 0] = Reason.NO_SIGNAL
    codes[~np.isfinite(rms)] = Reason.NOT_FINITE
    codes[~mask] = Reason.OUTSIDE_MASK
    return codes


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """Return the smallest box that holds every voxel of a mask (x, y, z)."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        inside = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0))
    return tuple(box)
