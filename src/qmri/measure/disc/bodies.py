"""What a body shows of its surroundings: pits of its endplates, and its signal against that of the canal."""

from __future__ import annotations

import numpy as np

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData
from qmri.measure.disc.endplate_defect import endplate_defect
from qmri.measure.disc.signal import Place, canal_beside, signal_of
from qmri.measure.marrow.distribution import Row
from qmri.measure.quality.flags import RECENT, Flag
from qmri.measure.vertebra import Vertebra

MOST_OEDEMA = 0.1
"""Share of a body with oedema above which PDFF does not show where marrow ends."""
LEAST_AREA, MOST_AREA = 0.03, 0.20
"""Shares of a plate between which a pit is flagged: single columns are noise, and what takes more is the
shape of the plate."""

PLATES = {"sup": ("upper", True), "inf": ("lower", False)}


def plate_columns(
    vertebra: Vertebra, row: Row, exam: ExaminationData, settings: MeasureSettings
) -> tuple[Row, list[Flag]]:
    """Return depth and area of the deepest pit of each endplate, and the flags that they raise.

    Where oedema or a void takes the place of fat, the image does not show where marrow ends, and the outline
    alone counts.
    """
    body, shape = vertebra.body, vertebra.shape
    if shape is None:
        return {}, []
    void = row.get("void_frac", 0.0) > settings.flag_void_frac
    oedema = row.get("oedema_frac", 0.0) > MOST_OEDEMA
    readable = (
        "pdff_median_pct" in row and not (void or oedema) and exam.fractures.status(body.level) not in RECENT
    )
    columns: Row = {}
    flags = []
    for name, (words, upper) in PLATES.items():
        defect = endplate_defect(body, shape, upper, exam.maps.affine, exam.maps.pdff if readable else None)
        columns[f"endplate_defect_{name}_mm"] = defect.depth_mm
        columns[f"endplate_defect_{name}_frac"] = defect.area_share
        if defect.depth_mm > settings.flag_endplate_defect_mm and LEAST_AREA < defect.area_share < MOST_AREA:
            sentence = (
                f"the {words} endplate has a pit of {defect.depth_mm:.1f} mm over "
                f"{100 * defect.area_share:.0f} % of it, in the {defect.seen_in}"
            )
            limit = settings.flag_endplate_defect_mm
            flags.append(Flag("endplate_defect", sentence, body.level, defect.depth_mm, limit, "mm"))
    return columns, flags


def signal_columns(vertebra: Vertebra, exam: ExaminationData, independent: float) -> tuple[Row, str]:
    """Return water and in-phase signal of a body over the canal's water, or why there is none."""
    water, in_phase, shape = exam.maps.water, exam.maps.in_phase, vertebra.shape
    if water is None or in_phase is None or shape is None:
        return {}, ""
    if exam.tissues is None:
        return {}, "signal over the canal: the segmentation gives no labels of it"
    place = Place(shape.frame, shape.posterior_mm, float(np.mean(shape.heights_mm(0.5))) / 2)
    canal = canal_beside(water, exam.tissues, exam.maps.affine, place, independent)
    if canal is None:
        return {}, "signal over the canal: too few certain voxels of it beside the body"
    columns: Row = {}
    for name, image in (("water", water), ("inphase", in_phase)):
        own = signal_of(vertebra.values(image), independent)
        if own is not None:
            ratio, error = own.over(canal)
            columns |= {f"{name}_to_canal_ratio": ratio, f"{name}_to_canal_se_ratio": error}
    return columns, ""
