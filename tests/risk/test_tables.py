"""The tables are checked as DICOM is: each refusal names what is wrong, where, and what to do."""

import json
import shutil

import pytest

from qmri.errors import QmriError
from qmri.pipeline.stages.risk import develop_files, read_both
from qmri.risk.tables.marker_tables import preoperative_sessions

YES_NO = ("glucocorticoid", "antiosteoporosis_drug", "severe_scoliosis", "infection_or_malignancy")


def first(change):
    """Change the first row alone."""
    seen = []

    def once(row):
        if not seen:
            seen.append(1)
            row.update(change)

    return once


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("clinical", {"age_years": "seventy"}, ["age_years", "line 2", "a number"]),
        ("clinical", {"bmi_kg_m2": "23,5"}, ["bmi_kg_m2", "23.5"]),
        ("clinical", {"bmi_kg_m2": "inf"}, ["bmi_kg_m2", "finite"]),
        ("clinical", {"glucocorticoid": "2"}, ["glucocorticoid", "0 or 1"]),
        ("clinical", {"sex": "woman"}, ["sex", "F, M"]),
        ("clinical", {"age_years": "840"}, ["age_years", "0 to 150 years"]),
        ("clinical", {"tscore_lowest": "650"}, ["tscore_lowest", "-15 to 15"]),
        ("clinical", {"surgery_date": "03/04/2022"}, ["surgery_date", "YYYY-MM-DD"]),
        ("clinical", {"surgery_date": "2022-02-30"}, ["surgery_date", "YYYY-MM-DD"]),
        ("clinical", {"participant_id": "0002"}, ["participant 0002 has two rows"]),
        ("clinical", {"participant_id": "n/a"}, ["no participant_id"]),
        ("outcomes", {"outcome_status": "alive"}, ["outcome_status", "followed, died, lost"]),
        (
            "outcomes",
            {"outcome_status": "n/a", "refracture": "1"},
            ["outcome_status is missing", "participant 0001"],
        ),
        ("outcomes", {"followup_mri_date": "1999-01-01"}, ["followup_mri_date lies before the operation"]),
        ("outcomes", {"odi_1y_pct": "140"}, ["odi_1y_pct", "0 to 100"]),
        ("outcomes", {"refracture_levels": "L9", "refracture": "1"}, ["refracture_levels", "L9"]),
    ],
)
def test_a_wrong_cell_is_refused_by_place_and_remedy(kit, cohort, table, change, says):
    kit.edit(
        cohort / f"{table}.csv", first(change | ({"reader_confirmed": "1"} if table == "outcomes" else {}))
    )
    with pytest.raises(QmriError) as refusal:
        read_both(kit.tables(cohort), kit.settings())
    told = str(refusal.value)
    assert all(word in told for word in says), told
    assert "expected" in told or "remedy" in told


def test_no_date_of_a_cell_is_repeated_in_a_message(kit, cohort):
    kit.edit(cohort / "clinical.csv", first({"surgery_date": "13.07.2022"}))
    with pytest.raises(QmriError) as refusal:
        read_both(kit.tables(cohort), kit.settings())
    assert "13.07" not in str(refusal.value)


@pytest.mark.parametrize(
    ("table", "column"),
    [("clinical", "surgery_date"), ("outcomes", "outcome_status"), ("outcomes", "refracture")],
)
def test_a_lacking_column_is_named(kit, cohort, table, column):
    kit.edit(cohort / f"{table}.csv", lambda row: row.pop(column) and None)
    with pytest.raises(QmriError, match=f"lacks the column {column}"):
        read_both(kit.tables(cohort), kit.settings())


def test_a_lacking_term_is_named(kit, cohort):
    kit.edit(cohort / "clinical.csv", lambda row: row.pop("bmi_kg_m2") and None)
    with pytest.raises(QmriError, match="bmi_kg_m2"):
        read_both(kit.tables(cohort), kit.settings())


@pytest.mark.parametrize(
    "name", ["clinical.csv", "outcomes.csv", "markers/patients.csv", "markers/vertebrae.csv"]
)
def test_a_lacking_table_is_named(kit, cohort, name):
    (cohort / name).unlink()
    with pytest.raises(QmriError, match=r"missing") as refusal:
        read_both(kit.tables(cohort), kit.settings())
    assert refusal.value.remedy


def add_trap(kit, cohort, dictionary):
    """A column that knows the outcome: pain on the follow-up visit."""
    events = {row["participant_id"]: row["refracture"] for row in kit.rows_of(cohort / "outcomes.csv")}
    kit.edit(
        cohort / "clinical.csv",
        lambda row: row.update(new_pain="1" if events[row["participant_id"]] == "1" else "0"),
    )
    path = cohort / "clinical.json"
    if dictionary is None:
        path.unlink()
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | dictionary), encoding="utf-8")


