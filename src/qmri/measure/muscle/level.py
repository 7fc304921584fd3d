"""One muscle beside one level, right, left and both sides: its numbers, and why others are not given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import hypot

import numpy as np

from qmri.config import MeasureSettings
from qmri.measure.marrow.distribution import Row
from qmri.measure.muscle.compartment import Compartment, joined
from qmri.measure.muscle.extent import Extent, both_sides, measure_extent, profile_mm, section_weights
from qmri.measure.muscle.fat import MuscleFat, margin_mm, measure_fat
from qmri.measure.muscle.slabs import Slab
from qmri.spine.tissue_labels import LEFT, RIGHT

BOTH = "both"
SIDES = (RIGHT, LEFT, BOTH)
LEAST_IN_SECTION = 10
MM3_IN_CM3 = 1000.0


@dataclass(frozen=True)
class Measured:
    """What was measured of a muscle of a side beside a level.

    Attributes
    ----------
    columns
        By name.
    reasons
        Why other columns are not given.
    """

    columns: Row = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


def measure_level(
    name: str,
    sides: Mapping[str, Compartment],
    slab: Slab,
    body_mm2: float | None,
    settings: MeasureSettings,
    independent: float,
) -> dict[str, Measured]:
    """Return what is measured of a muscle on the right, on the left and of both sides.

    Parameters
    ----------
    name, sides
        The muscle, and its compartment by side where it has one.
    slab, body_mm2
        The level, and the cross-section of its body, None where that is not whole in view.
    settings
        Margins and limits.
    independent
        Share of voxels whose noise is independent.
    """
    weights = {side: section_weights(muscle, slab) for side, muscle in sides.items()}
    profiles = {side: profile_mm(muscle, weights[side], side) for side, muscle in sides.items()}
    extents: dict[str, Extent] = {}
    for side, muscle in sides.items():
        other = profiles.get(LEFT if side == RIGHT else RIGHT)
        extent = measure_extent(name, muscle, weights[side], side, other)
        if extent is not None:
            extents[side] = extent
    found = {
        side: _measured(sides[side], weights[side], slab, extents[side], body_mm2, settings, independent)
        if side in extents
        else Measured(reasons=(f"no voxel of the {side} side is labelled at the middle of the level",))
        for side in (RIGHT, LEFT)
    }
    missing = [reason for part in found.values() if not part.columns for reason in part.reasons]
    if missing:
        return found | {BOTH: Measured(reasons=(missing[0],))}
    whole = joined(sides[RIGHT], sides[LEFT])
    weight = np.concatenate([weights[RIGHT], weights[LEFT]])
    extent = both_sides(extents[RIGHT], extents[LEFT])
    return found | {BOTH: _measured(whole, weight, slab, extent, body_mm2, settings, independent)}


def _measured(
    muscle: Compartment,
    weights: np.ndarray[tuple[int], np.dtype[np.float64]],
    slab: Slab,
    extent: Extent,
    body_mm2: float | None,
    settings: MeasureSettings,
    independent: float,
) -> Measured:
    coverage = extent.coverage
    chosen = slab.holds(muscle.points_mm)
    row: Row = {"coverage_frac": coverage.share, "coverage_se_frac": coverage.error}
    if not chosen.any():
        return Measured(row, ("no voxel of it is labelled between the mid-disc planes",))
    row["void_frac"] = float(muscle.void[chosen].mean())
    row["swap_risk_frac"] = float(muscle.swapped[chosen].mean())
    in_view = f"about {100 * coverage.share:.0f} % of the muscle is in view"
    reasons: list[str] = []
    fat = None
    if coverage.share < settings.muscle_coverage_pdff:
        reasons.append(f"PDFF: {in_view}, needed are {100 * settings.muscle_coverage_pdff:.0f} %")
    else:
        fat = measure_fat(muscle, chosen, settings, independent)
        if fat is None:
            reasons.append("PDFF: too few voxels with a value inside the muscle")
        else:
            row |= _fat_columns(fat)
    if extent.cut_off:
        reasons.append("area and volume: the muscle goes on beyond the edge of the images")
    elif coverage.share < settings.muscle_coverage_extent:
        reasons.append(
            f"area and volume: {in_view}, needed are {100 * settings.muscle_coverage_extent:.0f} %"
        )
    else:
        row |= {"area_mm2": extent.whole_mm2, "area_se_mm2": extent.error_mm2}
        if fat is not None:
            row |= _functional(muscle, weights, extent, fat, settings)
            row |= _volumes(muscle, chosen, extent, fat)
            if "functional_area_mm2" not in row:
                reasons.append("functional area: too few voxels with a value in the section")
            if "lean_volume_cm3" not in row:
                reasons.append("volume: the level is cut by the edge of the images")
        if body_mm2 is None:
            reasons.append("ratios: the body goes on beyond the slices")
        else:
            row |= _ratios(row, body_mm2)
    return Measured(row, tuple(reasons))


def _fat_columns(fat: MuscleFat) -> Row:
    errors = {f"pdff_se_{name}_pct": value for name, value in vars(fat.errors).items() if value is not None}
    return {
        "pdff_median_pct": fat.median,
        "pdff_mean_pct": fat.mean,
        "pdff_sd_pct": fat.sd,
        **errors,
        "n_voxels": fat.count,
        "erosion_mm": fat.margin_mm,
    }


def _functional(
    muscle: Compartment,
    weights: np.ndarray[tuple[int], np.dtype[np.float64]],
    extent: Extent,
    fat: MuscleFat,
    settings: MeasureSettings,
) -> Row:
    """Return the fat-free part of the section; nothing where too few inner voxels lie in it."""
    in_section = weights > 0
    inner = in_section & muscle.usable & (muscle.depth_mm >= margin_mm(muscle, in_section, settings))
    if np.count_nonzero(inner) < LEAST_IN_SECTION:
        return {}
    lean = 1 - float(np.average(muscle.pdff[inner], weights=weights[inner])) / 100
    error = hypot(lean * extent.error_mm2, extent.whole_mm2 * fat.errors.total / 100)
    return {"functional_area_mm2": lean * extent.whole_mm2, "functional_area_se_mm2": error}


def _volumes(
    muscle: Compartment, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], extent: Extent, fat: MuscleFat
) -> Row:
    """Return lean and fat volume between the mid-disc planes; nothing where the images end there."""
    if muscle.on_other_edges(chosen):
        return {}
    volume = np.count_nonzero(chosen) * muscle.voxel_mm3 / extent.coverage.share / MM3_IN_CM3
    relative = extent.error_mm2 / extent.whole_mm2
    share, error = fat.mean / 100, fat.errors.total / 100
    return {
        "lean_volume_cm3": (1 - share) * volume,
        "lean_volume_se_cm3": volume * hypot((1 - share) * relative, error),
        "fat_volume_cm3": share * volume,
        "fat_volume_se_cm3": volume * hypot(share * relative, error),
    }


def _ratios(row: Row, body_mm2: float) -> Row:
    ratios: Row = {"body_area_mm2": body_mm2}
    for name in ("area", "functional_area"):
        if f"{name}_mm2" in row:
            ratios[f"{name}_ratio"] = row[f"{name}_mm2"] / body_mm2
            ratios[f"{name}_se_ratio"] = row[f"{name}_se_mm2"] / body_mm2
    return ratios
