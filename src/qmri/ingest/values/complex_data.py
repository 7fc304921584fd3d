"""Complex echoes from their parts: unit of the phase, its sign, and slices turned by 180 degrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.errors import QmriError
from qmri.fit.phase.echo_phases import LEAST_ECHOES, UNSEEN
from qmri.fit.phase.phase_sign import CLEAR, sign_of_volume

ENOUGH_VOXELS = 300_000
BODY_SHARE = 0.2
"""A voxel is of the body if it has this share of the brightest signal (99th percentile)."""
FEWEST_INFORMATIVE = 50
WORST_RESIDUAL = 0.1
CHOPPED, COHERENT = -0.3, 0.3
SAME_COURSE = 0.95
SIGNED_HALF_RANGES = {
    "rad": np.pi,
    "rad/1000": 1000 * np.pi,
    "pi/4096": 4096.0,
    "pi/2048": 2048.0,
    "degree": 180.0,
}
UNSIGNED_RANGES = {"rad": 2 * np.pi, "rad/1000": 2000 * np.pi, "pi/2048": 4096.0, "degree": 360.0}
FULL_RANGE = (0.97, 1.003)


@dataclass(frozen=True)
class Signal:
    """The complex signal in the convention of the model, and how it was arrived at.

    Attributes
    ----------
    values
        complex64 array (x, y, z, echo).
    decisions
        What was decided and on which evidence; JSON values.
    warnings
        Sentences for the reader of the report.
    """

    values: NDArray[np.complex64]
    decisions: Mapping[str, object]
    warnings: tuple[str, ...] = ()

    def then(self, step: Callable[[NDArray[np.complex64]], Signal]) -> Signal:
        """Return the signal after one more step, with all decisions; (x, y, z, echo)."""
        after = step(self.values)
        return Signal(after.values, {**self.decisions, **after.decisions}, self.warnings + after.warnings)


def phase_unit(
    phase: NDArray[np.floating[Any]], where: str, declared: tuple[float, float] | None = None
) -> tuple[str, float]:
    """Return the unit of phase values and its size in radians, from the range of a full circle.

    Values (x, y, z, echo).

    Parameters
    ----------
    phase
        Values after rescale.
    where
        Name of the series, for messages.
    declared
        Smallest and largest value that the header allows. Vendors that store 12 bits scale them to
        the circle. Otherwise the values tell, since the noise of the background fills the circle.

    Raises
    ------
    QmriError
        If no known unit, or more than one, has this range.
    """
    low, high = float(phase.min()), float(phase.max())
    fits = _units_of(*declared, both=True) if declared is not None else {}
    if len(fits) != 1:
        fits = _units_of(low, high, both=False)
    if len(fits) != 1:
        raise QmriError(
            "the unit of the phase images cannot be determined from their values",
            where=where,
            found=f"values from {low:g} to {high:g}",
            expected="one full circle in radians, radians x 1000, 4096 steps of pi, or degrees",
            remedy="export real and imaginary images instead",
        )
    return next(iter(fits.items()))


def _units_of(low: float, high: float, *, both: bool) -> dict[str, float]:
    """Return the units, with their size in radians, whose circle a range fills at both ends or at one."""
    if low < 0:
        ends = (min(-low, high), max(-low, high)) if both else (max(-low, high),)
        return {
            unit: np.pi / half
            for unit, half in SIGNED_HALF_RANGES.items()
            if all(FULL_RANGE[0] <= end / half <= FULL_RANGE[1] for end in ends)
        }
    return {
        unit: 2 * np.pi / full
        for unit, full in UNSIGNED_RANGES.items()
        if low <= 0.03 * full and FULL_RANGE[0] <= high / full <= FULL_RANGE[1]
    }


def body_voxels(magnitude: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Return the voxels of tissue: brighter than a share of the 99th percentile of what is not zero.

    Shape (x, y, z).
    """
    positive = magnitude[magnitude > 0]
    if positive.size == 0:
        return np.zeros(magnitude.shape, dtype=bool)
    body: NDArray[np.bool_] = magnitude > BODY_SHARE * np.percentile(positive, 99)
    return body


