"""The worked example of docs/risk.md: its lines run, and its figures are those of the simulated cohort."""

import re

import pytest


@pytest.fixture
def page(repository):
    return (repository / "docs" / "risk.md").read_text(encoding="utf-8")


def test_the_risk_is_recomputed_from_the_model_file_by_the_lines_of_the_page(
    page, cohort, developed, kit, monkeypatch, capsys
):
    out, _ = developed
    (cohort / "risk").symlink_to(out)
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    monkeypatch.chdir(cohort)
    names = {}
    exec(code, names)
    row = next(row for row in kit.rows_of(out / "risk_patients.csv") if row["participant_id"] == "0009")
    for name, column in (("risk", "risk"), ("low", "risk_low"), ("high", "risk_high")):
        assert names[name] == pytest.approx(float(row[column]), abs=1e-5)
    assert row["filled_terms"] == "tscore_lowest"
    printed = capsys.readouterr().out.strip()
    assert f"    {printed}\n" in page
    assert f"has a risk of {printed}" in page


def test_the_sample_of_the_page_is_that_of_the_cohort(page, developed):
    _, found = developed
    sample = found.sample
    assert f"events:      {sample.events} of {sample.n} " in page
    assert f"affords {sample.affordable:.1f} at an AUC" in page
    assert f"need {sample.needed} patients" in page
    assert f"apparent {found.performance.apparent.auc:.3f}" in page
