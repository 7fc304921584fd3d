"""The report of a model: developed, validated, or applied; one HTML document without other files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri import __version__
from qmri.outputs.risk_columns import FLOW_STEPS
from qmri.report.environment import environment
from qmri.report.risk.charts.curves import calibration_svg, decision_svg, instability_svg
from qmri.report.risk.charts.flow_chart import flow_svg
from qmri.report.risk.charts.nomogram import nomogram_svg
from qmri.report.risk.methods import methods_paragraph
from qmri.report.risk.model_card import model_card
from qmri.report.risk.phrases import number_words, percent
from qmri.report.risk.result_tables import (
    Table,
    groups_table,
    interval_words,
    model_table,
    patients_table,
    performance_table,
    signed,
    validation_table,
)
from qmri.report.risk.tripod import checklist
from qmri.risk.cohort.cohort import Cohort
from qmri.risk.development import Development
from qmri.risk.frozen_model import RiskModel
from qmri.risk.performance.apparent import ImagingValue
from qmri.risk.performance.sample_size import SampleSize
from qmri.risk.tables.results import flow_counts
from qmri.risk.validation import Validation

Values = NDArray[np.float64]

FLAT = 0.1
"""Standard deviation of the log odds below which patients are given nearly the same risk."""

PARTS = (
    *("patients_table", "sample", "sample_verdict", "nomogram", "model_table", "performance"),
    *("performance_note", "calibration", "calibration_note", "decision", "decision_note", "has_clinical"),
    *("gain", "instability", "instability_mean", "imaging", "scanners", "scanners_note", "subgroups"),
    *("subgroups_caption", "others", "card", "methods", "references", "checklist"),
    *("useful", "useful_because"),
)
"""What a page may leave out."""


def development_page(found: Development, sha256: str, cards: str) -> str:
    """Return the page of a developed model.

    Parameters
    ----------
    found
        The development.
    sha256
        Hash of the model file.
    cards
        Link to the list of patients.
    """
    p, sample, model = found.performance, found.sample, found.model
    y = found.outcomes.event[found.analysed]
    methods, references = methods_paragraph(found)
    return _page(
        title="A risk model, and how far it can be trusted",
        facts=[
            ("Patients", sample.n, "known outcome"),
            ("New fractures", sample.events, percent(sample.events / sample.n)),
            ("Terms", sample.parameters, f"{sample.affordable:.1f} afforded"),
            ("AUC", f"{p.auc_corrected.value:.3f}", f"{_limits(p.auc_corrected)}, without optimism"),
            ("Slope", f"{p.slope.value:.2f}", f"{p.slope.low:.2f} to {p.slope.high:.2f}"),
        ],
        exploratory=sample.exploratory,
        useful=p.useful,
        useful_because=p.useful_because,
        flow=flow_svg(flow_counts(found.cohort, found.outcomes), FLOW_STEPS, sample.events),
        notes=[*found.cohort.notes, *found.outcomes.notes],
        patients_table=patients_table(model.terms, found.cohort.values[found.analysed], y),
        sample=_sample_table(sample),
        sample_verdict=_sample_verdict(sample),
        nomogram=nomogram_svg(model),
        model_table=model_table(model),
        performance=performance_table(p),
        performance_note=f"Optimism: mean over {found.settings.bootstrap_samples} bootstrap samples in which "
        "the whole procedure is repeated. Intercept, Brier score and ICI have no interval here."
        + _flatness(found.risks.linear[found.analysed]),
        calibration=calibration_svg(p.calibration, p.cross_validated_risk, y),
        calibration_note="Risks by models that did not see the patient (10-fold).",
        decision=decision_svg(
            p.net_benefit.thresholds, p.net_benefit.model, p.net_benefit.everybody, p.net_benefit.clinical
        ),
        decision_note=" Model and clinical terms without their optimism.",
        has_clinical=bool(np.isfinite(p.net_benefit.clinical).all()),
        gain=signed(p.net_benefit.gain, 4, sign=True),
        instability=instability_svg(found.risks.risk[found.analysed], p.instability),
        instability_mean=f"{100 * p.instability.mean_difference:.1f}",
        imaging=_imaging_table(p.imaging) if p.imaging else None,
        scanners=groups_table(p.scanners, "Scanner") if p.scanners else None,
        scanners_note="All maps come from one scanner: none can be left out.",
        subgroups=groups_table(p.subgroups, "Subgroup") if p.subgroups else None,
        subgroups_caption=(
            "By the risks of models that did not see the patient. Many groups are looked at: "
            "some differ by chance."
        ),
        others=_others(model),
        cards=cards,
        card=model_card(found, sha256),
        methods=methods,
        references=references,
        checklist=checklist(found),
    )


def validation_page(found: Validation, cards: str) -> str:
    """Return the page of a frozen model in new patients."""
    model, risk = found.model, found.risks.risk[found.analysed]
    events = int(found.y.sum())
    return _page(
        title="A frozen model in new patients",
        facts=[
            ("Patients", len(found.y), "known outcome"),
            ("New fractures", events, percent(events / len(found.y))),
            ("AUC", f"{found.auc.value:.3f}", _limits(found.auc)),
            ("Slope", f"{found.slope.value:.2f}", f"{found.slope.low:.2f} to {found.slope.high:.2f}"),
            ("Model made from", model.n, f"patients, {model.events} new fractures"),
        ],
        exploratory=model.exploratory,
        flow=flow_svg(flow_counts(found.cohort, found.outcomes), FLOW_STEPS, events),
        notes=[*found.cohort.notes, *found.outcomes.notes],
        patients_table=patients_table(model.terms, found.cohort.values[found.analysed], found.y),
        nomogram=nomogram_svg(model),
        model_table=model_table(model),
        performance=validation_table(found),
        performance_note="Nothing is corrected: the patients are new to the model."
        + _flatness(found.risks.linear[found.analysed]),
        calibration=calibration_svg(found.calibration, risk, found.y),
        calibration_note="Risks by the frozen model.",
        decision=decision_svg(found.thresholds, found.net_benefit, found.net_benefit_of_all),
        decision_note="",
        has_clinical=False,
        gain=signed(found.gain, 4, sign=True),
        subgroups=groups_table(found.subgroups, "Subgroup") if found.subgroups else None,
        subgroups_caption=(
            "By the risks of the frozen model. Many groups are looked at: some differ by chance."
        ),
        cards=cards,
    )


def applied_page(cohort: Cohort, model: RiskModel, risk: Values, cards: str) -> str:
    """Return the page of a frozen model in patients without outcomes; risks (n,)."""
    low, middle, high = np.percentile(risk, [10, 50, 90])
    return _page(
        title="Risks by a frozen model",
        facts=[
            ("Patients", len(risk), "eligible"),
            (
                "Median risk",
                percent(float(middle)),
                f"tenth to ninetieth percentile {percent(low)} to {percent(high)}",
            ),
            ("Model made from", model.n, f"patients, {model.events} new fractures"),
        ],
        exploratory=model.exploratory,
        flow=flow_svg(flow_counts(cohort, None), FLOW_STEPS, None),
        notes=cohort.notes,
        nomogram=nomogram_svg(model),
        model_table=model_table(model),
        cards=cards,
    )


def _page(**parts: Any) -> str:  # noqa: ANN401 - what the template shows
    return environment().get_template("risk.html").render(dict.fromkeys(PARTS) | parts, version=__version__)


def _flatness(linear: Values) -> str:
    """Return a warning where a slope tells nothing, since the log odds (n,) are nearly all the same."""
    spread = float(linear.std())
    if spread >= FLAT:
        return ""
    return (
        f" The model tells all patients nearly the same risk (log odds within {spread:.2g}, as a standard "
        "deviation), so that the slope says little, however large it is."
    )


def _limits(estimate: Any) -> str:  # noqa: ANN401
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _sample_table(sample: SampleSize) -> Table:
    return Table(
        ("Sample", "here", "asked for"),
        [
            [
                "Patients with a known outcome",
                f"{sample.n}",
                f"{sample.needed} for {sample.parameters} parameters",
            ],
            [
                "Parameters",
                f"{sample.parameters}",
                f"{number_words(sample.affordable)} afforded by {sample.n} patients",
            ],
            ["New fractures", f"{sample.events}", "50, and 4 for each parameter, to fit anything"],
        ],
    )


def _sample_verdict(sample: SampleSize) -> str:
    verdict = (
        "Exploratory: fewer patients than the criteria ask for."
        if sample.exploratory
        else "Enough by the criteria."
    )
    return (
        f"{verdict} Criteria of Riley et al. (shrinkage 0.9, optimism of R² 0.05, error of the mean risk "
        f"0.05) at an anticipated AUC of {sample.anticipated_auc:g} and {percent(sample.events / sample.n)} "
        "new fractures."
    )


def _imaging_table(value: ImagingValue) -> Table:
    test = value.test
    return Table(
        ("With imaging against clinical terms alone", "figure"),
        [
            ["Nested likelihood ratio", f"\u03c7² {test.statistic:.1f} on {test.degrees}, p = {test.p:.2g}"],
            ["AUC of the clinical terms alone", f"{value.clinical_auc:.3f}"],
            ["Change of AUC", interval_words(value.delta_auc, 3, sign=True)],
            ["Change of net benefit", interval_words(value.delta_net_benefit, 4, sign=True)],
        ],
    )


def _others(model: RiskModel) -> list[str]:
    adjacent, junction, pdff = (float(np.exp(c)) for c in model.levels.coefficients * [1, 1, 10])
    rows = [
        f"Shares of the levels, from {model.levels.events} new fractures: the odds of a level next to a "
        f"treated one are {adjacent:.2f} times those of another, of one from T11 to L2 {junction:.2f} times, "
        f"and {pdff:.2f} times for 10 points of PDFF above the patient's background"
        + (
            f"; concordance within patients {model.levels.concordance:.2f}."
            if np.isfinite(model.levels.concordance)
            else "."
        )
    ]
    names: Mapping[str, str] = {"odi": "ODI", "vas": "VAS"}
    rows += [
        f"{names.get(name, name)} at one year, from {score.n} patients: R² {signed(score.r2, 2)}, "
        f"cross-validated {signed(score.r2_cross_validated, 2)}."
        for name, score in model.scores.items()
    ]
    return rows
