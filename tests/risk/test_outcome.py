"""What counts as a new fracture within a year: each rule by a row written by hand."""

import datetime

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.pipeline.stages.risk import develop_files, read_both
from qmri.risk.cohort.outcome import decide, require_confirmed
from qmri.risk.tables.results import flow_counts, flow_rows

DAY0 = datetime.date(2022, 1, 1)


def day(number):
    return None if number is None else DAY0 + datetime.timedelta(days=number)


@pytest.mark.parametrize(
    ("status", "refracture", "mri", "contact", "event", "step"),
    [
        ("followed", 1, 365, 365, 1, "analysed"),
        ("followed", 1, 90, 90, 1, "analysed"),
        ("followed", 1, 455, 455, 1, "analysed"),
        ("followed", 1, 456, 456, None, "mri_late"),
        ("followed", 1, None, None, None, "no_mri"),
        ("followed", 0, 300, 300, 0, "analysed"),
        ("followed", 0, 455, 455, 0, "analysed"),
        ("followed", 0, 299, 299, None, "mri_early"),
        ("followed", 0, 456, 456, None, "mri_late"),
        ("followed", 0, None, 365, None, "no_mri"),
        ("followed", None, 365, 365, None, "no_reading"),
        ("died", None, None, 200, 0, "analysed"),
        ("died", 0, 100, 200, 0, "analysed"),
        ("died", None, None, None, 0, "analysed"),
        ("died", 1, 100, 200, 1, "analysed"),
        ("died", None, None, 700, None, "no_reading"),
        ("lost", None, None, 200, None, "lost"),
        ("lost", 0, 365, 365, None, "lost"),
        ("lost", 1, 120, 130, 1, "analysed"),
        (None, None, None, None, None, "no_outcome_row"),
    ],
)
def test_the_rules(status, refracture, mri, contact, event, step):
    row = {
        "outcome_status": status,
        "refracture": refracture,
        "followup_mri_date": day(mri),
        "last_contact_date": day(contact),
    }
    found = decide(row, DAY0, (), (300, 455), "participant 1")
    assert (found.event, found.step) == (event, step)


def test_a_level_treated_or_fractured_before_is_no_outcome():
    row = {"outcome_status": "followed", "refracture": 1, "followup_mri_date": day(365)}
    old = decide(row | {"refracture_levels": "L1"}, DAY0, {"L1"}, (300, 455), "")
    assert (old.event, old.levels, old.not_new) == (0, (), ("L1",))
    both = decide(row | {"refracture_levels": "L1; th12"}, DAY0, {"L1"}, (300, 455), "")
    assert (both.event, both.levels, both.not_new) == (1, ("T12",), ("L1",))


@pytest.mark.parametrize("confirmed", [0, None])
def test_a_fracture_that_no_reader_confirmed_is_refused_by_participant(confirmed):
    rows = {"7": {"refracture": 1, "reader_confirmed": confirmed}, "8": {"refracture": 0}}
    with pytest.raises(QmriError, match="not confirmed") as refusal:
        require_confirmed(rows, "outcomes.csv")
    assert "participants 7" in str(refusal.value)


def test_everybody_stands_in_the_flow_once(kit, cohort):
    kit.edit(cohort / "outcomes.csv", lambda row: row["participant_id"] != "0010")
    kit.edit(cohort / "clinical.csv", lambda row: row["participant_id"] != "0011")
    changes = {
        "0002": {"qc_pass": "0"},
        "0004": {"n_fx_acute": "4"},
        "0005": {"n_fx_acute": "0"},
        "0006": {"field_t": "1.5"},
        "0007": {"fat_model_id": "hamilton6"},
        "0008": {"recon_mode": "vendor"},
        "0009": {"status": "failed"},
    }
    kit.edit(
        cohort / "markers" / "patients.csv",
        lambda row: row.update(changes.get(row["participant_id"], {})) or row["participant_id"] != "0012",
    )
    kit.edit(
        cohort / "clinical.csv",
        lambda row: (
            row.update(
                {
                    n: "0"
                    for n in row
                    if n in ("severe_scoliosis", "infection_or_malignancy", "earlier_cement_or_fixation")
                }
            )
            if row["participant_id"] < "0013"
            else None
        ),
    )
    found, outcomes = read_both(kit.tables(cohort), kit.settings())
    expected = {
        "0002": "qc_failed",
        "0004": "too_many_fractures",
        "0005": "no_fracture",
        "0006": "other_field",
        "0007": "other_fat_model",
        "0008": "other_origin",
        "0009": "not_measured",
        "0011": "no_clinical_row",
        "0012": "no_markers",
    }
    assert {name: step for name, step in found.left.items() if name < "0013"} == expected
    rows = flow_rows(found, outcomes)
    assert [row["participant_id"] for row in rows] == [f"{number:04d}" for number in range(1, 561)]
    assert rows[9]["step"] == "no_outcome_row"
    counts = flow_counts(found, outcomes)
    assert sum(counts.values()) == 560
    assert counts["analysed"] == np.isfinite(outcomes.event).sum()


def test_lost_is_never_sound(kit, cohort):
    """Writing 0 for the lost changes nothing but a note."""
    _, before = read_both(kit.tables(cohort), kit.settings())
    kit.edit(
        cohort / "outcomes.csv",
        lambda row: row.update(refracture="0") if row["outcome_status"] == "lost" else None,
    )
    _, after = read_both(kit.tables(cohort), kit.settings())
    np.testing.assert_array_equal(before.event, after.event)
    assert any("lost is unknown" in note for note in after.notes)


def test_too_few_events_are_refused_with_the_reason_and_no_model(kit, cohort):
    kept = []

    def few(row):
        if row["refracture"] == "1":
            kept.append(1)
            if len(kept) > 21:
                row.update(refracture="0", refracture_levels="n/a")

    kit.edit(cohort / "outcomes.csv", few)
    with pytest.raises(QmriError, match="too few events") as refusal:
        develop_files(kit.tables(cohort), cohort / "risk", kit.settings())
    told = str(refusal.value)
    assert "at least 50" in told
    assert "affords" in told
    assert not (cohort / "risk").exists()
