"""The files of a model: what they hold, that they agree with each other and with nothing else."""

import json
import random
import shutil

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.outputs import RISK_FILES, RISK_PAGES
from qmri.pipeline.stages.risk import apply_files, develop_files, read_both, validate_files
from qmri.risk.development import develop
from qmri.risk.tables.model_file import content_hash, read_model
from qmri.simulate.cohort.cohort_writer import simulate_cohort
from qmri.simulate.cohort.patients import CohortOptions

KEYS = {
    "n",
    "events",
    "parameters",
    "auc_apparent",
    "auc_corrected",
    "auc_corrected_low",
    "auc_corrected_high",
}
KEYS |= {"auc_cv", "auc_cv_low", "auc_cv_high", "slope", "intercept", "oe", "brier", "ici", "useful"}
KEYS |= {"imaging_lr_p", "imaging_delta_auc", "exploratory"}


def risks_of(kit, folder):
    return {row["participant_id"]: float(row["risk"]) for row in kit.rows_of(folder / "risk_patients.csv")}


def test_every_registered_file_is_written_with_its_dictionary(kit, developed):
    out, _ = developed
    assert {path.name for path in out.iterdir()} - {
        "risk_patients.json",
        "risk_levels.json",
        "risk_flow.json",
    } == set(RISK_FILES) | {page.split("/")[0] for page in RISK_PAGES}
    for name in ("risk_patients", "risk_levels", "risk_flow"):
        described = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        assert list(described) == list(kit.rows_of(out / f"{name}.csv")[0])


def test_the_performance_has_its_keys_and_they_are_in_order(developed):
    out, found = developed
    told = json.loads((out / "risk_performance.json").read_text(encoding="utf-8"))
    assert set(told) >= KEYS
    assert told["events"] == np.nansum(found.outcomes.event)
    assert told["auc_apparent"] > told["auc_corrected"] > 0.6
    assert told["auc_corrected_low"] < told["auc_corrected"] < told["auc_corrected_high"]
    assert told["exploratory"] is True


def test_levels_multiply_back_to_the_patient(kit, developed):
    out, _ = developed
    product = {}
    for row in kit.rows_of(out / "risk_levels.csv"):
        product[row["participant_id"]] = product.get(row["participant_id"], 1.0) * (1 - float(row["risk"]))
    risk = risks_of(kit, out)
    assert set(product) == set(risk)
    assert max(abs(1 - product[name] - risk[name]) for name in risk) < 1e-9


def test_no_treated_or_fractured_level_has_a_risk(kit, developed, made):
    out, _ = developed
    before = {
        (row["participant_id"], row["level"])
        for row in kit.rows_of(made / "markers" / "vertebrae.csv")
        if row["fracture_status"] != "none"
    }
    assert not before & {
        (row["participant_id"], row["level"]) for row in kit.rows_of(out / "risk_levels.csv")
    }


def test_risks_lie_in_their_intervals_and_those_who_are_lost_have_one_too(kit, developed):
    out, found = developed
    for row in kit.rows_of(out / "risk_patients.csv"):
        assert 0 < float(row["risk_low"]) < float(row["risk"]) < float(row["risk_high"]) < 1
    assert len(risks_of(kit, out)) == len(found.cohort.participants) > len(found.analysed)


def test_apply_reproduces_the_risks_of_the_development(kit, developed, made, tmp_path):
    out, _ = developed
    apply_files(out / "risk_model.json", kit.tables(made), tmp_path / "applied", kit.settings())
    again, first = risks_of(kit, tmp_path / "applied"), risks_of(kit, out)
    assert again.keys() == first.keys()
    assert max(abs(again[name] - first[name]) for name in first) < 1e-9
    levels = [kit.rows_of(folder / "risk_levels.csv") for folder in (out, tmp_path / "applied")]
    assert levels[0] == levels[1]


def test_apply_opens_no_outcomes(kit, developed, cohort, tmp_path):
    out, _ = developed
    (cohort / "outcomes.csv").write_text("not a table", encoding="utf-8")
    apply_files(out / "risk_model.json", kit.tables(cohort), tmp_path / "applied", kit.settings())


def test_shuffled_rows_and_no_follow_up_rows_give_the_same_bytes(kit, developed, cohort):
    out, _ = developed
    for name in ("markers/patients.csv", "markers/vertebrae.csv", "clinical.csv", "outcomes.csv"):
        rows = [row for row in kit.rows_of(cohort / name) if row.get("session_id", "pre") == "pre"]
        random.Random(5).shuffle(rows)
        kit.write_rows(cohort / name, rows)
    develop_files(kit.tables(cohort), cohort / "risk", kit.settings())
    for name in RISK_FILES:
        assert (cohort / "risk" / name).read_bytes() == (out / name).read_bytes(), name


