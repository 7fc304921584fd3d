"""The pages hold the numbers of the files, stand alone, can be read aloud, and decide nothing."""

import json
import re
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from qmri.config import Config
from qmri.config_risk import RiskSettings
from qmri.errors import QmriError
from qmri.levels import LEVEL_ID
from qmri.outputs import exam_directory, file_path
from qmri.outputs.risk_columns import FLOW_STEPS
from qmri.report.risk.axes import round_ticks
from qmri.report.risk.cards import file_name
from qmri.report.risk.contributions import contributions, log_odds_at_mean
from qmri.report.risk.curves import decision_svg
from qmri.report.risk.flow_chart import STAGES, flow_svg
from qmri.report.risk.nomogram import nomogram, nomogram_svg
from qmri.report.risk.page import development_page
from qmri.report.risk.picture import Anatomy, level_colour, levels_svg
from qmri.report.risk.stage import applied_pages, development_pages, validation_pages
from qmri.report.risk.tripod import checklist
from qmri.report.risk.words import TERM_WORDS, value_words
from qmri.risk.stage import apply_files, develop_files, validate_files
from qmri.risk.study import develop_in_study
from qmri.risk.terms import Term
from qmri.volumes import Volume, write_volume

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


def test_contributions_add_up_to_the_log_odds(developed):
    _, found = developed
    parts = contributions(found.model, found.cohort.values)
    sums = np.array([sum(part.logit for part in own) for own in parts]) + log_odds_at_mean(found.model)
    np.testing.assert_allclose(sums, found.risks.linear, atol=1e-9)
    first = {part.name: part for part in parts[0]}
    age = found.cohort.values[0][0]
    by_hand = found.model.coefficients[1] * (age - found.model.scale.mean[0])
    assert first["Age"].logit == pytest.approx(by_hand)
    assert first["Age"].value == f"{age:.1f}\u00a0years".replace(".0\u00a0", "\u00a0")


def test_the_nomogram_reads_off_the_risk_of_the_model(developed):
    _, found = developed
    scales = nomogram(found.model)
    known = np.isfinite(found.cohort.values).all(axis=1) & ~found.model.outside(found.cohort.values).any(
        axis=1
    )
    points = scales.points(found.cohort.values[known])
    assert points.min() > -1e-9
    assert points.max() < 100 + 1e-9
    assert scales.most.max() == pytest.approx(100)
    np.testing.assert_allclose(scales.risk(points.sum(axis=1)), found.risks.risk[known], atol=1e-12)
    assert scales.points_of(0.2) == pytest.approx(
        np.interp(0.2, scales.risk(np.arange(400.0)), np.arange(400.0)), abs=0.1
    )


def test_every_axis_of_the_nomogram_is_labelled_and_no_two_labels_touch(developed):
    _, found = developed
    axes = nomogram_svg(found.model).split('class="name"')[1:]
    assert len(axes) == len(found.model.terms) + 3
    for term, axis in zip(found.model.terms, axes[1:], strict=False):
        labels = re.findall(r'class="tick (\w*)" x="([\d.]+)"[^>]*>([^<]+)<', axis)
        assert len(labels) >= 2, term.name
        ends = [
            (float(x) + {"end": -6, "": -3, "start": 0}[side] * len(words), words)
            for side, x, words in labels
        ]
        for (left, words), (right, _) in pairwise(ends):
            assert left + 6 * len(words) <= right + 0.1


def test_the_flow_loses_nobody():
    steps = [step for _, own in STAGES for step in own]
    assert [*steps, "analysed"] == list(FLOW_STEPS)
    counts = {step: place + 1 for place, step in enumerate(FLOW_STEPS)}
    svg = flow_svg(counts, FLOW_STEPS, 5)
    assert f">{sum(counts.values())} in either table<" in svg
    assert f">{counts['analysed']} outcome known<" in svg
    assert f">{counts['analysed'] - 5} without one<" in svg
    assert ">1 participant: in the markers but not in clinical.csv<" in svg


def test_the_checklist_has_27_items_and_leaves_none_open(developed):
    items = checklist(developed[1])
    numbers = [re.match(r"\d+", item.number).group() for item in items]
    assert list(dict.fromkeys(numbers)) == [str(n) for n in range(1, 28)]
    assert len({item.number for item in items}) == len(items) == 52
    assert all(item.told or item.author for item in items)


def test_the_methods_cite_what_they_list(report):
    _, _, rest = report.text.partition("For the Methods section")
    paragraph, _, references = rest.partition("[1] ")
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", paragraph) for n in group.split(", ")}
    listed = {1} | {int(n) for n in re.findall(r"\[(\d+)\] \w", references.partition("TRIPOD+AI")[0])}
    assert cited == listed


def test_default_terms_have_names():
    settings = RiskSettings()
    assert {*settings.clinical_terms, *settings.imaging_terms} <= set(TERM_WORDS)


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


