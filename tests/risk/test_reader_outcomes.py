"""Outcomes from the readings: what readers confirmed, and that absence is not agreement."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.outputs import CHANGE_COLUMNS
from qmri.pipeline.follow_up.outcomes import outcome_rows, write_outcomes
from qmri.pipeline.follow_up.visits import follow_ups, verdicts_fingerprint
from qmri.pipeline.reading.readings import Reading, append_reading
from qmri.pipeline.stages.risk import Tables, read_both

CHANGE = {column.name: "n/a" for column in CHANGE_COLUMNS} | {"session_before": "pre", "comparable": "1"}
SESSIONS = {"1": ["pre", "m12"]}


def change(level, word, *, session="m12", days="365", participant="1", evidence="n/a"):
    return CHANGE | {
        "participant_id": participant,
        "level": level,
        "session_after": session,
        "interval_days": days,
        "new_fracture": word,
        "evidence": evidence,
    }


def said(level, detail, *, session="m12", decision="new_fracture", read="first", participant="1"):
    name = f"sub-{participant}_ses-{session}"
    return Reading("2026-01-01T00:00:00Z", "AB", read, name, decision, level, detail)


def outcome(changes, readings=(), sessions=None, before=None):
    (row,) = outcome_rows(sessions or SESSIONS, follow_ups(changes, readings), before)
    return row


QUIET = (change("L1", "none"), change("L2", "known"))
CANDIDATE = (*QUIET, change("T12", "candidate", evidence="anterior height fell"))


@pytest.mark.parametrize(
    ("changes", "readings", "why"),
    [
        (QUIET, (), "not read for new fractures"),
        (QUIET, (said("", "", decision="confirm"),), "not read for new fractures"),
        (CANDIDATE, (), "no verdict on T12"),
        (CANDIDATE, (said("", "none"),), "no verdict on T12"),
        (CANDIDATE, (said("L1", "rejected"),), "no verdict on T12"),
        (CANDIDATE, (said("T12", "rejected", read="second"),), "no verdict on T12"),
        (CANDIDATE, (said("T12", "rejected"), said("T12", "open")), "no verdict on T12"),
        ((*CANDIDATE, change("T9", "unknown")), (said("T12", "rejected"),), "not judged: T9"),
        (CANDIDATE, (said("T12", "confirmed"), said("", "1", decision="shift")), "names were changed"),
        (
            CANDIDATE,
            (said("T12", "confirmed"), said("", "rename L1 T12", decision="undo")),
            "names were changed",
        ),
        (
            CANDIDATE,
            (said("T12", "confirmed"), said("", "second", decision="consensus")),
            "names were changed",
        ),
        (
            CANDIDATE,
            (said("T12", "rejected"), said("", "1", decision="shift", session="pre")),
            "names were changed",
        ),
        ((change("L1", "unknown", evidence="the order of the sessions is not known: no date"),), (), "order"),
        ((), (), "no level of the sessions could be compared"),
    ],
)
def test_absence_is_not_agreement(changes, readings, why):
    row = outcome(changes, readings)
    assert "refracture" not in row
    assert why in row["reason"]


@pytest.mark.parametrize(
    ("changes", "readings"),
    [
        (QUIET, (said("", "none"),)),
        (CANDIDATE, (said("T12", "rejected"),)),
        (CANDIDATE, (said("T12", "confirmed"), said("T12", "rejected"))),
        ((*CANDIDATE, change("T9", "unknown")), (said("T12", "rejected"), said("", "none"))),
        (QUIET, (said("L2", "confirmed"), said("", "none"))),  # fractured before: nothing new
    ],
)
def test_no_new_fracture_where_a_reader_says_so(changes, readings):
    row = outcome(changes, readings)
    assert (row["refracture"], row["reader_confirmed"], row["outcome_status"]) == (0, 1, "followed")
    assert row["interval_days"] == 365


def test_a_confirmed_candidate_and_a_level_that_was_none():
    row = outcome(CANDIDATE, (said("T12", "confirmed"), said("L4", "confirmed")))
    assert (row["refracture"], row["refracture_levels"], row["reader_confirmed"]) == (1, "T12;L4", 1)


def test_a_fracture_confirmed_earlier_needs_no_second_verdict():
    changes = (
        change("T12", "candidate", session="m12"),
        change("T12", "candidate", session="m3", days="90"),
        change("L1", "none", session="m3", days="90"),
    )
    readings = (said("T12", "confirmed", session="m3"), said("", "none"))
    row = outcome(changes, readings, {"1": ["pre", "m12", "m3"]})
    assert (row["refracture_levels"], row["interval_days"], row["reason"]) == ("T12", 90, "")


def test_a_later_session_without_measurements_leaves_it_open():
    row = outcome(QUIET, (said("", "none"),), {"1": ["pre", "m12", "m24"]})
    assert "refracture" not in row
    assert row["reason"] == "1 later session without measurements"


def test_one_session_has_no_outcome():
    assert outcome((), (), {"1": ["pre"]}) == {"participant_id": "1", "reason": "no later session"}


def test_what_a_person_wrote_is_kept_and_what_readers_said_is_not():
    before = {
        "1": {
            "participant_id": "1",
            "outcome_status": "died",
            "last_contact_date": "2024-01-02",
            "refracture": "0",
            "reader_confirmed": "1",
            "reason": "n/a",
            "vas_1y": "n/a",
        }
    }
    row = outcome(CANDIDATE, (said("T12", "confirmed"),), before=before)
    assert (row["outcome_status"], row["last_contact_date"], row["refracture"]) == ("died", "2024-01-02", 1)


def test_the_fingerprint_of_the_verdicts_changes_with_them_alone():
    told = verdicts_fingerprint([said("T12", "confirmed")])
    assert verdicts_fingerprint([said("", "", decision="seen"), said("T12", "confirmed")]) == told
    assert verdicts_fingerprint([said("T12", "rejected")]) != told
    assert verdicts_fingerprint([]) == ""


def test_the_risk_model_reads_the_table_as_it_is(cohort, kit):
    """Readers confirm what is true of a simulated cohort; with the dates the events are the same."""
    true = {row["participant_id"]: row for row in kit.rows_of(cohort / "outcomes.csv")}
    changes = []
    for name, row in true.items():
        if row["outcome_status"] != "followed":
            continue
        levels = [] if row["refracture_levels"] == "n/a" else row["refracture_levels"].split(";")
        changes += [change("T8", "none", participant=name)]
        changes += [change(level, "candidate", participant=name) for level in levels]
        for level in levels:
            append_reading(cohort, said(level, "confirmed", participant=name))
        append_reading(cohort, said("", "none", participant=name))
    kit.write_rows(cohort / "markers" / "changes.csv", changes)
    table = write_outcomes(cohort)
    told = Tables(cohort / "markers", cohort / "clinical.csv", table)
    _, undated = read_both(told, kit.settings())
    assert not np.isfinite(undated.event).any()  # no date yet: nothing is assumed
    kit.edit(
        table,
        lambda row: row.update(followup_mri_date=true[row["participant_id"]]["followup_mri_date"]),
    )
    assert write_outcomes(cohort).read_text() == table.read_text()
    _, outcomes = read_both(told, kit.settings())
    _, known = read_both(kit.tables(cohort), kit.settings())
    assert outcomes.event[known.event == 1].sum() == (known.event == 1).sum() > 0


def test_without_the_tables_of_the_study_it_is_refused(tmp_path):
    with pytest.raises(QmriError, match=r"patients\.csv has not been made"):
        write_outcomes(tmp_path)