def _thinned(values: NDArray[Any]) -> NDArray[Any]:
    """Return every n-th column and row of a large volume, enough of it for a decision."""
    step = max(1, int(np.sqrt(np.prod(values.shape[:3]) / ENOUGH_VOXELS)))
    return values[::step, ::step]


def _mean_magnitude(values: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """Return the root of the mean energy over the echoes."""
    energy: NDArray[np.floating[Any]] = np.sqrt(np.mean(np.square(np.abs(values)), axis=-1))
    return energy


def undo_sign(
    values: NDArray[np.complex64],
    echo_times: NDArray[np.float64],
    imaging_frequency: float,
    where: str,
    given: str | None = None,
) -> Signal:
    """Bring the signal into the convention of the model, in which fat precesses slower than water.

    The sign of the phase is the one with which water and fat explain a sample of the body better,
    each sign with the phase errors of single echoes that suit it best: the decision of the fit
    (`qmri.fit.phase.phase_sign`).

    Parameters
    ----------
    values
        Complex signal (x, y, z, echo).
    echo_times, imaging_frequency
        s, MHz.
    where
        Name of the series, for messages.
    given
        "standard" or "conjugate" from an override file, which then decides.

    Raises
    ------
    QmriError
        If the echoes cannot separate water and fat, neither sign is clearly better, or none of them
        explains the signal.
    """
    thinned = _thinned(values)
    body = body_voxels(_mean_magnitude(thinned))
    if body.sum() < FEWEST_INFORMATIVE:
        raise QmriError("the echoes hold no signal", where=where, found=f"{body.sum()} bright voxels")
    try:
        found = sign_of_volume(thinned, body, echo_times, imaging_frequency)
    except QmriError as error:
        error.where = where
        error.found = f"{error.found}, by EchoTime (0018,0081) and ImagingFrequency (0018,0084)"
        raise
    better = "conjugate" if found.reversed else "standard"
    evidence = found.evidence()
    few = echo_times.size < LEAST_ECHOES
    if given is None and not found.clear:
        data = "three echoes of this body" if few else "the data"
        raise QmriError(
            f"the sign of the phase cannot be determined from {data}; a wrong one exchanges water and fat",
            where=where,
            found=f"residuals {evidence['residual_standard']} as stored and {evidence['residual_conjugate']} "
            f"conjugated, apart by {found.advantage.words}",
            expected=f"{CLEAR:g} standard errors",
            remedy="check EchoTime (0018,0081) and ImagingFrequency (0018,0084); if they are right, write "
            "phase_sign: conjugate (as GE stores it) or standard into the override file",
        )
    sign = given or better
    residual = found.unexplained(sign).mean()
    if residual > WORST_RESIDUAL:
        raise QmriError(
            "the signal is not that of water and fat at these echo times, EchoTime (0018,0081)",
            where=where,
            found=f"{100 * np.sqrt(residual):.0f} % of the signal unexplained",
            expected=f"less than {100 * np.sqrt(WORST_RESIDUAL):.0f} %",
            remedy="check that echo times and parts (real, imaginary, phase) are what the headers say",
        )
    warnings = [UNSEEN] if few else []
    if found.clear and sign != better:
        warnings.append("the override file sets a phase sign that explains the signal worse than the other")
    decision = {"stored_as": sign, "decided_by": "override file" if given else "fit residual", **evidence}
    turned = values.conj() if sign == "conjugate" else values
    return Signal(turned, {"phase_sign": decision}, tuple(warnings))


def undo_chopping(values: NDArray[np.complex64]) -> Signal:
    """Turn every second slice back where neighbouring slices differ by 180 degrees; signal (x, y, z, echo).

    The evidence is the inner product of neighbouring slices, from -1 (turned) to 1 (alike).
    """
    pairs, weights = [], []
    for index in range(values.shape[2] - 1):
        one, two = values[:, :, index], values[:, :, index + 1]
        weights.append(float(np.sum(np.abs(one) * np.abs(two))))
        pairs.append(float(np.vdot(one, two).real))
    total = sum(weights)
    if not pairs or total == 0:
        return Signal(values, {"slice_chopping": {"undone": False, "inner_product": None}})
    products = np.array(pairs) / np.maximum(weights, 1e-30)
    mean = sum(pairs) / total
    turned = mean < CHOPPED and float(np.mean(products < 0)) >= 0.8
    unclear = not turned and mean < COHERENT
    decision = {
        "undone": bool(turned),
        "inner_product": round(mean, 4),
        "lowest": round(float(products.min()), 4),
        "highest": round(float(products.max()), 4),
    }
    if turned:
        values = values * np.where(np.arange(values.shape[2]) % 2, -1, 1).astype(np.float32)[:, np.newaxis]
    warnings = (
        ("neighbouring slices have no common phase: the field map cannot be smooth across slices",)
        if unclear
        else ()
    )
    return Signal(values, {"slice_chopping": decision}, warnings)


def combine(
    parts: Mapping[str, NDArray[np.float32]], where: str, phase_range: tuple[float, float] | None = None
) -> Signal:
    """Return the complex signal of its parts, as stored.

    Parameters
    ----------
    parts
        "real" and "imaginary", or "magnitude" and "phase"; (x, y, z, echo), after rescale.
    where
        Name of the series, for messages.
    phase_range
        Smallest and largest phase that the header allows.

    Raises
    ------
    QmriError
        If real or imaginary parts have no negative values, the unit of the phase is unknown, or
        the magnitude is not that of the real and imaginary parts.
    """
    if "real" in parts:
        real, imaginary = parts["real"], parts["imaginary"]
        if min(real.min(), imaginary.min()) >= 0:
            raise QmriError(
                "real and imaginary images have no negative values",
                where=where,
                found="PixelRepresentation (0028,0103) or RescaleIntercept (0028,1052) is wrong",
                expected="signed values",
                remedy="export them without rescaling or windowing",
            )
        signal = np.empty(real.shape, dtype=np.complex64, order="F")
        signal.real, signal.imag = real, imaginary
        return Signal(signal, {"parts": "real and imaginary", **_check_magnitude(signal, parts, where)})
    unit, size = phase_unit(parts["phase"], where, phase_range)
    signal = (parts["magnitude"] * np.exp(1j * size * parts["phase"])).astype(np.complex64)
    return Signal(signal, {"parts": "magnitude and phase", "phase_unit": unit})


def _check_magnitude(
    signal: NDArray[np.complex64], parts: Mapping[str, NDArray[np.float32]], where: str
) -> dict[str, object]:
    if "magnitude" not in parts:
        return {}
    computed, exported = np.abs(_thinned(signal)), _thinned(parts["magnitude"])
    body = body_voxels(_mean_magnitude(exported))
    if body.sum() < FEWEST_INFORMATIVE:
        return {}
    # The course over the echoes is compared, which a correction of the coil's shading leaves as it is.
    products = np.einsum("ve,ve->v", computed[body], exported[body])
    norms = np.linalg.norm(computed[body], axis=-1) * np.linalg.norm(exported[body], axis=-1)
    agreement = float(np.median(products / np.maximum(norms, 1e-12)))
    if not agreement > SAME_COURSE:
        raise QmriError(
            "the magnitude images are not the magnitude of the real and imaginary ones",
            where=where,
            found=f"cosine of their course over the echoes {agreement:.3f}",
            expected=f"above {SAME_COURSE:g}",
            remedy="check with an override file which images are real, imaginary and magnitude",
        )
    return {"magnitude_agreement": round(agreement, 5)}
