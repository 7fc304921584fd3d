"""Values of vendor maps, and the fat fraction in percent: its scale decided by evidence and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from qmri.errors import QmriError
from qmri.ingest.headers.kinds import Kind
from qmri.ingest.headers.series_names import remedy_for, series_name
from qmri.ingest.pixels.image_scales import OF_EACH_IMAGE
from qmri.ingest.pixels.load import Stored
from qmri.ingest.selection.overrides import Overrides
from qmri.ingest.values.complex_data import body_voxels
from qmri.ingest.values.units import unit_of

PER_PERCENT = {"percent": 1.0, "permille": 10.0, "fraction": 0.01}
SLOPE_TOLERANCE, INTERCEPT_TOLERANCE, LEAST_CORRELATION = 0.15, 5.0, 0.9
LEAST_SPREAD_PERCENT = 3.0
PLAUSIBLE_FAT_PERCENT = (30.0, 125.0)
"""Where the highest values of smooth tissue lie: those of fat tissue, which is in every field of view."""
SMOOTH_SHARE = 30.0


@dataclass(frozen=True)
class ScaledMap:
    """A map in its unit.

    Attributes
    ----------
    values
        float32 array (x, y, z).
    decision
        Where the scale comes from and how it was checked; JSON values.
    warnings
        Sentences for the reader of the report.
    """

    values: NDArray[np.float32]
    decision: Mapping[str, object]
    warnings: tuple[str, ...] = ()


def quantity(stored: Stored) -> tuple[NDArray[np.float32], str, str]:
    """Return values by RealWorldValueMapping, else by rescale, else as stored; the source; the unit.

    Values (x, y, z).

    The unit is empty where the header does not give one of `units`.

    Raises
    ------
    QmriError
        If the slope is zero or absurd.
    """
    unit = unit_of(stored.scale.unit)
    return stored.scale.of(stored.values, stored.frame), stored.scale.source, unit.name if unit else ""


def rescaled(stored: Stored) -> NDArray[np.float32]:
    """Return the values by RescaleSlope and RescaleIntercept; as stored where there are none; (x, y, z).

    Raises
    ------
    QmriError
        If the slope is zero or absurd.
    """
    return stored.scale.of(stored.values, stored.frame)


def declared_range(stored: Stored) -> tuple[float, float] | None:
    """Return the smallest and largest value that the bits stored and the rescale allow.

    None where images have scales of their own, so that no range is that of all.
    """
    if stored.scale.source.endswith(OF_EACH_IMAGE):
        return None
    pixels, scale = stored.frame.pixels, stored.scale
    low, high = (-(2 ** (pixels.bits_stored - 1)), 2 ** (pixels.bits_stored - 1) - 1)
    if not pixels.signed:
        low, high = 0, 2**pixels.bits_stored - 1
    return scale.slope * low + scale.intercept, scale.slope * high + scale.intercept


def scale_pdff(maps: Mapping[Kind, Stored], overrides: Overrides) -> ScaledMap:
    """Return the fat fraction in percent; values outside 0-100 are kept.

    The unit comes from RealWorldValueMapping, else from the vendor's rule. It is verified by
    regression on ``100 F / (W + F)`` where water and fat were exported: the slope is 1 for percent,
    10 for permille and 0.01 for a fraction. Without them, the range must fit the unit.

    Raises
    ------
    QmriError
        If the evidence disagrees, or does not suffice.
    """
    stored = maps[Kind.PDFF]
    values, source, header_unit = quantity(stored)
    given = overrides.scale_of(stored.frame)
    if isinstance(given, float):
        values, source, given = (
            values * np.float32(given),
            f"{given:g} percent by the override file",
            "percent",
        )
    expected = given or header_unit or _vendor_unit(stored, source)
    reference = _fat_fraction(maps)
    decision: dict[str, object] = {"source": source, "unit_expected": expected or None}
    warnings: tuple[str, ...] = ()
    if reference is None:
        unit = _by_range(values, expected, stored, decision)
        warnings = ("the scale of the vendor's PDFF could not be checked against water and fat images",)
    else:
        unit = _by_regression(values, reference, stored, decision)
        if unit != expected and (given or header_unit):
            raise QmriError(
                "the unit of the fat fraction map contradicts the water and fat images",
                where=series_name(stored.frame),
                found=f"{expected} by {'the override file' if given else source}, {unit} by regression",
                expected="agreement",
                remedy="check which images are water and fat, and the scale in the override file",
            )
        if expected and unit != expected:
            warnings = (
                f"the vendor's PDFF is stored in {unit}, not in {expected} as is usual for the vendor",
            )
    decision["unit"] = unit
    return ScaledMap(values / np.float32(PER_PERCENT[unit]), decision, warnings)


def _vendor_unit(stored: Stored, source: str) -> str:
    vendor = stored.frame.sequence.vendor.upper()
    if vendor.startswith("GE"):
        return "percent"
    scaled = not stored.scale.is_identity or source.endswith(OF_EACH_IMAGE)
    if vendor.startswith("SIEMENS"):
        return "" if scaled else "permille"
    if vendor.startswith("PHILIPS"):
        return "percent" if scaled else ""
    return ""


def _fat_fraction(maps: Mapping[Kind, Stored]) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Return 100 F / (W + F) and the voxels where it means something."""
    water_kind = Kind.WATER_CORRECTED if Kind.WATER_CORRECTED in maps else Kind.WATER
    if water_kind not in maps or Kind.FAT not in maps:
        return None
    water, fat = np.abs(rescaled(maps[water_kind])), np.abs(rescaled(maps[Kind.FAT]))
    total = water + fat
    tissue = body_voxels(total) & np.isfinite(quantity(maps[Kind.PDFF])[0])
    fraction = 100.0 * fat / np.where(tissue, total, 1.0)
    if tissue.sum() < 100 or float(np.std(fraction[tissue])) < LEAST_SPREAD_PERCENT:
        return None
    return fraction.astype(np.float32), tissue


