"""The rows of muscles.csv: every lumbar level, muscle and side, measured or with the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from nibabel.affines import apply_affine

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, Identity
from qmri.measure.marrow.distribution import Row
from qmri.measure.marrow.uncertainty import independence
from qmri.measure.muscle.compartment import Compartment, find_compartment
from qmri.measure.muscle.doubts import Key, muscle_flags
from qmri.measure.muscle.extent import REACH_MM
from qmri.measure.muscle.level import SIDES, Measured, Site, measure_level
from qmri.measure.muscle.slabs import Slab, level_slabs
from qmri.measure.muscle.summary import summary_columns
from qmri.measure.quality.flags import Flag, names
from qmri.measure.shape.bodies import Body
from qmri.measure.vertebra import Vertebra
from qmri.outputs.tables import Cell
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, MUSCLES, RIGHT

MUSCLE_LEVELS = ("L2", "L3", "L4", "L5")
NO_TISSUES = "the segmentation gives no labels of muscles"
State = Callable[[str], tuple[str, str | None]]
Found = Mapping[Key, Measured]


@dataclass(frozen=True)
class MuscleMarkers:
    """What the muscles of an examination add to its tables.

    Attributes
    ----------
    rows
        Of muscles.csv.
    patient
        Columns of patients.csv.
    flags
        Raised by an outline that looks wrong.
    """

    rows: list[dict[str, Cell]]
    patient: Row = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)


def failed_rows(identity: Identity, reason: str) -> list[dict[str, Cell]]:
    """Return the rows of an examination that could not be measured."""
    state: dict[str, Cell] = {"status": "failed", "status_reason": reason}
    return [keys | state for keys in _all_keys(identity)]


def measure_muscles(
    exam: ExaminationData, vertebrae: Mapping[str, Vertebra], state: State, settings: MeasureSettings
) -> MuscleMarkers:
    """Measure the muscles beside every lumbar level.

    Parameters
    ----------
    exam
        Maps, labels of bodies and tissues on one grid, (x, y, z).
    vertebrae
        The bodies that are whole in view.
    state
        Gives status and reason of a level, for those that have no such body.
    settings
        Margins and limits.
    """
    if exam.tissues is None:
        return MuscleMarkers(failed_rows(exam.identity, NO_TISSUES))
    slabs = level_slabs(
        {
            level: vertebra.shape
            for level, vertebra in vertebrae.items()
            if vertebra.shape is not None and level not in exam.failed_labels
        }
    )
    across = int(np.argmax(np.linalg.norm(exam.maps.affine[:3, :3], axis=0)))
    shares = exam.origin.noise.independent_shares or (None, None, None)
    independent = independence(exam.origin.acquisition, exam.labels.shape, across, shares).share
    found: dict[Key, Measured] = {}
    for muscle in MUSCLES:
        sides: dict[str, Compartment] = {}
        for side in (RIGHT, LEFT):
            compartment = find_compartment(exam.tissues, MUSCLE_ID[muscle, side], exam.maps)
            if compartment is not None:
                sides[side] = compartment
        for level in MUSCLE_LEVELS:
            if level in slabs:
                site = Site(
                    level, slabs[level], _body_mm2(vertebrae[level].body, slabs[level]), independent, settings
                )
                parts = measure_level(muscle, sides, site)
                found |= {(level, muscle, side): part for side, part in parts.items()}
    flags = muscle_flags(found, settings)
    return MuscleMarkers(
        _rows(exam, found, flags, state), summary_columns(found, settings), list(flags.values())
    )


def _rows(
    exam: ExaminationData, found: Found, flags: Mapping[Key, Flag], state: State
) -> list[dict[str, Cell]]:
    return [keys | _cells(exam, _key(keys), found, flags, state) for keys in _all_keys(exam.identity)]


def _cells(
    exam: ExaminationData, key: Key, found: Found, flags: Mapping[Key, Flag], state: State
) -> dict[str, Cell]:
    part = found.get(key)
    if part is None:
        status, reason = state(key[0])
        if status == "ok":
            status, reason = "failed", "the outline of the body gives no axes that can be relied on"
        return {"status": status, "status_reason": reason}
    reasons = "; ".join(part.reasons)
    if not {"pdff_median_pct", "area_mm2"} & set(part.columns):
        return {"status": "failed", "status_reason": reasons, **part.columns}
    note = exam.notes.get(key[0])
    return {
        "status": "ok",
        **part.columns,
        "level_verified": None if note is None else note.verified,
        "qc_flags": names([flags[key]] if key in flags else []),
        "na_reason": reasons,
    }


def _body_mm2(body: Body, slab: Slab) -> float | None:
    """Return the cross-section of a body at half its height; None where it goes on beyond the slices."""
    if body.touches_side:
        return None
    points = apply_affine(body.affine, np.argwhere(body.mask))
    weights = slab.section_weight(points, REACH_MM)
    return float(weights.sum() * body.voxel_volume_mm3)


def _all_keys(identity: Identity) -> list[dict[str, Cell]]:
    ids: dict[str, Cell] = {"participant_id": identity.participant_id, "session_id": identity.session_id}
    return [
        ids | {"level": level, "muscle": muscle, "side": side}
        for level in MUSCLE_LEVELS
        for muscle in MUSCLES
        for side in SIDES
    ]


def _key(row: Mapping[str, Cell]) -> Key:
    return str(row["level"]), str(row["muscle"]), str(row["side"])
