"""The precision that noise allows: the Cramer-Rao bound of the water-fat signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qmri.signal.model import WaterFatModel


@dataclass(frozen=True)
class Precision:
    """Smallest standard deviations that an unbiased estimate can have, arrays of one shape.

    Attributes
    ----------
    pdff
        Of the fat fraction, percent.
    r2star
        Of R2*, 1/s.
    field
        Of the field, Hz.
    """

    pdff: NDArray[np.float64]
    r2star: NDArray[np.float64]
    field: NDArray[np.float64]


def cramer_rao(
    model: WaterFatModel,
    water: ArrayLike,
    fat: ArrayLike,
    r2star: ArrayLike,
    noise_sd: ArrayLike,
) -> Precision:
    """Return the Cramer-Rao bound of a fit with one phase common to water and fat.

    The covariance of (W, F, R2*, psi, phi) is ``noise_sd^2 (Re J^H J)^-1`` with the Jacobian J
    of the signal, the same at every field and phase. The fat fraction follows by the delta
    rule, ``dPDFF = 100 (W dF - F dW) / (W + F)^2``.

    Parameters
    ----------
    model
        Spectrum and echo times.
    water, fat
        Signals at echo time 0, arbitrary unit.
    r2star
        Decay rate, 1/s.
    noise_sd
        Standard deviation of the noise of the real and of the imaginary part, in the unit of the signals.
        All four broadcast against each other.

    Returns
    -------
    Precision
        Of PDFF in percent, R2* in 1/s and the field in Hz, arrays of the broadcast shape.
    """
    water, fat, r2star, noise_sd = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (water, fat, r2star, noise_sd))
    )
    jacobian = model.jacobian(water, fat, r2star)
    information = np.einsum("...np,...nq->...pq", jacobian.conj(), jacobian).real
    covariance = np.linalg.inv(information) * noise_sd[..., np.newaxis, np.newaxis] ** 2
    total = water + fat
    gradient = 100.0 * np.stack([-fat, water], axis=-1) / total[..., np.newaxis] ** 2
    pdff_variance = np.einsum("...p,...pq,...q->...", gradient, covariance[..., :2, :2], gradient)
    return Precision(np.sqrt(pdff_variance), np.sqrt(covariance[..., 2, 2]), np.sqrt(covariance[..., 3, 3]))