def test_follow_up_markers_change_nothing(kit, developed, cohort):
    out, _ = developed
    kit.edit(
        cohort / "markers" / "patients.csv",
        lambda row: row.update(pdff_bg_level_adj_pct="99") if row["session_id"] != "pre" else None,
    )
    develop_files(kit.tables(cohort), cohort / "risk", kit.settings())
    assert (cohort / "risk" / "risk_model.json").read_bytes() == (out / "risk_model.json").read_bytes()


def test_ten_patients_out_of_range_are_flagged_and_few_others(kit, developed, tmp_path):
    out, _ = developed
    new = tmp_path / "new"
    simulate_cohort(new, CohortOptions(seed=77, excluded_share=0.0), "")
    odd = {f"{number:04d}" for number in range(1, 11)}
    kit.edit(
        new / "markers" / "patients.csv",
        lambda row: row.update(pdff_bg_level_adj_pct="97") if row["participant_id"] in odd else None,
    )
    apply_files(out / "risk_model.json", kit.tables(new), tmp_path / "applied", kit.settings())
    flagged = {
        r["participant_id"]: r
        for r in kit.rows_of(tmp_path / "applied" / "risk_patients.csv")
        if "extrapolated" in r["flags"]
    }
    assert odd <= set(flagged)
    assert len(flagged) - 10 < 0.05 * 550
    assert flagged["0001"]["extrapolated_terms"].split(";")[0] == "pdff_bg_level_adj_pct"


@pytest.mark.parametrize(
    ("column", "value"), [("field_t", "1.5"), ("fat_model_id", "hamilton6"), ("recon_mode", "vendor")]
)
def test_another_field_spectrum_or_origin_is_refused(kit, developed, cohort, tmp_path, column, value):
    out, _ = developed
    kit.edit(cohort / "markers" / "patients.csv", lambda row: row.update({column: value}))
    with pytest.raises(QmriError, match=column) as refusal:
        apply_files(out / "risk_model.json", kit.tables(cohort), tmp_path / "applied", kit.settings())
    assert value in str(refusal.value)
    assert refusal.value.remedy
    assert not (tmp_path / "applied").exists()


def test_a_model_that_was_edited_is_refused(kit, developed, made, tmp_path):
    out, _ = developed
    path = tmp_path / "risk_model.json"
    content = json.loads((out / "risk_model.json").read_text(encoding="utf-8"))
    content["intercept"] += 0.5
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(QmriError, match="changed after it was written"):
        apply_files(path, kit.tables(made), tmp_path / "applied", kit.settings())


def test_the_file_is_the_model(developed):
    out, found = developed
    read = read_model(out / "risk_model.json")
    for name in ("coefficients", "covariance", "reliability", "lowest", "highest"):
        np.testing.assert_array_equal(getattr(read, name), getattr(found.model, name))
    content = json.loads((out / "risk_model.json").read_text(encoding="utf-8"))
    told = content.pop("sha256")
    assert content_hash(content) == told


def test_no_name_date_or_path_is_in_the_model(developed, made):
    text = (developed[0] / "risk_model.json").read_text(encoding="utf-8")
    assert str(made) not in text
    assert "2021-" not in text
    assert '0001"' not in text


def test_a_validation_on_new_patients_says_what_is_true_of_them(kit, developed, tmp_path):
    out, _ = developed
    new = tmp_path / "new"
    simulate_cohort(new, CohortOptions(seed=5), "")
    found = validate_files(out / "risk_model.json", kit.tables(new), tmp_path / "validation", kit.settings())
    told = json.loads((tmp_path / "validation" / "risk_performance.json").read_text(encoding="utf-8"))
    assert told["kind"] == "validation"
    assert told["events"] == found.y.sum()
    assert 0.6 < told["auc"] < 0.85
    assert told["auc_low"] < told["auc"] < told["auc_high"]


def test_a_term_missing_in_everybody_is_refused_by_name(kit, cohort):
    kit.edit(cohort / "clinical.csv", lambda row: row.update(tscore_lowest="n/a"))
    found, outcomes = read_both(kit.tables(cohort), kit.settings())
    with pytest.raises(QmriError, match="tscore_lowest is missing in every patient"):
        develop(found, outcomes, kit.settings().risk)


def test_a_term_that_is_the_same_in_everybody_is_told(kit, cohort):
    kit.edit(cohort / "clinical.csv", lambda row: row.update(glucocorticoid="0"))
    found = develop_files(kit.tables(cohort), cohort / "risk", kit.settings())
    assert any("glucocorticoid is 0 in everybody" in note for note in found.cohort.notes)
    place = [term.name for term in found.model.terms].index("glucocorticoid")
    assert found.model.coefficients[1 + place] == pytest.approx(0, abs=1e-9)


def test_results_lie_only_where_they_were_asked_for(kit, cohort):
    develop_files(kit.tables(cohort), cohort / "deep" / "risk", kit.settings())
    assert [path.name for path in (cohort / "deep").iterdir()] == ["risk"]
    shutil.rmtree(cohort / "deep")
