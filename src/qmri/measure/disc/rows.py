"""The rows of discs.csv, and what discs, endplates and canal add to the other tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, Identity
from qmri.measure.disc.bodies import plate_columns, signal_columns
from qmri.measure.disc.level import Side, measure_disc, tall_flags
from qmri.measure.disc.summary import summary_columns
from qmri.measure.marrow.distribution import Row
from qmri.measure.marrow.uncertainty import independence
from qmri.measure.quality.flags import Flag, names
from qmri.measure.vertebra import Vertebra
from qmri.outputs.tables import Cell
from qmri.spine.levels import steps_between

State = Callable[[str], tuple[str, str | None]]
ABOVE_SACRUM = ("L5", "L6")
NO_SACRUM = "the body below is the sacrum, which has no outline: a disc needs both endplates"


@dataclass(frozen=True)
class DiscMarkers:
    """What discs and endplates of an examination add to its tables.

    Attributes
    ----------
    rows
        Of discs.csv.
    bodies
        Columns of vertebrae.csv by level.
    patient
        Columns of patients.csv.
    flags
        Endplate defects, fused bodies, bridging osteophytes.
    reasons
        Why columns of vertebrae.csv are n/a, by level.
    """

    rows: list[dict[str, Cell]]
    bodies: dict[str, Row] = field(default_factory=dict)
    patient: Row = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def failed_rows(identity: Identity, reason: str, levels: Collection[str]) -> list[dict[str, Cell]]:
    """Return the rows of an examination that could not be measured."""
    state: dict[str, Cell] = {"status": "failed", "status_reason": reason}
    return [_keys(identity, level) | state for level in levels]


def measure_discs(
    exam: ExaminationData,
    vertebrae: Mapping[str, Vertebra],
    measured: Mapping[str, Row],
    *,
    levels: Collection[str],
    background: Collection[str],
    state: State,
    settings: MeasureSettings,
) -> DiscMarkers:
    """Measure the disc below every level, and the endplates of every body.

    Parameters
    ----------
    exam
        Maps, labels of bodies and tissues on one grid, (x, y, z).
    vertebrae, measured
        The bodies that are whole in view, and their columns.
    levels
        Levels that have a row.
    background
        Levels of unfractured marrow.
    state
        Gives status and reason of a level.
    settings
        Limits and repeatability.
    """
    independent = _independent(exam)
    bodies: dict[str, Row] = {}
    reasons: dict[str, str] = {}
    flags = tall_flags(measured, settings)
    for level, vertebra in vertebrae.items():
        if level in exam.failed_labels:
            reasons[level] = "endplates and signal over the canal: a check of the outline failed"
            continue
        columns, found = plate_columns(vertebra, measured[level], exam, settings)
        signal, why = signal_columns(vertebra, exam, independent)
        bodies[level] = columns | signal
        reasons[level] = why
        flags += found
    rows, discs = [], {}
    for level in levels:
        row = _keys(exam.identity, level)
        below = next((other for other in vertebrae if steps_between(other, level) == 1), None)
        beside = [name for name in (level, below) if name is not None and name in vertebrae]
        sides = {name: _side(name, vertebrae, measured, exam) for name in beside}
        status, reason = _state(level, below, sides, state)
        above, under = sides.get(level), sides.get(below or "")
        if isinstance(above, Side) and isinstance(under, Side):
            disc = measure_disc(above, under, exam, independent, settings)
            discs[level] = disc.columns
            flags += disc.flags
            row |= disc.columns | {"bridge_at": disc.bridge_at, "na_reason": "; ".join(disc.reasons)}
            row |= {"level_verified": exam.names_verified, "qc_flags": names(disc.flags)}
        rows.append(row | {"status": status, "status_reason": reason})
    return DiscMarkers(rows, bodies, summary_columns(bodies, discs, flags, background), flags, reasons)


def _keys(identity: Identity, level: str) -> dict[str, Cell]:
    return {"participant_id": identity.participant_id, "session_id": identity.session_id, "level": level}


def _side(
    level: str, vertebrae: Mapping[str, Vertebra], measured: Mapping[str, Row], exam: ExaminationData
) -> Side | str:
    """Return a body beside a disc, or why its endplates cannot be relied on."""
    vertebra = vertebrae[level]
    if level in exam.failed_labels:
        return f"a check of the outline failed at {level}"
    if vertebra.shape is None:
        return f"the label of {level} is too small for endplates"
    if not all(vertebra.shape.agreement):
        return f"a plain caliper contradicts the endplates of {level}"
    return Side(level, vertebra, vertebra.shape, measured[level])


def _state(
    level: str, below: str | None, sides: Mapping[str, Side | str], state: State
) -> tuple[str, str | None]:
    """Return status and reason of a disc; the reason is None where it can be measured."""
    if level not in sides:
        status, reason = state(level)
        return ("failed" if status == "ok" else status), f"the body above: {reason}"
    if below is None:
        lowest = level in ABOVE_SACRUM
        return ("failed", NO_SACRUM) if lowest else ("not_in_view", "the body below is not whole in view")
    doubts = [side for side in sides.values() if isinstance(side, str)]
    return ("failed", "; ".join(doubts)) if doubts else ("ok", None)


def _independent(exam: ExaminationData) -> float:
    """Return the share of voxels whose noise is independent."""
    across = int(np.argmax(np.linalg.norm(exam.maps.affine[:3, :3], axis=0)))
    told = exam.origin.noise.independent_shares or (None, None, None)
    return independence(exam.origin.acquisition, exam.labels.shape, across, told).share