def _by_regression(
    values: NDArray[np.float32],
    reference: tuple[NDArray[np.float32], NDArray[np.bool_]],
    stored: Stored,
    decision: dict[str, object],
) -> str:
    fraction, tissue = reference
    x, y = fraction[tissue].astype(np.float64), values[tissue].astype(np.float64)
    correlation = float(np.corrcoef(x, y)[0, 1]) if np.ptp(y) > 0 else 0.0
    slope = float(np.cov(x, y)[0, 1] / np.var(x, ddof=1))
    intercept = float(y.mean() - slope * x.mean())
    decision["check"] = {
        "method": "regression on 100 F / (W + F)",
        "slope": float(f"{slope:.4g}"),
        "intercept": float(f"{intercept:.4g}"),
        "r": round(correlation, 4),
        "voxels": int(tissue.sum()),
    }
    for unit, size in PER_PERCENT.items():
        fits = abs(slope / size - 1) <= SLOPE_TOLERANCE and abs(intercept) / size <= INTERCEPT_TOLERANCE
        if fits and correlation >= LEAST_CORRELATION:
            return unit
    swapped = correlation <= -LEAST_CORRELATION
    raise QmriError(
        "the fat fraction map falls where fat rises: water and fat are exchanged"
        if swapped
        else "the scale of the fat fraction map fits neither percent, permille nor a fraction",
        where=series_name(stored.frame),
        found=f"slope {slope:.3g}, intercept {intercept:.3g}, r {correlation:.2f} against 100 F / (W + F)",
        expected="slope 1, 10 or 0.01, intercept near 0, r above 0.9",
        remedy="check which images are water, fat and fat fraction; an override file can say it: "
        + remedy_for(stored.frame),
    )


def _by_range(values: NDArray[np.float32], expected: str, stored: Stored, decision: dict[str, object]) -> str:
    level = fat_level(values)
    decision["check"] = {"method": "level of fat tissue", "level": float(f"{level:.4g}")}
    low_end, high_end = (end * PER_PERCENT.get(expected, np.nan) for end in PLAUSIBLE_FAT_PERCENT)
    if low_end <= level <= high_end:
        return expected
    raise QmriError(
        "the scale of the fat fraction map cannot be determined",
        where=series_name(stored.frame),
        found=f"fat tissue at {level:.4g}; no water and fat images to compare with; "
        + (f"{expected} expected" if expected else "no rule for the vendor"),
        expected=f"{low_end:g} to {high_end:g} for {expected}" if expected else "a scale",
        remedy="export water and fat images as well, or say the scale in the override file: "
        + remedy_for(stored.frame, "pdff\n                scale: percent   # or permille, or fraction"),
    )


def fat_level(values: NDArray[np.float32]) -> float:
    """Return the level of fat tissue in a fat fraction map, in its own unit; map (x, y, z).

    It is the 99th percentile of the smoothest voxels: tissue is smooth, the noise of air is not.
    A background of one value, at or below zero, is left out.
    """
    values = np.nan_to_num(values, nan=0.0)
    levels, counts = np.unique(values[::2, ::2], return_counts=True)
    most_common = levels[np.argmax(counts)]
    inside = np.isfinite(values) & ((values != most_common) | (most_common > 0))
    if not inside.any():
        return float("nan")
    size = (3, 3, 1)
    mean = uniform_filter(values.astype(np.float64), size)
    spread = uniform_filter(np.square(values.astype(np.float64)), size) - np.square(mean)
    smooth = inside & (spread <= np.percentile(spread[inside], SMOOTH_SHARE))
    return float(np.percentile(values[smooth], 99))


def tissue_of(maps: Mapping[Kind, Stored], values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the voxels with signal; where no signal was exported, those with a value; (x, y, z)."""
    signals = [rescaled(maps[kind]) for kind in (Kind.WATER, Kind.FAT, Kind.IN_PHASE) if kind in maps]
    if not signals:
        positive: NDArray[np.bool_] = np.nan_to_num(values) > 0
        return positive
    return body_voxels(np.sum(np.abs(signals), axis=0))
