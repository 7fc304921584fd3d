"""The levels of a patient: which can fracture anew, and what their shares of the risk rest on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from qmri.measure.marrow.background import steps_to_nearest
from qmri.measure.quality.flags import FRACTURED
from qmri.risk.regression.conditional_logit import LEVEL_TERMS, PatientLevels, cranial_first, level_terms
from qmri.risk.tables.marker_tables import Cells, number
from qmri.spine.levels import parse_level


def patient_levels(levels: Sequence[Cells], patient: Cells) -> PatientLevels:
    """Return the levels neither treated nor fractured, cranial to caudal, with their terms.

    A level out of view can fracture too; its marrow counts as the patient's background.

    Parameters
    ----------
    levels, patient
        Rows of vertebrae.csv and the row of patients.csv.
    """
    treated = tuple(parse_level(row["level"]) for row in levels if row["fracture_status"] == "treated_target")
    treated = treated or tuple(
        parse_level(row["level"]) for row in levels if row["fracture_status"] == "acute"
    )
    at_risk = {parse_level(row["level"]): row for row in levels if row["fracture_status"] not in FRACTURED}
    names = tuple(sorted(at_risk, key=cranial_first))
    background = number(patient, "pdff_bg_median_pct")
    if background is None:
        own = [value for row in at_risk.values() if (value := number(row, "pdff_median_pct")) is not None]
        background = float(np.median(own)) if own else None
    terms = []
    for name in names:
        pdff = number(at_risk[name], "pdff_median_pct")
        above = None if pdff is None or background is None else pdff - background
        terms.append(level_terms(name, steps_to_nearest(name, treated), above))
    return PatientLevels(
        names, np.array(terms).reshape(len(names), len(LEVEL_TERMS)), np.zeros(len(names), np.bool_)
    )


def fractured_levels(levels: Sequence[Cells], kinds: Collection[str]) -> float | None:
    """Return how many levels have one of the states, None where the study sheet says nothing."""
    states = [row["fracture_status"] for row in levels]
    if not states or all(state == "unknown" for state in states):
        return None
    return float(sum(state in kinds for state in states))
