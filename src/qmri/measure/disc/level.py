"""The markers of one disc, and whether the bodies beside it are grown together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData
from qmri.measure.disc.fusion import Fusion, fusion
from qmri.measure.disc.signal import CANAL_SLAB_MM, Place, canal_beside, disc_water
from qmri.measure.disc.space import DiscSpace, disc_space
from qmri.measure.marrow.distribution import Row
from qmri.measure.quality.flags import FRACTURED, Flag
from qmri.measure.quality.patient_errors import angle_error_deg
from qmri.measure.shape.deformity import expected_heights
from qmri.measure.shape.morphometry import Morphometry
from qmri.measure.vertebra import Vertebra

HEIGHTS = ("height_ant_mm", "height_mid_mm", "height_post_mm")


@dataclass(frozen=True)
class DiscRow:
    """What is known of a disc.

    Attributes
    ----------
    columns
        Of discs.csv.
    bridge_at
        Where the thickest bridge lies, None without one.
    reasons
        Why columns are n/a.
    flags
        Fused bodies, bridging osteophytes.
    """

    columns: Row
    bridge_at: str | None
    reasons: list[str]
    flags: list[Flag]


@dataclass(frozen=True)
class Side:
    """A body beside a disc: name, body, shape and columns."""

    level: str
    vertebra: Vertebra
    shape: Morphometry
    row: Row


def measure_disc(
    above: Side, below: Side, exam: ExaminationData, independent: float, settings: MeasureSettings
) -> DiscRow:
    """Return the markers of the disc between two bodies.

    ``independent`` is the share of voxels whose noise is independent.
    """
    space = disc_space(above.shape, below.shape)
    columns = shape_columns(space, settings)
    reasons = []
    deformed = [
        side.level
        for side in (above, below)
        if side.row.get("genant_grade") != 0 or exam.fractures.status(side.level) in FRACTURED
    ]
    if deformed:
        reasons.append(f"height index: {' and '.join(deformed)} may have lost height")
    else:
        columns |= index_columns(columns, [side.row["height_mid_mm"] for side in (above, below)])
    signal, why = water_columns(space, exam, independent)
    reasons += why
    found = _fusion(above, below, space, exam)
    if found.marrow_share is None or found.bridge_mm is None:
        reasons.append("fusion: the fat of the marrow does not tell it from disc and surroundings")
    else:
        columns |= {"marrow_frac": found.marrow_share, "bridge_mm": found.bridge_mm}
    at = found.bridge_at if found.bridge_mm else None
    return DiscRow(columns | signal, at, reasons, fusion_flags(above.level, below.level, found, settings))


def shape_columns(space: DiscSpace, settings: MeasureSettings) -> Row:
    """Return heights, depth, their ratio and the angle of a disc, with their errors."""
    heights = space.heights_mm()
    error = settings.repeatability_disc_height_mm
    ratio = float(heights.mean()) / space.depth_mm
    return {
        **dict(zip(HEIGHTS, map(float, heights), strict=True)),
        "height_mean_mm": float(heights.mean()),
        "height_mean_se_mm": error,
        "depth_mm": space.depth_mm,
        "height_to_depth_ratio": ratio,
        "height_to_depth_se_ratio": error / space.depth_mm,
        "angle_deg": space.angle_deg,
        "angle_se_deg": angle_error_deg(settings.repeatability_height_mm, space.depth_mm),
    }


def index_columns(disc: Row, bodies_mm: list[float]) -> Row:
    """Return the disc height index: mean height over the mean middle height of the bodies beside it."""
    usual = float(np.mean(bodies_mm))
    return {
        "height_index_ratio": disc["height_mean_mm"] / usual,
        "height_index_se_ratio": disc["height_mean_se_mm"] / usual,
    }


def water_columns(space: DiscSpace, exam: ExaminationData, independent: float) -> tuple[Row, list[str]]:
    """Return the water of a disc over that of the canal beside it, or why there is none."""
    water, tissues, affine = exam.maps.water, exam.tissues, exam.maps.affine
    if water is None:
        return {}, ["water signal: no water image"]
    if tissues is None:
        return {}, ["water signal: the segmentation gives no labels of disc and canal"]
    disc = disc_water(water, tissues, affine, space, independent)
    place = Place(space.frame, space.back_mm, CANAL_SLAB_MM)
    canal = canal_beside(water, tissues, affine, place, independent)
    if disc is None or canal is None:
        return {}, [f"water signal: too few certain voxels of {'disc' if disc is None else 'canal'}"]
    ratio, error = disc.over(canal)
    return {
        "water_to_canal_ratio": ratio,
        "water_to_canal_se_ratio": error,
        "n_voxels_disc": disc.voxels,
        "n_voxels_canal": canal.voxels,
    }, []


def _fusion(above: Side, below: Side, space: DiscSpace, exam: ExaminationData) -> Fusion:
    sides, in_phase = (above, below), exam.maps.in_phase
    marrow = [side.row.get("pdff_median_pct", math.nan) for side in sides]
    if in_phase is not None:
        signals = [np.median(side.vertebra.values(in_phase)) for side in sides]
        in_phase = in_phase / max(float(np.mean(signals)), 1e-12)
    return fusion(space, float(np.mean(marrow)), exam.maps.pdff, in_phase, exam.maps.affine)


def fusion_flags(level: str, below: str, found: Fusion, settings: MeasureSettings) -> list[Flag]:
    """Return the flag of two bodies that are grown together, at the upper one."""
    share, bridge = found.marrow_share, found.bridge_mm
    if share is not None and share > settings.flag_fused_frac:
        words = f"marrow, and no disc, over {100 * share:.0f} % of the space between {level} and {below}"
        return [Flag("fused_bodies", words, level, share, settings.flag_fused_frac)]
    if bridge is not None and bridge > settings.flag_bridge_mm:
        where = "in front of" if found.bridge_at == "front" else f"to the {found.bridge_at} of"
        words = f"marrow {bridge:.1f} mm thick {where} the disc between {level} and {below}"
        return [Flag("bridging_osteophyte", words, level, bridge, settings.flag_bridge_mm, "mm")]
    return []


def tall_flags(measured: Mapping[str, Row], settings: MeasureSettings) -> list[Flag]:
    """Return the flags of labels that are too high for one body: two fused ones under one label."""
    heights = {
        level: (row[HEIGHTS[0]], row[HEIGHTS[1]], row[HEIGHTS[2]])
        for level, row in measured.items()
        if all(name in row for name in HEIGHTS)
    }
    flags = []
    for level, own in heights.items():
        usual = expected_heights(level, heights, set())
        ratio = 0.0 if usual is None else own[1] / usual[1]
        if ratio > settings.flag_tall_ratio:
            words = (
                f"the label is {ratio:.2f} times as high as its neighbours lead to expect: two bodies in one?"
            )
            flags.append(Flag("fused_bodies", words, level, ratio, settings.flag_tall_ratio))
    return flags
