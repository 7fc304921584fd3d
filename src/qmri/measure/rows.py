"""Rows of the tables: keys, state and origin, for examinations that were measured and that were not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from qmri import __version__
from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, ExaminationRows, Identity, LabelNote
from qmri.measure.disc import rows as disc_rows
from qmri.measure.disc.summary import OF_LUMBAR_LEVELS
from qmri.measure.images import Fractures, Origin
from qmri.measure.marrow.background import steps_to_nearest
from qmri.measure.marrow.distribution import Row
from qmri.measure.marrow.t1_correction import Weighting
from qmri.measure.muscle.rows import failed_rows
from qmri.measure.muscle.summary import OF_ONE_LEVEL
from qmri.measure.quality.flags import RECENT, Flag, names
from qmri.measure.shape.bodies import Body
from qmri.measure.vertebra import Vertebra, contradicted_heights
from qmri.outputs.tables import Cell
from qmri.spine.levels import sort_levels, steps_between

OF_TARGETS = (
    "pdff_target_median_pct",
    "pdff_target_ratio",
    "pdff_target_median_se_pct",
    "pdff_target_se_ratio",
    "oedema_target_frac",
    "void_target_cm3",
    "any_cement_leak",
)
NEED_NAMES = (
    *OF_TARGETS,
    "pdff_adjacent_mean_pct",
    "pdff_nonadjacent_mean_pct",
    "pdff_adjacent_mean_se_pct",
    "pdff_nonadjacent_mean_se_pct",
    *OF_ONE_LEVEL,
    *OF_LUMBAR_LEVELS,
)
"""Columns of a patient that join the sheet's level names with those of the labels."""

JUNCTION = ("T11", "T12", "L1", "L2")


def failed_examination(
    identity: Identity, reason: str, *, fractures: Fractures, settings: MeasureSettings
) -> ExaminationRows:
    """Return the rows of an examination that could not be measured: every expected level, with the reason."""
    state: dict[str, Cell] = {"status": "failed", "status_reason": reason}
    rows = [level_keys(identity, level, fractures) | state for level in row_levels(settings, ())]
    patient = exam_keys(identity) | state | {"pipeline_version": __version__}
    discs = disc_rows.failed_rows(identity, reason, row_levels(settings, ()))
    return ExaminationRows(rows, patient, discs=discs, muscles=failed_rows(identity, reason))


def row_levels(settings: MeasureSettings, found: Collection[str]) -> list[str]:
    """Return the levels that have a row: the expected ones and any found beyond."""
    return sort_levels(set(settings.expected_levels) | set(found))


def patient_row(
    exam: ExaminationData, columns: Row, background: Sequence[str], flags: list[Flag], ok: Sequence[str]
) -> dict[str, Cell]:
    """Return the row of patients.csv."""
    fractures, row = exam.fractures, exam_keys(exam.identity)
    row |= {"status": "ok" if ok else "failed"}
    row |= {"status_reason": None if ok else "no vertebral body could be measured"}
    row |= {"n_levels": len(ok), **columns, "bg_levels": ";".join(background)}
    withheld, reason = withheld_columns(exam)
    row = {name: cell for name, cell in row.items() if name not in withheld}
    row["na_reason"] = "; ".join(filter(None, (reason, unknown_weighting(exam) if ok else None)))
    if fractures.given:
        row |= {
            "n_fx_acute": len(set(fractures.acute) | set(fractures.treated)),
            "n_fx_old": len(fractures.old),
            "has_tl_junction_fx": bool(fractures.levels & set(JUNCTION)),
        }
    row |= origin_columns(exam.origin)
    row |= {"qc_pass": not any(flag.disqualifies for flag in flags), "qc_flags": names(flags)}
    return row


def withheld_columns(exam: ExaminationData) -> tuple[tuple[str, ...], str]:
    """Return the columns of a patient that rest on a name or an outline nobody can rely on, and why."""
    if not exam.names_verified:
        return (
            NEED_NAMES,
            "target, neighbours and muscles of one level: the names of the levels are not verified",
        )
    failed = sort_levels(exam.failed_labels & set(exam.fractures.treated))
    if failed:
        return OF_TARGETS, f"target: a check of the outline failed at {', '.join(failed)}"
    return (), ""


def unknown_weighting(exam: ExaminationData) -> str | None:
    """Return why PDFF cannot be freed of its T1 bias, None where it can."""
    weighting = Weighting.of(exam.origin.acquisition)
    return weighting if isinstance(weighting, str) else None


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


def exam_keys(identity: Identity) -> dict[str, Cell]:
    """Return the keys of every row of an examination."""
    return {"participant_id": identity.participant_id, "session_id": identity.session_id}


def level_keys(identity: Identity, level: str, fractures: Fractures) -> dict[str, Cell]:
    """Return the keys of a level and what the study sheet says of it."""
    return exam_keys(identity) | {
        "level": level,
        "fracture_status": fractures.status(level),
        "levels_to_nearest_target": steps_to_nearest(level, fractures.treated),
    }


def label_columns(note: LabelNote | None) -> dict[str, Cell]:
    """Return how sure the segmentation is of outline and name."""
    if note is None:
        return {}
    return {"label_confidence": note.confidence, "level_verified": note.verified}


def flag_row(identity: Identity, flag: Flag) -> dict[str, Cell]:
    """Return a row of flags.csv."""
    return exam_keys(identity) | {
        "level": flag.level,
        "flag": flag.name,
        "disqualifies": flag.disqualifies,
        "value": flag.value,
        "threshold": flag.threshold,
        "unit": flag.unit,
        "evidence": flag.evidence,
    }


def missing_reasons(vertebra: Vertebra, exam: ExaminationData) -> str:
    """Return why cells of a measured row are n/a."""
    maps = exam.maps
    reasons = []
    if maps.pdff_sd is None or maps.r2star_sd is None:
        reasons.append("noise: the maps carry no standard deviations")
    if maps.rchi2 is None:
        reasons.append("fit residual: not known for these maps")
    if maps.in_phase is None:
        reasons.append("SNR and voids: no water and fat images")
    elif not exam.origin.noise.sigma:
        reasons.append("SNR: the image noise is not known")
    if not np.isfinite(maps.r2star[vertebra.body.window][vertebra.region.roi]).any():
        reasons.append("R2*: no value in the region")
    if vertebra.shape is None:
        reasons.append("shape: the label is too small for endplates; not in the background without a grade")
    elif contradicted := contradicted_heights(vertebra.shape):
        reasons += contradicted
        reasons.append("grade: not all heights are known; not in the background without a grade")
    if vertebra.body.touches_side:
        reasons.append("volume: the body goes on beyond the slices")
    if unknown := unknown_weighting(exam):
        reasons.append(unknown)
    elif exam.fractures.status(vertebra.body.level) in RECENT:
        reasons.append("T1: not known for the marrow of a recent fracture")
    return "; ".join(reasons)


def cut_reason(body: Body, note: LabelNote | None) -> str | None:
    """Return why a body is not wholly in view, None where it is."""
    if body.touches_edge or (note is not None and not note.complete):
        return "cut by the edge of the images"
    return None


def level_state(
    level: str, bodies: Mapping[str, Body], cut: Mapping[str, str | None], ok: Sequence[str]
) -> tuple[str, str | None]:
    """Return status and reason of a level, from the labels, the cut ones and the measured ones."""
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