@pytest.mark.parametrize(
    "dictionary",
    [
        None,
        {},
        {"new_pain": {}},
        {"new_pain": {"known_at": "whenever"}},
        {"new_pain": {"known_at": "follow-up"}},
    ],
)
def test_a_term_of_later_or_unknown_origin_is_refused_by_name(kit, cohort, dictionary):
    add_trap(kit, cohort, dictionary)
    terms = {"clinical_terms": ["age_years", "sex", "new_pain"]}
    with pytest.raises(QmriError, match="new_pain") as refusal:
        develop_files(kit.tables(cohort), cohort / "risk", kit.settings(**terms))
    assert "known" in str(refusal.value)
    assert refusal.value.remedy
    assert not (cohort / "risk").exists()


@pytest.mark.parametrize("dictionary", [None, {}, {"new_pain": {"Description": "Pain."}}])
def test_a_further_column_of_unknown_origin_is_told_by_name_and_no_predictor(kit, cohort, dictionary):
    add_trap(kit, cohort, dictionary)
    found, _ = read_both(kit.tables(cohort), kit.settings())
    assert any("new_pain" in note and "known_at" in note for note in found.notes)


def test_a_term_of_words_is_refused_by_participant(kit, cohort):
    kit.edit(cohort / "clinical.csv", lambda row: row.update(surgeon="Dr A"))
    path = cohort / "clinical.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"surgeon": {"known_at": "preoperative"}}), encoding="utf-8")
    read_both(kit.tables(cohort), kit.settings())
    with pytest.raises(QmriError, match="surgeon is words"):
        read_both(kit.tables(cohort), kit.settings(clinical_terms=["age_years", "surgeon"]))


def test_a_further_number_without_a_unit_is_a_number(kit, cohort):
    kit.edit(cohort / "clinical.csv", lambda row: row.update(ctx="0.4"))
    path = cohort / "clinical.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"ctx": {"known_at": "preoperative"}}), encoding="utf-8")
    found, _ = read_both(kit.tables(cohort), kit.settings(clinical_terms=["age_years", "ctx"]))
    assert set(found.values[:, 1]) == {0.4}


def test_a_column_that_loses_its_known_at_is_refused_by_name(kit, cohort):
    path = cohort / "clinical.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["age_years"]["known_at"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(QmriError, match="age_years"):
        read_both(kit.tables(cohort), kit.settings())


def test_a_dictionary_cannot_make_a_later_column_an_earlier_one(kit, cohort):
    path = cohort / "clinical.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cement_leak_disc"]["known_at"] = "preoperative"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(QmriError, match="cement_leak_disc"):
        read_both(kit.tables(cohort), kit.settings(clinical_terms=["age_years", "cement_leak_disc"]))


def test_what_the_operation_showed_is_admitted_at_discharge_alone(kit, cohort):
    terms = {"clinical_terms": ["age_years", "cement_leak_disc", "procedure"]}
    with pytest.raises(QmriError, match="cement_leak_disc"):
        read_both(kit.tables(cohort), kit.settings(**terms))
    found, _ = read_both(kit.tables(cohort), kit.settings(moment="discharge", **terms))
    assert set(found.values[:, 1]) == set(found.values[:, 2]) == {0.0, 1.0}


def test_an_outcome_stays_one_whatever_a_dictionary_says(kit, cohort):
    kit.edit(cohort / "clinical.csv", lambda row: row.update(odi_1y_pct="20"))
    path = cohort / "clinical.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"odi_1y_pct": {"known_at": "preoperative"}}), encoding="utf-8")
    with pytest.raises(QmriError, match="odi_1y_pct"):
        read_both(kit.tables(cohort), kit.settings(clinical_terms=["age_years", "odi_1y_pct"]))


@pytest.mark.parametrize("name", ["odi_1y_pct", "refracture", "change_pdff", "fat_model_id"])
def test_outcomes_and_what_is_no_marker_are_no_terms(kit, cohort, name):
    with pytest.raises(QmriError, match=name):
        read_both(kit.tables(cohort), kit.settings(imaging_terms=[name]))


def test_a_further_column_with_its_dictionary_is_a_term_like_any_other(kit, cohort):
    kit.edit(
        cohort / "clinical.csv",
        lambda row: row.update(smoking="1" if row["participant_id"] > "0300" else "0"),
    )
    path = cohort / "clinical.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["smoking"] = {"Description": "Smokes.", "Units": "0/1", "known_at": "preoperative"}
    path.write_text(json.dumps(content), encoding="utf-8")
    found, _ = read_both(kit.tables(cohort), kit.settings(clinical_terms=["age_years", "smoking"]))
    assert [term.name for term in found.terms][:2] == ["age_years", "smoking"]
    assert set(found.values[:, 1]) == {0.0, 1.0}


