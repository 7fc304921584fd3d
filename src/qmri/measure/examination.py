"""The rows of one examination: every expected level, measured or with the reason why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, ExaminationRows, LabelNote
from qmri.measure.disc.rows import measure_discs
from qmri.measure.fracture.findings import fracture_findings
from qmri.measure.fracture.fracture_flags import fracture_flags
from qmri.measure.fracture.patient_findings import patient_findings
from qmri.measure.images import Fractures
from qmri.measure.marrow import t1_correction
from qmri.measure.marrow.background import background_columns, target_columns
from qmri.measure.marrow.distribution import Row
from qmri.measure.marrow.uncertainty import Independence, independence
from qmri.measure.muscle.rows import measure_muscles
from qmri.measure.preparation import fattest_tissue, prepare
from qmri.measure.quality.flags import (
    FRACTURED,
    Flag,
    examination_flags,
    grouped,
    meaning_flags,
    misfit_flags,
    name_flags,
    names,
    quality_flags,
    shared_doubts,
)
from qmri.measure.quality.label_flags import label_flags
from qmri.measure.quality.patient_errors import error_columns
from qmri.measure.quality.quality_figures import quality_columns
from qmri.measure.rows import (
    cut_reason,
    flag_row,
    label_columns,
    level_keys,
    level_state,
    missing_reasons,
    patient_row,
    row_levels,
)
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.curvature import coronal_cobb_deg, local_kyphosis_deg, thoracolumbar_kyphosis_deg
from qmri.measure.shape.deformity import height_losses
from qmri.measure.shape.morphometry import Morphometry
from qmri.measure.vertebra import Vertebra, contradicted_heights, marker_columns, region_labels
from qmri.outputs.tables import Cell
from qmri.spine.body_flag import UNVERIFIED, BodyFlag


def measure_examination(exam: ExaminationData, settings: MeasureSettings) -> ExaminationRows:
    """Measure every labelled body and make the examination's rows.

    Parameters
    ----------
    exam
        Maps and labels on one grid, (x, y, z), and what is known of them.
    settings
        Erosion, expected levels, thresholds of the flags.

    Returns
    -------
    ExaminationRows
        Rows by column name, in the units of docs/outputs.md, and the regions.
    """
    bodies = {body.level: body for body in find_bodies(exam.labels, exam.maps.affine)}
    cut = {level: cut_reason(body, exam.notes.get(level)) for level, body in bodies.items()}
    whole = [body for level, body in bodies.items() if cut[level] is None]
    vertebrae = {v.body.level: v for v in prepare(whole, exam.maps, settings)}
    measured = _own_columns(vertebrae, exam, settings)
    kinds = _add_losses(measured, vertebrae, exam, settings)
    ok = [level for level, row in measured.items() if "pdff_median_pct" in row]
    flags = _level_flags(measured, vertebrae, exam, settings)
    findings = fracture_findings(
        {level: vertebrae[level] for level in ok},
        measured,
        exam,
        candidates=_background(ok, measured, flags, exam.fractures),
        doubts=_disqualified(flags),
        settings=settings,
    )
    background = findings.sound
    patient = _patient_columns(measured, background, vertebrae, exam, settings)
    patient |= patient_findings(findings.columns, exam.fractures.treated, exam.failed_labels)
    _add_ratios(measured, ok, patient)
    meant: list[Flag] = []
    for level in ok:
        status = exam.fractures.status(level)
        measured[level] |= t1_correction.level_columns(measured[level], status, exam.origin.acquisition)
        measured[level] |= findings.numbers(level)
        meant += meaning_flags(level, measured[level], status, settings)
        meant += fracture_flags(level, measured[level], findings.columns[level], status, settings)
    flags += meant + shared_doubts(meant, ok)
    fractured = len(exam.fractures.levels) if exam.fractures.given else None
    flags += misfit_flags(exam.origin, settings)
    flags += name_flags(exam.names_verified, exam.fractures.levels, ok)
    flags += examination_flags(
        patient,
        fractured,
        fattest_tissue(exam.maps, vertebrae),
        settings,
        undeclared=sum(flag.name == "undeclared_deformity" for flag in meant),
    )
    muscles = measure_muscles(exam, vertebrae, lambda level: level_state(level, bodies, cut, ok), settings)
    discs = measure_discs(
        exam,
        vertebrae,
        measured,
        levels=row_levels(settings, bodies),
        background=background,
        state=lambda level: level_state(level, bodies, cut, ok),
        settings=settings,
    )
    flags += muscles.flags + discs.flags
    by_level = grouped(flags)
    rows = []
    for level in row_levels(settings, bodies):
        status, reason = level_state(level, bodies, cut, ok)
        row = level_keys(exam.identity, level, exam.fractures) | {"status": status, "status_reason": reason}
        if status == "ok":
            row |= {
                **measured[level],
                **findings.columns[level],
                **discs.bodies.get(level, {}),
                "height_loss_kind": kinds.get(level),
                "in_background": level in background,
            }
            why = "; ".join(filter(None, (findings.reasons(level), discs.reasons.get(level))))
            row |= _judged(vertebrae[level], by_level.get(level, []), exam, why)
        rows.append(row)
    return ExaminationRows(
        rows,
        patient_row(exam, patient | muscles.patient | discs.patient, background, by_level.get(None, []), ok),
        [flag_row(exam.identity, flag) for flag in flags],
        region_labels(vertebrae, exam.labels.shape),
        discs=discs.rows,
        muscles=muscles.rows,
    )


def _judged(
    vertebra: Vertebra, flags: Sequence[Flag], exam: ExaminationData, lacking: str
) -> dict[str, Cell]:
    """Return the columns that say whether to use a measured row, and why cells are lacking."""
    return label_columns(exam.notes.get(vertebra.body.level)) | {
        "qc_pass": not any(flag.disqualifies for flag in flags),
        "qc_flags": names(flags),
        "n_eff_from": _independence(vertebra, exam).source,
        "na_reason": "; ".join(filter(None, (missing_reasons(vertebra, exam), lacking))),
    }


def _independence(vertebra: Vertebra, exam: ExaminationData) -> Independence:
    """Return how many voxels have a noise of their own, and what tells it."""
    across = int(np.argmax(vertebra.body.voxel_size_mm))
    measured = exam.origin.noise.independent_shares or (None, None, None)
    return independence(exam.origin.acquisition, exam.labels.shape, across, measured)


def _own_columns(
    vertebrae: Mapping[str, Vertebra], exam: ExaminationData, settings: MeasureSettings
) -> dict[str, Row]:
    """Return what each body says by itself."""
    rows = {}
    for level, vertebra in vertebrae.items():
        rows[level] = marker_columns(vertebra, exam.maps, settings, _independence(vertebra, exam).share)
        rows[level] |= quality_columns(vertebra, exam.maps, exam.origin)
    return rows


def _add_losses(
    measured: dict[str, Row],
    vertebrae: Mapping[str, Vertebra],
    exam: ExaminationData,
    settings: MeasureSettings,
) -> dict[str, str]:
    """Add height loss, grade and local kyphosis, which need the neighbours; return the kinds of loss.

    A neighbour whose outline failed a check is no reference.
    """
    names_of_heights = ("height_ant_mm", "height_mid_mm", "height_post_mm")
    heights = {
        level: (row[names_of_heights[0]], row[names_of_heights[1]], row[names_of_heights[2]])
        for level, row in measured.items()
        if all(name in row for name in names_of_heights)
    }
    fractured = frozenset(level for level in heights if exam.fractures.status(level) in FRACTURED)
    shapes = _reliable_shapes(vertebrae, exam)
    losses = height_losses(heights, fractured | exam.failed_labels, settings.repeatability_height_mm)
    for level, loss in losses.items():
        measured[level] |= {
            "height_loss_pct": loss.percent,
            "height_loss_se_pct": loss.error_percent,
            "genant_grade": loss.grade,
            "genant_doubt": loss.grade_doubt,
        }
        kyphosis = local_kyphosis_deg(shapes, level) if level in shapes else None
        if kyphosis is not None:
            measured[level]["kyphosis_local_deg"] = kyphosis
    return {level: loss.kind for level, loss in losses.items()}


def _reliable_shapes(vertebrae: Mapping[str, Vertebra], exam: ExaminationData) -> dict[str, Morphometry]:
    """Return the shapes of the bodies whose outline failed no check."""
    return {
        level: vertebra.shape
        for level, vertebra in vertebrae.items()
        if vertebra.shape is not None and level not in exam.failed_labels
    }


def _add_ratios(measured: dict[str, Row], ok: Sequence[str], patient: Row) -> None:
    """Add each level's PDFF over the background's."""
    background = patient.get("pdff_bg_median_pct")
    if background:
        for level in ok:
            measured[level]["pdff_ratio_to_bg"] = measured[level]["pdff_median_pct"] / background


def _level_flags(
    measured: Mapping[str, Row],
    vertebrae: Mapping[str, Vertebra],
    exam: ExaminationData,
    settings: MeasureSettings,
) -> list[Flag]:
    flags = []
    for level, row in measured.items():
        note = exam.notes.get(level, LabelNote())
        found = note.flags if exam.names_verified else (*note.flags, BodyFlag(UNVERIFIED))
        own = quality_flags(level, row, settings)
        flagged = {flag.name for flag in own}
        body, shape = vertebrae[level].body, vertebrae[level].shape
        flags += own
        flags += label_flags(
            level,
            [flag for flag in found if flag.name not in flagged],
            drawn=note.drawn,
            cut_at_side=body.touches_side,
            stray_voxels=body.stray_voxels,
        )
        if shape is not None:
            flags += [Flag("label_doubt", words, level) for words in contradicted_heights(shape)]
    return flags


def _background(
    ok: Sequence[str], measured: Mapping[str, Row], flags: Sequence[Flag], fractures: Fractures
) -> list[str]:
    """Return the levels fractured neither by the sheet nor by their shape that passed quality control."""
    failed = _disqualified(flags)
    return [
        level
        for level in ok
        if fractures.status(level) not in FRACTURED
        and measured[level].get("genant_grade") == 0
        and level not in failed
    ]


def _disqualified(flags: Sequence[Flag]) -> dict[str, str]:
    """Return the names of the disqualifying flags of each level that has any."""
    failed = [flag for flag in flags if flag.disqualifies]
    return {level: names(found) for level, found in grouped(failed).items() if level is not None}


def _patient_columns(
    measured: Mapping[str, Row],
    background: Sequence[str],
    vertebrae: Mapping[str, Vertebra],
    exam: ExaminationData,
    settings: MeasureSettings,
) -> Row:
    columns = background_columns(measured, background, exam.fractures.treated, settings)
    columns |= target_columns(measured, exam.fractures.treated, columns.get("pdff_bg_median_pct"))
    shapes = _reliable_shapes(vertebrae, exam)
    for name, angle in (
        ("kyphosis_tl_deg", thoracolumbar_kyphosis_deg(shapes)),
        ("cobb_coronal_deg", coronal_cobb_deg(shapes)),
    ):
        if angle is not None:
            columns[name] = angle
    columns |= error_columns(
        columns,
        measured,
        background=background,
        treated=exam.fractures.treated,
        shapes=shapes,
        settings=settings,
    )
    return columns | t1_correction.background_columns(columns, exam.origin.acquisition)
