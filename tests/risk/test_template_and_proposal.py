"""Tables to fill in, outcomes proposed from images, and the command line."""

import json

import pytest

from qmri.cli import main
from qmri.config import Config
from qmri.errors import QmriError
from qmri.outputs import CHANGE_COLUMNS, CLINICAL_COLUMNS, OUTCOME_COLUMNS
from qmri.pipeline.stages.risk import Tables, develop_files, read_both
from qmri.pipeline.stages.risk_of_study import propose_outcomes
from qmri.risk.tables.proposal import proposed_rows
from qmri.risk.tables.sheets import parse_value

CHANGE = {column.name: "n/a" for column in CHANGE_COLUMNS} | {"session_before": "pre", "comparable": "1"}


def change(participant, level, days, verdict, session="m12", evidence="n/a"):
    return CHANGE | {
        "participant_id": participant,
        "level": level,
        "session_after": session,
        "interval_days": str(days),
        "new_fracture": verdict,
        "evidence": evidence,
    }


def proposed(*changes):
    names = list(dict.fromkeys(row["participant_id"] for row in changes)) or ["1"]
    return {row["participant_id"]: row for row in proposed_rows(names, changes, "pre", (300, 455))}


@pytest.mark.parametrize(("days", "refracture"), [(60, 1), (365, 1), (455, 1), (456, None)])
def test_a_candidate_up_to_day_455_proposes_a_fracture(days, refracture):
    row = proposed(
        change("1", "L2", days, "candidate", evidence="height fell"), change("1", "L3", days, "none")
    )
    assert row["1"].get("refracture") == refracture
    if refracture:
        assert (row["1"]["refracture_levels"], row["1"]["reader_confirmed"]) == ("L2", 0)
        assert "height fell" in row["1"]["proposal"]


@pytest.mark.parametrize(("days", "refracture"), [(299, None), (300, 0), (455, 0), (456, None)])
def test_no_candidate_proposes_none_in_the_window_alone(days, refracture):
    row = proposed(change("1", "L2", days, "none"), change("1", "L1", days, "known"))["1"]
    assert row.get("refracture") == refracture
    assert row.get("outcome_status") == ("followed" if refracture == 0 else None)


def test_a_level_that_was_not_compared_leaves_it_open():
    row = proposed(change("1", "L2", 365, "none"), change("1", "T9", 365, "unknown"))["1"]
    assert "refracture" not in row
    assert "T9" in row["proposal"]


def test_an_earlier_positive_session_counts_before_a_later_negative_one():
    row = proposed(
        change("1", "L2", 365, "none", "m12"),
        change("1", "L2", 90, "candidate", "m3"),
        change("1", "T12", 90, "candidate", "m3"),
    )["1"]
    assert (row["refracture"], row["refracture_levels"]) == (1, "T12;L2")


def test_changes_from_another_session_and_without_a_date_propose_nothing():
    other = change("1", "L2", 365, "candidate") | {"session_before": "m3"}
    assert "refracture" not in proposed(other)["1"]
    assert "refracture" not in proposed(change("1", "L2", "n/a", "candidate"))["1"]


@pytest.fixture
def study(cohort, kit):
    """A cohort whose changes say what the readers found."""
    rows = []
    for row in kit.rows_of(cohort / "outcomes.csv"):
        if row["outcome_status"] == "followed":
            levels = row["refracture_levels"].split(";")
            rows += [
                change(row["participant_id"], level, 365, "candidate" if level in levels else "none")
                for level in ("T12", "L1", "L2", *levels)
                if level != "n/a"
            ]
    kit.write_rows(cohort / "markers" / "changes.csv", rows)
    return cohort


def test_a_proposal_is_refused_until_a_reader_has_confirmed_each_row(study, kit):
    true = {row["participant_id"]: row for row in kit.rows_of(study / "outcomes.csv")}
    out = study / "proposed.csv"
    assert propose_outcomes(study, out, Config().risk) == sum(
        row["refracture"] == "1" for row in true.values()
    )
    told = Tables(study / "markers", study / "clinical.csv", out)
    with pytest.raises(QmriError, match="not confirmed"):
        read_both(told, kit.settings())
    date = {"followup_mri_date", "outcome_status"}
    kit.edit(
        out,
        lambda row: row.update(
            {name: true[row["participant_id"]][name] for name in date}, reader_confirmed="1"
        ),
    )
    _, outcomes = read_both(told, kit.settings())
    _, known = read_both(kit.tables(study), kit.settings())
    assert outcomes.event[known.event == 1].sum() == (known.event == 1).sum()
    with pytest.raises(QmriError, match="not written over"):
        propose_outcomes(study, out, Config().risk)


