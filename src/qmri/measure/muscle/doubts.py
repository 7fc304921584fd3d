"""Outlines of muscles that look wrong."""

from __future__ import annotations

from collections.abc import Mapping

from qmri.config import MeasureSettings
from qmri.measure.muscle.level import BOTH, Measured
from qmri.measure.quality.flags import Flag
from qmri.spine.tissue_labels import LEFT, RIGHT

DOUBT = "muscle_doubt"
Key = tuple[str, str, str]


def muscle_flags(found: Mapping[Key, Measured], settings: MeasureSettings) -> dict[Key, Flag]:
    """Return the flags by level, muscle and side.

    A muscle that is nearly all fat may be the fat beside it, and a side that is several times as large as
    the other may hold another muscle.
    """
    flags: dict[Key, Flag] = {}
    for (level, muscle, side), part in found.items():
        word = muscle.replace("_", " ")
        pdff = part.columns.get("pdff_median_pct")
        if side != BOTH:
            if pdff is not None and pdff > settings.flag_muscle_pdff_pct:
                words = f"median PDFF of the {side} {word} is {pdff:.0f} %"
                flags[level, muscle, side] = Flag(
                    DOUBT, words, level, pdff, settings.flag_muscle_pdff_pct, "%"
                )
            continue
        areas = [found[level, muscle, half].columns.get("area_mm2") for half in (RIGHT, LEFT)]
        if areas[0] and areas[1]:
            ratio = max(areas[0] / areas[1], areas[1] / areas[0])
            if ratio > settings.flag_muscle_side_ratio:
                larger, smaller = (RIGHT, LEFT) if areas[0] > areas[1] else (LEFT, RIGHT)
                words = f"the {larger} {word} is {ratio:.1f} times as large as the {smaller}"
                limit = settings.flag_muscle_side_ratio
                flags[level, muscle, side] = Flag(DOUBT, words, level, ratio, limit)
    return flags
