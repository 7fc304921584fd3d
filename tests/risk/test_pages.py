"""The pages hold the numbers of the files, stand alone, can be read aloud, and decide nothing."""

import json
import re
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest

from qmri.config import Config
from qmri.errors import QmriError
from qmri.outputs.risk_columns import FLOW_STEPS
from qmri.pipeline.stages.risk import apply_files, develop_files, validate_files
from qmri.pipeline.stages.risk_of_study import develop_in_study
from qmri.pipeline.stages.risk_report import applied_pages, development_pages, validation_pages
from qmri.report.risk.cards import file_name
from qmri.report.risk.phrases import TERM_WORDS
from qmri.report.risk.risk_pages import development_page

VOID = {"meta", "img", "input", "link", "br"}
CAUTION = "No decision is to rest on this model before it has been validated on other patients."
DECIDING = (
    r"\b(should|must|recommend\w*|advis\w+|indicated|high[- ]risk|low[- ]risk|candidate|needs? treatment)\b"
)


class Page(HTMLParser):
    """Text, links and pictures of a page; every tag is closed."""

    def __init__(self, path):
        super().__init__()
        self.open, self.parts, self.links, self.tags = [], [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        assert not self.open
        self.text = " ".join("".join(self.parts).split())

    def handle_starttag(self, tag, attributes):
        own = dict(attributes)
        self.tags.append((tag, own))
        self.links += [own[key] for key in ("href", "src") if own.get(key)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.links += [value for key, value in attributes if key in ("href", "src") and value]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.parts.append(data.replace("\u00a0", " ") + " ")


@pytest.fixture(scope="module")
def report(developed):
    return Page(developed[0] / "report.html")


def card(developed, participant):
    return Page(developed[0] / "patients" / file_name(participant))


def test_every_patient_has_a_page_and_a_line_in_the_list(kit, developed):
    out, found = developed
    names = {path.name for path in (out / "patients").iterdir()}
    assert names == {file_name(name) for name in found.cohort.participants} | {"index.html"}
    index = Page(out / "patients" / "index.html")
    assert set(index.links) == (names - {"index.html"}) | {"../report.html"}
    for row in kit.rows_of(out / "risk_patients.csv")[:20]:
        risk, low, high = (f"{100 * float(row[key]):.1f} %" for key in ("risk", "risk_low", "risk_high"))
        assert f"{row['participant_id']} {risk} {low} {high}" in index.text


def test_pages_load_nothing_and_are_told_in_words(developed, report):
    out, _ = developed
    for page in (report, Page(out / "patients" / "index.html"), Page(out / "patients" / "0009.html")):
        outside = [link for link in page.links if not link.startswith("data:image/png;base64,")]
        assert all(re.fullmatch(r"(\.\./report|patients/index|[\w%.-]+)\.html", link) for link in outside)
        assert not re.search(r"https?://|@import|url\(|<script", page.source)
        pictures = [own for tag, own in page.tags if tag == "svg"]
        assert all(own.get("role") == "img" and len(own["aria-label"]) > 20 for own in pictures)


def test_the_report_holds_the_numbers_of_the_files(developed, report):
    out, _ = developed
    told = json.loads((out / "risk_performance.json").read_text(encoding="utf-8"))
    minus = {ord("-"): "\u2212"}
    for name, digits in (("auc_corrected", 3), ("auc_cv", 3), ("slope", 2), ("oe", 2)):
        value, low, high = (f"{told[name + end]:.{digits}f}" for end in ("", "_low", "_high"))
        assert f"{value} ({low} to {high})" in report.text
    assert f"{told['imaging_delta_auc']:+.3f}".translate(minus) in report.text
    assert f"{told['net_benefit_gain']:+.4f}".translate(minus) in report.text
    assert f"{told['brier']:.3f}" in report.text
    assert f"{told['sample_size']['patients_needed']} for {told['parameters']} parameters" in report.text
    for step, count in told["flow"].items():
        if step != "analysed":
            assert f"{count} participant" in report.text
            assert FLOW_STEPS[step] in report.text
    model = json.loads((out / "risk_model.json").read_text(encoding="utf-8"))
    for term in model["terms"]:
        assert f"{term['coefficient']:+.4g}".translate(minus) in report.text
        assert f"{term['odds_ratio_per_sd']:.2f} (" in report.text
    assert model["sha256"][:16] in report.text


def test_every_section_is_there_and_the_stamp_stands_everywhere(developed, report):
    out, found = developed
    assert found.sample.exploratory
    for heading in ("Sample size", "Model card", "TRIPOD+AI", "What imaging adds", "Scanners and subgroups"):
        assert f" {heading} " in report.text
    for page in (report, Page(out / "patients" / "index.html"), Page(out / "patients" / "0001.html")):
        assert "Exploratory." in page.text
        assert CAUTION in page.text


def test_no_page_of_a_patient_decides(developed):
    out, found = developed
    for name in ("index", *found.cohort.participants[:40]):
        text = Page(out / "patients" / f"{name}.html").text
        assert not re.search(DECIDING, text, re.IGNORECASE), name


def test_a_card_holds_the_risk_its_interval_and_its_levels(kit, developed):
    out, _ = developed
    levels = kit.rows_of(out / "risk_levels.csv")
    for row in kit.rows_of(out / "risk_patients.csv")[::97]:
        page = card(developed, row["participant_id"])
        low, high = (f"{100 * float(row[key]):.1f}" for key in ("risk_low", "risk_high"))
        assert f"{100 * float(row['risk']):.1f} % " in page.text
        assert f"{low} to {high} %" in page.text
        own = [level for level in levels if level["participant_id"] == row["participant_id"]]
        for level in own:
            risk, share = 100 * float(level["risk"]), 100 * float(level["share"])
            assert f"{level['level']} {risk:.1f} % {share:.0f} %" in page.text
        for name in filter(lambda each: each != "n/a", row["filled_terms"].split(";")):
            assert f"filled from the other terms: {TERM_WORDS[name]}" in page.text


def test_the_worked_example_of_the_docs_has_its_page(developed, repository):
    docs = (repository / "docs" / "risk.md").read_text(encoding="utf-8")
    risk, low, high = re.search(r"    (0\.\d+) \((0\.\d+) to (0\.\d+)\)\n", docs).groups()
    assert "risk/patients/0009.html" in docs
    told = re.search(r"Risk ([\d.]+) % 90 % interval ([\d.]+) to ([\d.]+) %", card(developed, "0009").text)
    assert [float(each) / 100 for each in told.groups()] == pytest.approx(
        [float(each) for each in (risk, low, high)], abs=0.001
    )


def test_the_methods_cite_what_they_list(report):
    _, _, rest = report.text.partition("For the Methods section")
    paragraph, _, references = rest.partition("[1] ")
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", paragraph) for n in group.split(", ")}
    listed = {1} | {int(n) for n in re.findall(r"\[(\d+)\] \w", references.partition("TRIPOD+AI")[0])}
    assert cited == listed


def test_shuffled_rows_give_the_same_bytes(kit, cohort, developed):
    out, _ = developed
    for table in ("markers/patients.csv", "markers/vertebrae.csv", "clinical.csv", "outcomes.csv"):
        rows = kit.rows_of(cohort / table)
        order = np.random.default_rng(1).permutation(len(rows))
        kit.write_rows(cohort / table, [rows[place] for place in order])
    again = cohort / "risk"
    develop_files(
        kit.tables(cohort), again, kit.settings(), partial(development_pages, markers=cohort / "markers")
    )
    for page in ("report.html", "patients/index.html", "patients/0001.html", "patients/0009.html"):
        assert (again / page).read_bytes() == (out / page).read_bytes()


def test_a_new_model_leaves_no_page_of_the_old_one(kit, developed, made, tmp_path):
    out = tmp_path / "risk"
    (out / "patients").mkdir(parents=True)
    for name in ("patients/gone.html", "report.html", "patients/notes.txt"):
        (out / name).write_text("old", encoding="utf-8")
    apply_files(developed[0] / "risk_model.json", kit.tables(made), out, kit.settings())
    assert not (out / "report.html").exists()
    assert [path.name for path in (out / "patients").iterdir()] == ["notes.txt"]


def test_a_refusal_writes_no_page(kit, cohort):
    kit.edit(cohort / "outcomes.csv", lambda row: row["refracture"] != "1")
    with pytest.raises(QmriError, match="too few events"):
        develop_files(kit.tables(cohort), cohort / "risk", kit.settings(), development_pages)
    assert not (cohort / "risk").exists()


def test_a_frozen_model_has_its_pages_too(kit, developed, made, tmp_path):
    out, _ = developed
    markers = made / "markers"
    model = out / "risk_model.json"
    found = validate_files(
        model, kit.tables(made), tmp_path / "v", kit.settings(), partial(validation_pages, markers=markers)
    )
    page = Page(tmp_path / "v" / "report.html")
    assert f"{found.auc.value:.3f} ({found.auc.low:.3f} to {found.auc.high:.3f})" in page.text
    assert CAUTION in page.text
    assert "TRIPOD" not in page.text
    apply_files(
        model, kit.tables(made), tmp_path / "a", kit.settings(), partial(applied_pages, markers=markers)
    )
    page = Page(tmp_path / "a" / "report.html")
    assert "outcome known" not in page.text
    assert "Exploratory." in page.text
    same = [Page(folder / "patients" / "0001.html").text for folder in (out, tmp_path / "a")]
    assert same[0].replace("the patients of the study", "the patients in these tables") == same[1]


def test_extrapolation_is_told_on_the_card(kit, cohort, developed, tmp_path):
    out, _ = developed
    kit.edit(
        cohort / "clinical.csv",
        lambda row: row.update(age_years="103") if row["participant_id"] == "0001" else None,
    )
    pages = partial(applied_pages, markers=cohort / "markers")
    apply_files(out / "risk_model.json", kit.tables(cohort), tmp_path / "a", kit.settings(), pages)
    page = Page(tmp_path / "a" / "patients" / "0001.html")
    assert "Extrapolated:" in page.text
    assert "(Age)" in page.text
    assert "103 years out of range" in page.text


def test_names_of_participants_are_escaped(kit, cohort, developed):
    for table in ("markers/patients.csv", "markers/vertebrae.csv", "clinical.csv", "outcomes.csv"):
        kit.edit(
            cohort / table,
            lambda row: row.update(participant_id="<b>x") if row["participant_id"] == "0001" else None,
        )
    pages = partial(applied_pages, markers=cohort / "markers")
    apply_files(developed[0] / "risk_model.json", kit.tables(cohort), cohort / "risk", kit.settings(), pages)
    page = Page(cohort / "risk" / "patients" / "%3Cb%3Ex.html")
    assert "Participant <b>x" in page.text
    assert "%253Cb%253Ex.html" in Page(cohort / "risk" / "patients" / "index.html").links


def test_a_model_that_is_not_useful_says_so_first_and_on_every_card(developed, tmp_path, made):
    _, found = developed
    idle = replace(found, performance=replace(found.performance, useful=False))
    development_pages(idle, tmp_path, made / "markers")
    for name in ("report.html", "patients/index.html", "patients/0001.html"):
        page = Page(tmp_path / name)
        assert "does not tell enough to be useful" in page.text.partition("Who was analysed")[0]
        assert "Useful by its own rule , in" not in page.text


def test_a_model_within_the_criteria_has_no_stamp(developed):
    _, found = developed
    enough = replace(
        found,
        sample=replace(found.sample, needed=found.sample.n),
        model=replace(found.model, exploratory=False),
    )
    text = development_page(enough, "0" * 64, "patients/index.html")
    assert "xploratory" not in text
    assert "Enough by the criteria." in text


def test_a_model_of_clinical_terms_alone_has_no_part_on_imaging(kit, cohort):
    pages = partial(development_pages, markers=cohort / "markers")
    develop_files(kit.tables(cohort), cohort / "risk", kit.settings(imaging_terms=[]), pages)
    page = Page(cohort / "risk" / "report.html")
    assert "What imaging adds" not in page.text
    assert "(imaging)" not in page.text
    assert "its clinical terms alone" not in page.text


def test_a_slope_of_risks_that_are_all_alike_is_not_left_without_a_word(developed, report):
    _, found = developed
    assert "nearly the same risk" not in report.text
    flat = replace(found.risks, linear=0.01 * found.risks.linear)
    assert "nearly the same risk" in development_page(
        replace(found, risks=flat), "0" * 64, "patients/index.html"
    )


def test_a_refusal_in_a_study_takes_the_old_pages_away(tmp_path):
    patients = tmp_path / "risk" / "patients"
    patients.mkdir(parents=True)
    for path in (patients.parent / "report.html", patients / "0001.html"):
        path.write_text("of an earlier model", encoding="utf-8")
    assert not develop_in_study(tmp_path / "study.csv", tmp_path, Config(), development_pages)
    assert [path.name for path in patients.parent.rglob("*") if path.is_file()] == ["risk_record.json"]