def test_the_preoperative_session_is_the_named_one_or_the_only_one():
    sessions = {
        "a": ["pre", "m12"],
        "b": ["baseline"],
        "c": ["m12"],
        "d": ["x", "y"],
        "e": ["pre"],
    }
    assert preoperative_sessions(sessions, "pre") == {
        "a": "pre",
        "b": "baseline",
        "c": None,
        "d": None,
        "e": "pre",
    }


def test_a_follow_up_row_alone_is_no_predictor_and_counted(kit, cohort):
    kit.edit(
        cohort / "markers" / "patients.csv",
        lambda row: not (row["participant_id"] == "0002" and row["session_id"] == "pre"),
    )
    rows = kit.rows_of(cohort / "markers" / "patients.csv")
    kit.write_rows(
        cohort / "markers" / "patients.csv",
        [*rows, rows[0] | {"participant_id": "0002", "session_id": "m12"}],
    )
    found, _ = read_both(kit.tables(cohort), kit.settings())
    assert found.left["0002"] == "no_preoperative_session"


def test_an_examination_with_two_rows_is_refused(kit, cohort):
    rows = kit.rows_of(cohort / "markers" / "patients.csv")
    kit.write_rows(cohort / "markers" / "patients.csv", [*rows, rows[0]])
    with pytest.raises(QmriError, match="two rows"):
        read_both(kit.tables(cohort), kit.settings())


def test_tables_with_the_columns_of_the_reference_alone_are_enough(kit, cohort):
    """An earlier version, or another hand: no states, no errors of patients' markers, no names verified."""
    patient = ["participant_id", "session_id", "pdff_bg_level_adj_pct", "r2star_bg_level_adj_per_s"]
    patient += [
        "kyphosis_tl_deg",
        "n_fx_acute",
        "n_fx_old",
        "field_t",
        "recon_mode",
        "fat_model_id",
        "qc_pass",
    ]
    level = ["participant_id", "session_id", "level", "fracture_status", "in_background", "pdff_median_pct"]
    level += ["pdff_se_total_pct", "r2star_se_total_per_s", "r2star_median_per_s"]
    before, _ = read_both(kit.tables(cohort), kit.settings())
    for name, kept in (("patients", patient), ("vertebrae", level)):
        path = cohort / "markers" / f"{name}.csv"
        kit.write_rows(path, [{column: row[column] for column in kept} for row in kit.rows_of(path)])
    shutil.rmtree(cohort / "truth")
    after, _ = read_both(kit.tables(cohort), kit.settings())
    assert after.participants == before.participants
    for one, other in zip(after.errors.T, before.errors.T, strict=True):
        assert one == pytest.approx(other, rel=0.03)


def test_ids_with_the_prefix_of_bids_are_the_same(kit, cohort):
    kit.edit(cohort / "clinical.csv", lambda row: row.update(participant_id="sub-" + row["participant_id"]))
    found, _ = read_both(kit.tables(cohort), kit.settings())
    assert len(found.participants) > 500


def test_tables_of_two_studies_are_refused(kit, cohort):
    kit.edit(cohort / "clinical.csv", lambda row: row.update(participant_id="x" + row["participant_id"]))
    with pytest.raises(QmriError, match="no participant is in the markers and in the clinical table"):
        read_both(kit.tables(cohort), kit.settings())


def test_true_and_false_of_programs_are_1_and_0(cohort, kit):
    before, _ = read_both(kit.tables(cohort), kit.settings())
    words = {"1": "True", "0": "False"}
    kit.edit(
        cohort / "clinical.csv",
        lambda row: row.update({name: words.get(row[name], row[name]) for name in row if name in YES_NO}),
    )
    kit.edit(
        cohort / "markers" / "patients.csv",
        lambda row: row.update(qc_pass="False" if row["participant_id"] == "0001" else "True"),
    )
    after, _ = read_both(kit.tables(cohort), kit.settings())
    assert after.left["0001"] == "qc_failed"
    assert set(before.participants) - set(after.participants) == {"0001"}


def test_old_fractures_may_stand_in_both_tables(cohort, kit):
    kit.edit(cohort / "clinical.csv", lambda row: row.update(n_fx_old="9"))
    (cohort / "clinical.json").unlink()
    found, _ = read_both(kit.tables(cohort), kit.settings())
    place = [term.name for term in found.terms].index("n_fx_old")
    assert found.values[:, place].max() < 9
