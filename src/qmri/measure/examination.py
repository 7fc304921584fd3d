"""The rows of one examination: every expected level, measured or with the reason why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmri import __version__
from qmri.config import MeasureSettings
from qmri.levels import sort_levels, steps_between
from qmri.measure.background import background_columns, steps_to_nearest, target_columns
from qmri.measure.bodies import Body, find_bodies
from qmri.measure.distribution import Row
from qmri.measure.images import Fractures, Maps, Origin
from qmri.measure.morphometry import measure_shape
from qmri.measure.roi import make_region, surface_depth_mm
from qmri.measure.tables import Cell
from qmri.measure.vertebra import Vertebra, marker_columns

VOID_SHARE = 0.25
"""A voxel with less in-phase signal than this share of the patient's marrow holds no ratio."""


@dataclass(frozen=True)
class Identity:
    """Keys of an examination."""

    participant_id: str
    session_id: str


@dataclass(frozen=True)
class LabelNote:
    """What the segmentation tells of a label.

    Attributes
    ----------
    complete
        Whether the body lies wholly in the images.
    confidence
        0-1, None where a reader made the label.
    flags
        Words of the segmentation.
    verified
        Whether a reader confirmed or made the label.
    """

    complete: bool = True
    confidence: float | None = None
    flags: tuple[str, ...] = ()
    verified: bool = False


@dataclass(frozen=True)
class ExaminationRows:
    """Rows of the two tables, cells by column name."""

    vertebrae: list[dict[str, Cell]]
    patient: dict[str, Cell]


def measure_examination(
    identity: Identity,
    maps: Maps,
    labels: NDArray[np.integer],
    *,
    origin: Origin,
    fractures: Fractures,
    settings: MeasureSettings,
    notes: Mapping[str, LabelNote] | None = None,
) -> ExaminationRows:
    """Measure every labelled body and make the examination's rows.

    Parameters
    ----------
    maps
        Maps on the grid of the labels.
    labels
        (x, y, z) integers, ids of `qmri.levels`.
    notes
        What the segmentation tells, by level; a level without a note is taken as complete.
    """
    notes = notes or {}
    bodies = {body.level: body for body in find_bodies(labels, maps.affine)}
    cut = {level: _cut_reason(body, notes.get(level)) for level, body in bodies.items()}
    whole = [body for level, body in bodies.items() if cut[level] is None]
    vertebrae = prepare(whole, maps, settings)
    measured: dict[str, Row] = {v.body.level: marker_columns(v, maps) for v in vertebrae}
    ok = [level for level, row in measured.items() if "pdff_median_pct" in row]
    background = [level for level in ok if fractures.status(level) in ("none", "unknown")]

    rows: list[dict[str, Cell]] = []
    for level in row_levels(settings, bodies):
        status, reason = _status(level, bodies, cut, ok)
        row = _keys(identity) | {
            "level": level,
            "status": status,
            "status_reason": reason,
            "fracture_status": fractures.status(level),
            "levels_to_nearest_target": steps_to_nearest(level, fractures.treated),
        }
        if status == "ok":
            row |= {"in_background": level in background, **measured[level]}
        rows.append(row)
    patient: dict[str, Cell] = (
        _keys(identity)
        | {
            "status": "ok" if ok else "failed",
            "status_reason": None if ok else "no vertebral body could be measured",
        }
        | background_columns(measured, background)
        | {"bg_levels": ";".join(background)}
        | target_columns(measured, [level for level in fractures.treated if level in ok])
        | origin_columns(origin)
    )
    return ExaminationRows(rows, patient)


def failed_examination(
    identity: Identity, reason: str, *, fractures: Fractures, settings: MeasureSettings
) -> ExaminationRows:
    """Return the rows of an examination that could not be measured: every expected level, with the reason."""
    state: dict[str, Cell] = {"status": "failed", "status_reason": reason}
    rows = [
        _keys(identity)
        | {"level": level}
        | state
        | {
            "fracture_status": fractures.status(level),
            "levels_to_nearest_target": steps_to_nearest(level, fractures.treated),
        }
        for level in row_levels(settings, ())
    ]
    return ExaminationRows(rows, _keys(identity) | state | {"pipeline_version": __version__})


def prepare(bodies: Sequence[Body], maps: Maps, settings: MeasureSettings) -> list[Vertebra]:
    """Return the bodies with their shapes and regions."""
    in_phase = maps.in_phase
    void_below = 0.0
    if in_phase is not None and bodies:
        inner = [
            in_phase[body.window][surface_depth_mm(body.mask, body.voxel_size_mm) >= settings.erosion_mm]
            for body in bodies
        ]
        signal = np.concatenate(inner)
        void_below = VOID_SHARE * float(np.nanmedian(signal)) if np.isfinite(signal).any() else 0.0
    vertebrae = []
    for body in bodies:
        shape = measure_shape(body)
        void = np.zeros_like(body.mask) if in_phase is None else ~(in_phase[body.window] >= void_below)
        vertebrae.append(Vertebra(body, shape, make_region(body, shape, void, settings.erosion_mm)))
    return vertebrae


def row_levels(settings: MeasureSettings, found: Mapping[str, Body] | Sequence[str]) -> list[str]:
    """Return the levels that have a row: the expected ones and any found beyond."""
    return sort_levels(set(settings.expected_levels) | set(found))


def origin_columns(origin: Origin) -> dict[str, Cell]:
    """Return the columns that tell where the numbers come from."""
    acquisition = origin.acquisition
    repetition = acquisition.repetition_time_s
    return {
        "field_t": acquisition.field_strength_t,
        "vendor": acquisition.vendor,
        "model": acquisition.model,
        "software": acquisition.software,
        "fa_deg": acquisition.flip_angle_deg,
        "tr_ms": None if repetition is None else repetition * 1000,
        "te_ms_list": ";".join(f"{echo * 1000:.6g}" for echo in acquisition.echo_times_s),
        "recon_mode": origin.recon_mode,
        "fat_model_id": origin.fat_model_id,
        "pipeline_version": __version__,
    }


def _keys(identity: Identity) -> dict[str, Cell]:
    return {"participant_id": identity.participant_id, "session_id": identity.session_id}


def _cut_reason(body: Body, note: LabelNote | None) -> str | None:
    if body.touches_edge or (note is not None and not note.complete):
        return "cut by the edge of the images"
    return None


def _status(
    level: str, bodies: Mapping[str, Body], cut: Mapping[str, str | None], ok: Sequence[str]
) -> tuple[str, str | None]:
    if level in ok:
        return "ok", None
    if level in bodies:
        return ("not_in_view", cut[level]) if cut[level] else ("failed", "too few voxels with a value")
    if not bodies:
        return "failed", "no vertebral body was found"
    above = any(steps_between(level, other) > 0 for other in bodies)
    below = any(steps_between(level, other) < 0 for other in bodies)
    if above and below:
        return "failed", "lies between labelled levels but has no label"
    return "not_in_view", "beyond the labelled levels"
