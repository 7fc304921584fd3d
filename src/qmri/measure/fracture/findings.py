"""What is found of fractures in an examination: the columns of each body, and the levels of sound marrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData
from qmri.measure.fracture.age import suggest_age
from qmri.measure.fracture.cleft import find_fluid
from qmri.measure.fracture.malignancy import lean_share, posterior_bulge_mm
from qmri.measure.fracture.oedema import Oedema, find_oedema, place_of
from qmri.measure.fracture.reference import BodyMarrow, Expectation, Reference, body_marrow, find_reference
from qmri.measure.fracture.void_columns import collapsed_cleft, void_columns
from qmri.measure.images import Maps
from qmri.measure.marrow.distribution import Row
from qmri.measure.marrow.roi import body_coordinates, vein_box
from qmri.measure.preparation import signal_limit
from qmri.measure.shape.morphometry import RIGHT, Morphometry
from qmri.measure.vertebra import Vertebra
from qmri.outputs.tables import Cell

COLLAPSED_PCT = 15.0
"""A cleft is looked for in bodies that lost at least so much height."""
MOST_VOID = 0.25
"""With more of the body without signal, the rest does not tell its age."""


@dataclass(frozen=True)
class Findings:
    """What is found in an examination.

    Attributes
    ----------
    columns
        Cells of vertebrae.csv by level.
    sound
        Those of the candidates for the background that are not oedematous.
    oedema
        By level, where it could be looked for.
    """

    columns: Mapping[str, dict[str, Cell]] = field(default_factory=dict)
    sound: tuple[str, ...] = ()
    oedema: Mapping[str, Oedema] = field(default_factory=dict)

    def reasons(self, level: str) -> str:
        """Return why columns of a measured level are n/a."""
        return "" if level in self.oedema else "oedema: no sound level to compare with, or too little marrow"

    def numbers(self, level: str) -> Row:
        """Return the columns of a level that are numbers."""
        cells = self.columns.get(level, {})
        return {name: float(cell) for name, cell in cells.items() if isinstance(cell, (int, float))}


def fracture_findings(
    vertebrae: Mapping[str, Vertebra],
    measured: Mapping[str, Row],
    exam: ExaminationData,
    *,
    candidates: Sequence[str],
    doubts: Mapping[str, str],
    settings: MeasureSettings,
) -> Findings:
    """Look for oedema, clefts, replaced marrow and cement in every body.

    Parameters
    ----------
    vertebrae, measured
        The bodies and their columns so far, height loss among them.
    exam
        Maps, labels, and what the sheet says.
    candidates
        Levels that are fractured neither by the sheet nor by their shape, and passed quality control.
    doubts
        Why PDFF or outline of a level is not to be relied on.
    settings
        Slope of PDFF along the spine, limits.
    """
    maps = exam.maps
    limit = signal_limit([vertebra.body for vertebra in vertebrae.values()], maps, settings)
    marrow = {level: _marrow_of(vertebra, maps) for level, vertebra in vertebrae.items()}
    marrow = {level: found for level, found in marrow.items() if found.region.any()}
    known = [level for level in candidates if level in marrow]

    def is_oedematous(level: str, expectation: Expectation) -> bool:
        found = _oedema_of(vertebrae[level], marrow[level], expectation, maps, None)
        return found is not None and found.present

    reference = find_reference(marrow, known, settings.pdff_slope_pct_per_level, is_oedematous)
    usual_r2star = _usual_r2star(reference, measured)
    oedema: dict[str, Oedema] = {}
    columns = {}
    for level, vertebra in vertebrae.items():
        if reference is not None and level in marrow:
            expectation = reference.expected(level, marrow[level])
            found = _oedema_of(vertebra, marrow[level], expectation, maps, usual_r2star)
            oedema |= {} if found is None else {level: found}
        collapsed = measured[level].get("height_loss_pct", 0.0) >= COLLAPSED_PCT
        voids = void_columns(
            vertebra,
            maps,
            exam.labels,
            signal_limit=limit,
            treated=level in exam.fractures.treated,
            collapsed=collapsed,
        )
        columns[level] = voids | _columns(vertebra, measured[level], oedema.get(level), doubts.get(level, ""))
        if collapsed and vertebra.shape is not None:
            kind, volume = collapsed_cleft(_fluid_cm3(vertebra, vertebra.shape, maps), voids)
            columns[level] |= {"cleft_kind": kind, "cleft_cm3": volume}
        else:
            columns[level] |= {"cleft_kind": "none", "cleft_cm3": 0.0}
        if reference is not None and level in marrow:
            columns[level]["pdff_lean_frac"] = lean_share(
                marrow[level].smooth, marrow[level].region, reference.usual(level), settings.flag_lean_ratio
            )
    sound = reference.levels if reference else ()
    return Findings(columns, tuple(level for level in candidates if level in sound), oedema)


def _marrow_of(vertebra: Vertebra, maps: Maps) -> BodyMarrow:
    pdff = maps.pdff[vertebra.body.window]
    return body_marrow(pdff, vertebra.region.roi, vertebra.body.voxel_size_mm)


def _oedema_of(
    vertebra: Vertebra, marrow: BodyMarrow, expectation: Expectation, maps: Maps, usual_r2star: float | None
) -> Oedema | None:
    return find_oedema(
        marrow,
        expectation,
        body=vertebra.body.mask & ~vertebra.void,
        central=_middle_half(vertebra),
        voxel_size_mm=vertebra.body.voxel_size_mm,
        r2star=maps.r2star[vertebra.body.window],
        usual_r2star=usual_r2star,
    )


def _middle_half(vertebra: Vertebra) -> NDArray[np.bool_]:
    """Return the middle half of a body's width, (x, y, z) bool on its crop."""
    mask = vertebra.body.mask
    right = vertebra.body.local(np.moveaxis(np.indices(mask.shape, dtype=np.float64), 0, -1))[..., RIGHT]
    low, high = np.percentile(right[mask], [1, 99])
    return np.asarray(np.abs(right - (low + high) / 2) <= (high - low) / 4)


