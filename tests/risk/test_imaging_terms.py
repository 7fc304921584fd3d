"""Every marker of a patient can be a term of the risk model by the configuration alone."""

import numpy as np
import pytest

from qmri.config.risk_settings import RiskSettings
from qmri.errors import QmriError
from qmri.outputs import PATIENT_COLUMNS
from qmri.outputs.columns import PREOPERATIVE
from qmri.outputs.tables import read_rows
from qmri.pipeline.stages.risk import develop_files
from qmri.risk.terms import FROM_THE_SHEET, NO_MARKERS, resolve_terms

MISSING_SHARE = 0.1


def markers():
    """Columns of patients.csv that are numbers measured on the images before the operation."""
    return [
        column
        for column in PATIENT_COLUMNS
        if column.name not in NO_MARKERS
        and column.name not in FROM_THE_SHEET
        and column.unit not in (None, "levels")
        and column.levels is None
        and column.known_at in (None, PREOPERATIVE)
        and "_se_" not in column.name
        and column.source not in ("DICOM header", "study sheet")
    ]


def filled(folder, names, kit, constant=()):
    """Give every participant a plausible value of the columns, some participants none."""
    rng = np.random.default_rng(3)

    def change(row):
        for name in names:
            row[name] = "n/a" if rng.random() < MISSING_SHARE else f"{rng.normal(20, 5):.4g}"
        row.update(dict.fromkeys(constant, "n/a"))

    kit.edit(folder / "markers" / "patients.csv", change)


def test_the_registry_has_markers_beyond_marrow():
    names = {column.name for column in markers()}
    assert {"multifidus_pdff_median_pct", "psoas_functional_area_l4_ratio", "kyphosis_tl_deg"} <= names


@pytest.mark.parametrize("part", range(3))
def test_markers_are_terms_by_name_with_values_missing_in_some(cohort, kit, part):
    names = [column.name for column in markers()][part::3]
    filled(cohort, names, kit)
    out = cohort / "risk"
    develop_files(kit.tables(cohort), out, kit.settings(clinical_terms=["age_years"], imaging_terms=names))
    rows = read_rows(out / "risk_patients.csv")
    assert len(rows) > 500
    assert all(0 < float(row["risk"]) < 1 for row in rows)
    filled_in = {name for row in rows for name in row["filled_terms"].split(";")}
    assert set(names) <= filled_in


def test_a_marker_that_nobody_has_is_refused_by_name(cohort, kit):
    filled(cohort, [], kit, constant=["psoas_pdff_median_pct"])
    with pytest.raises(QmriError, match="psoas_pdff_median_pct"):
        develop_files(
            kit.tables(cohort), cohort / "risk", kit.settings(imaging_terms=["psoas_pdff_median_pct"])
        )


@pytest.mark.parametrize("name", ["void_target_cm3", "any_cement_leak"])
@pytest.mark.parametrize("moment", ["preoperative", "discharge"])
def test_what_the_follow_up_alone_shows_is_refused_by_name(name, moment):
    settings = RiskSettings(clinical_terms=(), imaging_terms=(name,), moment=moment)
    with pytest.raises(QmriError, match=name) as refusal:
        resolve_terms(settings, {}, ["participant_id", name])
    assert "known at follow-up" in str(refusal.value)


def test_what_is_found_of_fractures_before_the_operation_is_a_term():
    names = ("n_acute_suggested", "any_cleft", "oedema_target_frac")
    settings = RiskSettings(clinical_terms=(), imaging_terms=names)
    assert [term.name for term in resolve_terms(settings, {}, names)] == list(names)
