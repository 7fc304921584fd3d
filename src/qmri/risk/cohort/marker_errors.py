"""The standard error of a patient's marker: given in patients.csv, else worked out, else repeatability."""

from __future__ import annotations

from collections.abc import Sequence

from qmri.config import MeasureSettings
from qmri.measure.marrow.background import ADJUSTED_REACH, REFERENCE_LEVEL
from qmri.measure.quality.patient_errors import angle_error_deg, error_of_mean
from qmri.risk.tables.marker_tables import Cells, is_yes, number
from qmri.risk.terms import Term
from qmri.spine.levels import parse_level, steps_between


def marker_error(term: Term, patient: Cells, levels: Sequence[Cells], measure: MeasureSettings) -> float:
    """Return the standard error of a term in the term's unit, 0 for a term that is no marker.

    Tables of an earlier version have no errors of the patient's markers: those of the levels give them.

    Parameters
    ----------
    term
        The predictor.
    patient, levels
        Row of patients.csv and rows of vertebrae.csv.
    measure
        Repeatability between scans.
    """
    if term.error is None:
        return 0.0
    given = number(patient, term.error)
    if given is not None:
        return given
    value = number(patient, term.name)
    if value is None:
        return 0.0
    if term.unit == "deg":
        return angle_error_deg(measure.repeatability_height_mm)
    if term.name.startswith("r2star"):
        share = measure.repeatability_r2star_share
        totals = _totals(levels, "r2star_se_total_per_s")
        own = [number(row, "r2star_median_per_s") or value for row in _background(levels)]
        repeats = [share * median for median in own[: len(totals)]]
        return error_of_mean(totals, repeats or [share * value])
    totals = _totals(levels, "pdff_se_total_pct")
    return error_of_mean(totals, [measure.repeatability_pdff_pct] * max(len(totals), 1))


def _background(levels: Sequence[Cells]) -> list[Cells]:
    return [
        row
        for row in levels
        if is_yes(row, "in_background")
        and abs(steps_between(parse_level(row["level"]), REFERENCE_LEVEL)) <= ADJUSTED_REACH
    ]


def _totals(levels: Sequence[Cells], name: str) -> list[float]:
    found = [number(row, name) for row in _background(levels)]
    return [value for value in found if value is not None]