def _usual_r2star(reference: Reference | None, measured: Mapping[str, Row]) -> float | None:
    name = "r2star_median_per_s"
    values = (
        [measured[level][name] for level in reference.levels if name in measured[level]] if reference else []
    )
    return float(np.median(values)) if values else None


def _columns(vertebra: Vertebra, row: Row, oedema: Oedema | None, doubt: str) -> dict[str, Cell]:
    """Return the columns of oedema, age and the posterior wall."""
    shape, body = vertebra.shape, vertebra.body
    cells: dict[str, Cell] = {}
    place = "none"
    if oedema is not None:
        marrow = body.mask & ~vertebra.void
        if shape is not None:
            place = place_of(oedema, body_coordinates(body, shape), marrow)
            cells["oedema_place"] = place
        cells |= {
            "oedema_frac": oedema.share,
            "oedema_drop_pct": oedema.drop_pct,
            "oedema_least_drop_pct": oedema.expectation.least_drop_pct,
            "pdff_expected_pct": oedema.expectation.pdff_pct,
        }
    if row.get("void_frac", 0.0) > MOST_VOID:
        doubt = doubt or "voids fill much of the body"
    age = suggest_age(oedema, row.get("height_loss_pct"), place=place, doubt=doubt)
    if age is not None:
        cells |= {
            "fracture_age_suggestion": age.suggestion,
            "fracture_age_p_acute": age.p_acute,
            "fracture_age_evidence": age.evidence,
        }
    if shape is not None:
        cells["posterior_bulge_mm"] = posterior_bulge_mm(body, shape)
    return cells


def _fluid_cm3(vertebra: Vertebra, shape: Morphometry, maps: Maps) -> float:
    body = vertebra.body
    fluid = find_fluid(
        maps.pdff[body.window],
        maps.r2star[body.window],
        dark=vertebra.void,
        mask=body.mask,
        region=vertebra.region.roi,
        vein=vein_box(body, shape),
        voxel_size_mm=body.voxel_size_mm,
    )
    return float(fluid.sum() * body.voxel_volume_mm3 / 1000)
