"""Water of discs and bodies against that of the spinal canal beside them.

The receive coils shade an image along the spine, so each signal is held against the canal at its own
height. Water of the canal is the upper quartile over its voxels in a slab of the space or of the body:
the label may hold some epidural fat, which is dark on water. Below the conus that is CSF with roots, above
it also the cord.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from qmri.measure.disc.space import DiscSpace
from qmri.measure.shape.morphometry import ANTERIOR, CRANIAL, RIGHT
from qmri.spine.body_frame import BodyFrame
from qmri.spine.tissue_labels import CANAL, DISC

CANAL_QUANTILE = 0.75
CANAL_HALF_WIDTH_MM = 6.0
CANAL_BEHIND_MM = 30.0
"""The canal is looked for so far behind the posterior wall."""
CANAL_SLAB_MM = 10.0
"""Half the height of the slab of canal beside a disc; a body has its own height."""
DISC_MARGIN_MM = 1.0
"""Margin kept from either endplate."""
DISC_DEPTH, DISC_WIDTH = 0.35, 0.5
"""Shares of depth and half width to either side of the middle that count: nucleus and inner annulus."""
FEWEST = 15

Real = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Signal:
    """A signal over a region.

    Attributes
    ----------
    value
        Of the region, in the unit of the image.
    error
        Its standard error from the scatter of the voxels that are independent.
    voxels
        How many voxels have a value.
    """

    value: float
    error: float
    voxels: int

    def over(self, other: Signal) -> tuple[float, float]:
        """Return the ratio to another signal and its standard error."""
        ratio = self.value / other.value
        return ratio, abs(ratio) * float(np.hypot(self.error / self.value, other.error / other.value))


def signal_of(values: Real, independent: float, quantile: float = 0.5) -> Signal | None:
    """Return a quantile over values (n,), None for too few or no signal.

    Its error is that of a quantile q of k independent normal values of the same scatter,
    ``sd sqrt(q (1 - q) / k) / phi(z_q)``.

    Parameters
    ----------
    values
        In the unit of the image; NaN are left out.
    independent
        Share of the voxels whose noise is independent.
    quantile
        0.5 for the median.
    """
    known = values[np.isfinite(values)]
    if len(known) < FEWEST:
        return None
    value = float(np.quantile(known, quantile))
    if not value > 0:
        return None
    spread = float(np.subtract(*np.percentile(known, [75, 25]))) / 1.349
    # Density of the standard normal distribution at the median and at the quartiles.
    density = 0.3989 if quantile == 0.5 else 0.3178
    error = spread * np.sqrt(quantile * (1 - quantile) / (len(known) * independent)) / density
    return Signal(value, float(error), len(known))


def canal_beside(
    water: Real, tissues: NDArray[np.integer], affine: Real, place: Place, independent: float
) -> Signal | None:
    """Return the water of the canal beside a place, None where too little of it is labelled.

    Parameters
    ----------
    water, tissues
        (x, y, z) signal, and ids of `qmri.spine.tissue_labels`.
    affine
        (4, 4) from index to RAS+ mm.
    place
        The disc or body.
    independent
        Share of the voxels whose noise is independent.
    """
    index = np.argwhere(_inner(tissues == CANAL, affine))
    local = place.frame.to_local(apply_affine(affine, index))
    behind = place.back_mm - local[:, ANTERIOR]
    beside = (
        (np.abs(local[:, CRANIAL]) <= place.half_height_mm)
        & (np.abs(local[:, RIGHT]) <= CANAL_HALF_WIDTH_MM)
        & (behind > 0)
        & (behind < CANAL_BEHIND_MM)
    )
    return signal_of(water[tuple(index[beside].T)], independent, CANAL_QUANTILE)


@dataclass(frozen=True)
class Place:
    """Where a disc or a body lies.

    Attributes
    ----------
    frame
        Its frame.
    back_mm
        Anterior position of its posterior end.
    half_height_mm
        Half the height of the slab of canal that lies beside it.
    """

    frame: BodyFrame
    back_mm: float
    half_height_mm: float


def disc_water(
    water: Real, tissues: NDArray[np.integer], affine: Real, space: DiscSpace, independent: float
) -> Signal | None:
    """Return the water of a disc, None where too few voxels are certain to be disc.

    Certain are voxels that the tissue label map calls disc, within the endplates by a margin, in the middle
    of the space. Images are (x, y, z), parameters as for `canal_beside`.
    """
    index = np.argwhere(tissues == DISC)
    local = space.frame.to_local(apply_affine(affine, index))
    right, anterior = local[:, RIGHT], local[:, ANTERIOR]
    middle = (np.abs(anterior - space.along_mm(0.5)) <= DISC_DEPTH * space.depth_mm) & (
        np.abs(right) <= DISC_WIDTH * space.half_width_mm
    )
    near = middle & (np.abs(local[:, CRANIAL]) < 20.0)
    index, local = index[near], local[near]
    if len(index) < FEWEST:
        return None
    floor, ceiling = space.ends_mm(local[:, RIGHT], local[:, ANTERIOR])
    within = (local[:, CRANIAL] - floor >= DISC_MARGIN_MM) & (ceiling - local[:, CRANIAL] >= DISC_MARGIN_MM)
    return signal_of(water[tuple(index[within].T)], independent)


def _inner(mask: Mask, affine: Real) -> Mask:
    """Return a mask (x, y, z) without the voxels at its edge in the sagittal plane."""
    across = int(np.argmax(np.abs(affine[0, :3]) / np.linalg.norm(affine[:3, :3], axis=0)))
    structure = ndimage.generate_binary_structure(3, 1)
    structure[tuple(slice(None, None, 2) if axis == across else slice(None) for axis in range(3))] = False
    return np.asarray(ndimage.binary_erosion(mask, structure))
