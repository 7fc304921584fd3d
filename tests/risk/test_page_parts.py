"""Charts and tables of the pages: what they draw is what the model says."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from qmri.config.risk_settings import RiskSettings
from qmri.outputs.risk_columns import FLOW_STEPS
from qmri.report.risk.cards import file_name
from qmri.report.risk.charts.axes import round_ticks
from qmri.report.risk.charts.contributions import contributions, log_odds_at_mean
from qmri.report.risk.charts.curves import decision_svg
from qmri.report.risk.charts.flow_chart import STAGES, flow_svg
from qmri.report.risk.charts.nomogram import nomogram, nomogram_svg
from qmri.report.risk.phrases import TERM_WORDS, value_words
from qmri.report.risk.tripod import checklist
from qmri.risk.terms import Term


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
    assert all(item.answer or item.author for item in items)


def test_default_terms_have_names():
    settings = RiskSettings()
    assert {*settings.clinical_terms, *settings.imaging_terms} <= set(TERM_WORDS)


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