@pytest.mark.parametrize(
    ("participant", "name"),
    [
        ("0001", "0001.html"),
        ("a/b", "a%2Fb.html"),
        ("..", "%2E..html"),
        ("index", "%69ndex.html"),
        ("A b", "A%20b.html"),
    ],
)
def test_a_participant_names_one_file_in_the_folder(participant, name):
    assert file_name(participant) == name


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


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (52, 96, [60, 70, 80, 90]),
        (-5.4, -0.3, [-5, -4, -3, -2, -1]),
        (2, 2, [2]),
    ],
)
def test_ticks_are_round_and_inside(low, high, ticks):
    assert round_ticks(low, high) == pytest.approx(ticks)


def block_spine(levels):
    """An image and labels of box-shaped bodies, cranial first, on a sagittal grid."""
    labels = np.zeros((10, 24 * len(levels) + 16, 60), np.int16)
    for number, level in enumerate(levels):
        labels[1:9, 8 + 24 * number : 26 + 24 * number, 20:40] = LEVEL_ID[level]
    affine = np.array([[-4.0, 0, 0, 20], [0, 0, -1.5, 45], [0, -1.5, 0, 90], [0, 0, 0, 1]])
    return Anatomy(np.where(labels > 0, 80.0, 40.0), labels, affine)


def test_levels_have_the_colour_of_their_risk_and_those_fractured_before_none():
    svg = levels_svg(block_spine(("T12", "L1", "L2")), {"T12": 0.0, "L2": 0.25})
    colours = re.findall(r'class="level" style="fill:(#\w{6})', svg)
    assert colours == [level_colour(0.0), level_colour(0.1)]
    assert svg.count('class="before"') == 1
    assert [f">{words}<" in svg for words in ("T12 0.0 %", "L1", "L2 25.0 %")] == [True] * 3
    assert int(level_colour(0.02)[1:3], 16) < int(level_colour(0.06)[1:3], 16)


def test_a_card_shows_the_preoperative_image_of_the_patient(kit, cohort, developed):
    out, _ = developed
    spine = block_spine(("T11", "T12", "L1", "L2", "L3", "L4", "L5"))
    for session in ("pre", "1y"):
        folder = exam_directory(cohort, f"sub-0001_ses-{session}", "segment")
        folder.mkdir(parents=True)
        for key, data in (("inphase", spine.image), ("labels", spine.labels)):
            if session == "pre" or key == "labels":
                path = file_path(folder, f"sub-0001_ses-{session}", key)
                write_volume(
                    path, Volume(data, spine.affine), dtype="float32" if key == "inphase" else "int16"
                )
    pages = partial(applied_pages, markers=cohort)
    apply_files(out / "risk_model.json", kit.tables(cohort), cohort / "a", kit.settings(), pages)
    with_picture, without = (Page(cohort / "a" / "patients" / f"{name}.html") for name in ("0001", "0002"))
    risks = {
        row["level"]: f"{row['level']} {100 * float(row['risk']):.1f} %"
        for row in kit.rows_of(cohort / "a" / "risk_levels.csv")
        if row["participant_id"] == "0001"
    }
    drawn = with_picture.source.partition('<svg class="view levels"')[2].partition("</svg>")[0]
    for level in ("T11", "T12", "L1", "L2", "L3", "L4", "L5"):
        assert f">{risks.get(level, level)}<" in drawn
    assert "data:image/png" in drawn
    assert "data:image/png" not in without.source


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


def test_a_decision_curve_below_nobody_is_drawn():
    thresholds = np.linspace(0.05, 0.3, 6)
    svg = decision_svg(thresholds, np.full(6, -0.01), np.full(6, -0.2), np.full(6, np.nan))
    assert "NaN" not in svg
    assert "nan" not in svg
    assert "clinical" not in svg


@pytest.mark.parametrize(
    ("name", "unit", "coding", "value", "words"),
    [
        ("sex", None, {"F": 1.0, "M": 0.0}, 1.0, "female"),
        ("sex", None, {"F": 1.0, "M": 0.0}, 0.81, "81 % female"),
        ("glucocorticoid", "0/1", None, 0.0, "no"),
        ("tscore_lowest", "T-score", None, -3.04, "\u22123"),
        ("kyphosis_tl_deg", "deg", None, -12.1, "\u221212.1°"),
        ("bmi_kg_m2", "kg/m2", None, 23.44, "23.4 kg/m²"),
        ("own", "mm", None, 0.0123, "0.012 mm"),
        ("own", None, None, 1234.4, "1234"),
    ],
)
def test_values_are_told_with_their_unit(name, unit, coding, value, words):
    term = Term(name, "clinical", "clinical.csv", unit, "", coding)
    assert value_words(term, value).replace("\u00a0", " ") == words


def test_a_flat_model_still_has_risks_on_its_nomogram(developed):
    _, found = developed
    model = found.model
    slopes = model.coefficients * np.r_[1, np.full(len(model.terms), 0.01)]
    slopes[0] = -1.6 - slopes[1:] @ model.scale.mean
    axis = nomogram_svg(replace(model, coefficients=slopes)).partition("Risk within a year")[2]
    assert len(re.findall(r">[\d.]+ %<", axis)) >= 2


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