def test_a_proposal_of_no_fracture_needs_a_reader_too(study, kit):
    out = study / "proposed.csv"
    propose_outcomes(study, out, Config().risk)
    kit.edit(out, lambda row: row.update(reader_confirmed="1") if row["refracture"] == "1" else None)
    with pytest.raises(QmriError, match="not confirmed"):
        read_both(Tables(study / "markers", study / "clinical.csv", out), kit.settings())


def test_the_templates_hold_every_column_and_participant_with_a_dictionary(made, kit, tmp_path, capsys):
    assert main(["risk", "template", str(tmp_path / "t"), "--results", str(made)]) == 0
    for name, columns in (("clinical", CLINICAL_COLUMNS), ("outcomes", OUTCOME_COLUMNS)):
        rows = kit.rows_of(tmp_path / "t" / f"{name}.csv")
        assert [row["participant_id"] for row in rows] == [f"{n:04d}" for n in range(1, 561)]
        described = json.loads((tmp_path / "t" / f"{name}.json").read_text(encoding="utf-8"))
        assert list(rows[0]) == list(described) == [column.name for column in columns]
        assert all(
            entry["known_at"] in ("preoperative", "operation", "follow-up") for entry in described.values()
        )
    assert main(["risk", "template", str(tmp_path / "t")]) == 1
    assert "not written over" in capsys.readouterr().err


def test_the_commands_from_a_simulated_cohort_to_risks(tmp_path, kit, capsys):
    cohort, out = tmp_path / "cohort", tmp_path / "risk"
    assert main(["simulate", str(cohort), "--cohort", "560"]) == 0
    told = [str(cohort / "markers"), "--clinical", str(cohort / "clinical.csv")]
    outcomes = ["--outcomes", str(cohort / "outcomes.csv")]
    settings = tmp_path / "config.yaml"
    settings.write_text("risk: {bootstrap_samples: 20, cross_validation_repeats: 1}\n")
    quick = ["--config", str(settings)]
    assert main(["risk", "check", *told, *outcomes]) == 0
    assert "EXPLORATORY" in capsys.readouterr().out
    assert main(["risk", "develop", *told, *outcomes, "--out", str(out), *quick]) == 0
    assert "No decision is to rest" in capsys.readouterr().out
    model = str(out / "risk_model.json")
    assert main(["risk", "apply", model, *told, "--out", str(tmp_path / "applied")]) == 0
    assert main(["risk", "validate", model, *told, *outcomes, "--out", str(tmp_path / "validation")]) == 0
    assert (tmp_path / "applied" / "risk_patients.csv").read_bytes() == (
        out / "risk_patients.csv"
    ).read_bytes()
    assert main(["risk", "develop", *told, "--out", str(out)]) == 1
    assert "--outcomes is missing" in capsys.readouterr().err


def test_too_few_events_end_the_check_with_a_reason(tmp_path, capsys):
    cohort = tmp_path / "cohort"
    assert main(["simulate", str(cohort), "--cohort", "150"]) == 0
    told = [str(cohort / "markers"), "--clinical", str(cohort / "clinical.csv")]
    told += ["--outcomes", str(cohort / "outcomes.csv")]
    assert main(["risk", "check", *told]) == 1
    assert main(["risk", "develop", *told, "--out", str(tmp_path / "risk")]) == 1
    assert "too few events" in capsys.readouterr().err
    assert not (tmp_path / "risk").exists()


def test_who_stands_on_one_side_only_is_named_by_the_check(cohort, kit, capsys):
    kit.edit(cohort / "clinical.csv", lambda row: row["participant_id"] != "0007")
    told = [str(cohort / "markers"), "--clinical", str(cohort / "clinical.csv")]
    assert main(["risk", "check", *told, "--outcomes", str(cohort / "outcomes.csv")]) == 0
    assert "in the markers but not in clinical.csv (participants 0007)" in capsys.readouterr().out


@pytest.mark.parametrize("group", ["clinical_terms", "imaging_terms"])
def test_a_model_of_one_group_of_terms_alone_says_nothing_of_the_other(cohort, kit, group):
    found = develop_files(kit.tables(cohort), cohort / "risk", kit.settings(**{group: []}))
    assert found.performance.imaging is None
    told = json.loads((cohort / "risk" / "risk_performance.json").read_text(encoding="utf-8"))
    assert told["imaging_lr_p"] is None
    assert told["parameters"] == (3 if group == "clinical_terms" else 7)


@pytest.mark.parametrize(
    "day", ["2021-05-11", "2021/5/11", "20210511", "2021-05-11 00:00:00", "2021-05-11T00:00"]
)
def test_days_with_the_year_first_are_one_day(day):
    column = next(column for column in CLINICAL_COLUMNS if column.name == "surgery_date")
    assert parse_value(day, column, "").isoformat() == "2021-05-11"
