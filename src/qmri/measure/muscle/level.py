"""One muscle beside one level, right, left and both sides: its numbers, and why others are not given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import hypot

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings
from qmri.measure.marrow.distribution import Row
from qmri.measure.muscle.compartment import Compartment, joined
from qmri.measure.muscle.coverage import USUAL_WIDTH_MM
from qmri.measure.muscle.extent import Extent, both_sides, measure_extent, profile_mm, section_weights
from qmri.measure.muscle.fat import MuscleFat, inner_voxels, measure_fat
from qmri.measure.muscle.slabs import Slab
from qmri.spine.tissue_labels import LEFT, RIGHT

BOTH = "both"
SIDES = (RIGHT, LEFT, BOTH)
LEAST_IN_SECTION = 10
MM3_IN_CM3 = 1000.0


@dataclass(frozen=True)
class Site:
    """Where and how a muscle is measured.

    Attributes
    ----------
    level, slab
        The level and its part of the trunk.
    body_mm2
        Cross-section of its body, None where that is not whole in view.
    independent
        Share of voxels whose noise is independent.
    settings
        Margins and limits.
    """

    level: str
    slab: Slab
    body_mm2: float | None
    independent: float
    settings: MeasureSettings


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


@dataclass(frozen=True)
class _Section:
    """A muscle, the weight (n,) of its voxels in the mid-body section, and its extent there."""

    muscle: Compartment
    weights: NDArray[np.float64]
    extent: Extent


def measure_level(name: str, sides: Mapping[str, Compartment], site: Site) -> dict[str, Measured]:
    """Return what is measured of a muscle on the right, on the left and of both sides.

    ``sides`` has its compartment by side where it has one.
    """
    weights = {side: section_weights(muscle, site.slab) for side, muscle in sides.items()}
    profiles = {side: profile_mm(muscle, weights[side], side) for side, muscle in sides.items()}
    sections: dict[str, _Section] = {}
    reasons = {
        side: f"no voxel of the {side} muscle is labelled at the middle of the level" for side in SIDES
    }
    for side, muscle in sides.items():
        if _on_other_side(muscle, weights[side], side, site.slab):
            reasons[side] = f"what is labelled {side} lies on the other side of the body"
            continue
        other = profiles.get(LEFT if side == RIGHT else RIGHT)
        usual = USUAL_WIDTH_MM[name][site.level]
        extent = measure_extent(muscle, weights[side], side, usual_mm=usual, other_mm=other)
        if extent is not None:
            sections[side] = _Section(muscle, weights[side], extent)
    found = {
        side: _measured(sections[side], site) if side in sections else Measured(reasons=(reasons[side],))
        for side in (RIGHT, LEFT)
    }
    missing = [found[side].reasons[0] for side in found if side not in sections]
    if missing:
        return found | {BOTH: Measured(reasons=(missing[0],))}
    right, left = sections[RIGHT], sections[LEFT]
    whole = _Section(
        joined(right.muscle, left.muscle),
        np.concatenate([right.weights, left.weights]),
        both_sides(right.extent, left.extent),
    )
    return found | {BOTH: _measured(whole, site)}


def _on_other_side(muscle: Compartment, weights: NDArray[np.float64], side: str, slab: Slab) -> bool:
    """Tell whether the section of a muscle lies on the other side of the body than its label says."""
    if not weights.any():
        return False
    right = (muscle.points_mm - slab.middle.point_mm) @ slab.right
    return (float(weights @ right) > 0) != (side == RIGHT)


def _measured(section: _Section, site: Site) -> Measured:
    muscle, coverage = section.muscle, section.extent.coverage
    chosen = site.slab.holds(muscle.points_mm)
    row: Row = {"coverage_frac": coverage.share, "coverage_se_frac": coverage.error}
    if not chosen.any():
        return Measured(row, ("no voxel of the muscle is labelled between the mid-disc planes",))
    row["void_frac"] = float(muscle.void[chosen].mean())
    row["swap_risk_frac"] = float(muscle.swapped[chosen].mean())
    fat, reasons = _fat(section, chosen, site)
    if fat is not None:
        row |= _fat_columns(fat)
    unseen = _too_little(coverage.share, site.settings.muscle_coverage_extent)
    if section.extent.cut_off:
        unseen = "the muscle goes on beyond the edge of the images"
    if unseen:
        return Measured(row, (*reasons, f"area and volume: {unseen}"))
    row |= {"area_mm2": section.extent.whole_mm2, "area_se_mm2": section.extent.error_mm2}
    if fat is not None:
        row |= _functional(section, fat, site.settings)
        row |= _volumes(section, chosen, fat)
        if "functional_area_mm2" not in row:
            reasons.append("functional area: too few voxels with a value in the section")
        if "lean_volume_cm3" not in row:
            reasons.append("volume: the level is cut by the edge of the images")
    if site.body_mm2 is None:
        reasons.append("ratios: the body goes on beyond the slices")
    else:
        row |= _ratios(row, site.body_mm2)
    return Measured(row, tuple(reasons))


def _fat(section: _Section, chosen: NDArray[np.bool_], site: Site) -> tuple[MuscleFat | None, list[str]]:
    """Return the fat of the level's voxels, or why there is none."""
    too_little = _too_little(section.extent.coverage.share, site.settings.muscle_coverage_pdff)
    if too_little:
        return None, [f"PDFF: {too_little}"]
    unseen = 1 - section.extent.coverage.share
    fat = measure_fat(section.muscle, chosen, site.settings, independent=site.independent, unseen=unseen)
    return fat, [] if fat else ["PDFF: too few voxels with a value inside the muscle"]


def _too_little(share: float, needed: float) -> str:
    """Return in words that too little is in view, nothing where it is enough."""
    if share >= needed:
        return ""
    return f"about {100 * share:.0f} % of the muscle is in view, needed are {100 * needed:.0f} %"


def _fat_columns(fat: MuscleFat) -> Row:
    errors = {f"pdff_se_{name}_pct": value for name, value in vars(fat.errors).items() if value is not None}
    return {
        "pdff_median_pct": fat.median,
        "pdff_mean_pct": fat.mean,
        "pdff_sd_pct": fat.sd,
        **errors,
        "pdff_se_view_pct": fat.view_error,
        "pdff_se_total_pct": fat.total_error,
        "n_voxels": fat.count,
        "erosion_mm": fat.margin_mm,
    }


def _functional(section: _Section, fat: MuscleFat, settings: MeasureSettings) -> Row:
    """Return the fat-free part of the section; nothing where too few inner voxels lie in it."""
    muscle, weights, extent = section.muscle, section.weights, section.extent
    there = weights > 0
    inner = inner_voxels(muscle, there, settings)
    if len(inner.at) < LEAST_IN_SECTION:
        return {}
    lean = 1 - float(np.average(muscle.pdff[inner.at][inner.nearest], weights=weights[there])) / 100
    error = hypot(lean * extent.error_mm2, extent.whole_mm2 * fat.total_error / 100)
    return {"functional_area_mm2": lean * extent.whole_mm2, "functional_area_se_mm2": error}


def _volumes(section: _Section, chosen: NDArray[np.bool_], fat: MuscleFat) -> Row:
    """Return lean and fat volume between the mid-disc planes; nothing where the images end there."""
    muscle, extent = section.muscle, section.extent
    if muscle.on_other_edges(chosen):
        return {}
    volume = np.count_nonzero(chosen) * muscle.voxel_mm3 / extent.coverage.share / MM3_IN_CM3
    relative = extent.error_mm2 / extent.whole_mm2
    share, error = fat.mean / 100, fat.total_error / 100
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
