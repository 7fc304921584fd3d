"""The TRIPOD+AI checklist: filled where what ran tells it, the rest left to the author in plain words.

Items after Collins et al. 2024 (10.1136/bmj-2023-078378), in our words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmri.outputs.risk_columns import EXCLUSIONS
from qmri.report.risk.methods import MOMENT_WORDS
from qmri.report.risk.phrases import in_sentence, term_words
from qmri.report.risk.result_tables import interval_words
from qmri.risk.development import Development


@dataclass(frozen=True)
class Item:
    """An item of the checklist.

    Attributes
    ----------
    number, asked
        Of the item, and what it asks for.
    answer
        What ran, empty where the program cannot know.
    author
        What is left to the author, empty where nothing is.
    """

    number: str
    asked: str
    answer: str
    author: str


def checklist(found: Development) -> list[Item]:
    """Return the 27 items and their parts for a developed model."""
    return [*_introduction(found), *_methods(found), *_open(), *_results(found), *_discussion()]


def _introduction(found: Development) -> list[Item]:
    return [
        Item(
            "1",
            "Title",
            "Development of a multivariable model of the risk of a new vertebral fracture within a year of "
            "PVP or PKP.",
            "The title itself.",
        ),
        Item("2", "Abstract", "", "Follow TRIPOD+AI for Abstracts; the figures stand on this page."),
        Item("3a", "Health context and existing models", "", "Why the model is wanted, and which there are."),
        Item(
            "3b",
            "Whom it is for, purpose, users",
            f"Adults who have PVP or PKP; the risk is given {MOMENT_WORDS[found.model.moment]}.",
            "Where in care it would be used, and by whom.",
        ),
        Item("3c", "Known inequalities in health", "", "What is known between groups of people."),
        Item("4", "Objectives", "Development with internal validation.", "The objective in your words."),
    ]


def _methods(found: Development) -> list[Item]:
    settings, sample, model = found.settings, found.sample, found.model
    first, last = model.outcome_window_days
    names = ", ".join(in_sentence(term) for term in model.terms)
    gaps = np.isnan(found.cohort.values[found.analysed]).sum(axis=0)
    missing = [f"{term_words(term)} {count}" for term, count in zip(model.terms, gaps, strict=True) if count]
    low, high = (100 * each for each in settings.threshold_range)
    scanners = len(set(found.cohort.scanners))
    return [
        Item(
            "5a",
            "Sources of the data",
            "",
            "Registry or trial, and how well its patients stand for those meant.",
        ),
        Item("5b", "Dates", "", "First and last inclusion, end of follow-up; the pages hold no dates."),
        Item("6a", "Setting and centres", f"Scanners: {scanners}.", "Number, kind and place of the centres."),
        Item(
            "6b",
            "Who is eligible",
            "One to three acute fractures, preoperative maps that passed the quality check; not "
            f"{', '.join(EXCLUSIONS.values())}.",
            "",
        ),
        Item("6c", "Treatments", "PVP or PKP.", "Other treatments, and how they were dealt with."),
        Item(
            "7",
            "Preparation and checks of the data",
            "Tables checked for types, units, ranges and dates; markers by the pipeline whose Methods "
            "stand on the page of the study. The same for every patient.",
            "",
        ),
        Item(
            "8a",
            "Outcome and horizon",
            "A fracture of a vertebra neither treated nor fractured before, on MRI "
            f"{first} to {last} days after the operation or an earlier positive one.",
            "Why this outcome.",
        ),
        Item(
            "8b",
            "Who assessed the outcome",
            "Every fracture that counts was confirmed by a reader.",
            "Training and number of the readers, agreement between them.",
        ),
        Item(
            "8c",
            "Blinding of the outcome",
            "No stage that makes a marker opens the outcomes.",
            "Whether readers of the outcome knew the predictors.",
        ),
        Item(
            "9a",
            "Choice of predictors",
            f"Named in the configuration before the fit: {names}. None was selected by the data.",
            "Why these.",
        ),
        Item(
            "9b",
            "Definition of predictors",
            f"All known {MOMENT_WORDS[model.moment]}; definitions and units in docs/outputs.md and "
            "risk_model.json.",
            "",
        ),
        Item(
            "9c",
            "Who assessed predictors",
            "Markers are computed; a reader may have corrected labels (page of the study).",
            "Who wrote down the clinical data.",
        ),
        Item(
            "10",
            "Sample size",
            f"Riley et al. at an anticipated AUC of {sample.anticipated_auc:g}: {sample.parameters} "
            f"parameters ask for {sample.needed} patients, {sample.n} afford {sample.affordable:.1f} "
            f"parameters{'; stamped exploratory' if sample.exploratory else ''}.",
            "Why the study has this size.",
        ),
        Item(
            "11",
            "Missing data",
            f"Missing: {', '.join(missing) or 'nothing'}. A gap is its mean given the other predictors, "
            "without the outcome; participants of unknown outcome were left out.",
            "Why values are missing.",
        ),
        Item(
            "12a",
            "Use of the data",
            "All patients for development; no split. The whole procedure was resampled.",
            "",
        ),
        Item(
            "12b",
            "Form of predictors",
            "Linear, standardised for the penalty; reported in natural units.",
            "",
        ),
        Item(
            "12c",
            "Model, its building, validation",
            "Logistic regression with a ridge penalty by marginal likelihood (\u03bb = "
            f"{model.penalty:.3g}); {settings.bootstrap_samples} bootstrap samples and 10-fold "
            f"cross-validation repeated {settings.cross_validation_repeats} times.",
            "",
        ),
        Item(
            "12d",
            "Differences between clusters",
            "Each scanner left out in turn." if scanners > 1 else "One scanner: nothing to compare.",
            "" if scanners > 1 else "Differences between centres, where there are several.",
        ),
        Item(
            "12e",
            "Measures of performance",
            "AUC, calibration slope, intercept and curve, O/E, ICI, Brier score, net benefit at risks from "
            f"{low:g} to {high:g} %, instability.",
            "",
        ),
        Item("12f", "Updating of the model", "None.", ""),
        Item(
            "12g", "How predictions are calculated", "qmri risk apply, or by hand from risk_model.json.", ""
        ),
        Item("13", "Class imbalance", "Nothing was resampled or weighted, so the risks stay calibrated.", ""),
        Item(
            "14",
            "Fairness",
            "Performance by sex, age and other subgroups is shown; none under 10 events gets a verdict.",
            "What else was done, and for whom.",
        ),
        Item("15", "Output of the model", "A risk with an interval; no class and no threshold.", ""),
        Item("16", "Development against evaluation", "No other data were used.", ""),
        Item("17", "Ethics", "", "Committee, approval, consent."),
    ]


def _open() -> list[Item]:
    return [
        Item("18a", "Funding", "", "Who paid, and what part they had."),
        Item("18b", "Conflicts of interest", "", "Of all authors."),
        Item("18c", "Protocol", "", "Where it can be read."),
        Item("18d", "Registration", "", "Register and number."),
        Item("18e", "Data", "", "Whether and how the data can be had."),
        Item(
            "18f",
            "Code",
            "qmri is Apache-2.0; configuration and model file make it again.",
            "Where it is kept.",
        ),
        Item("19", "Patients and public", "", "Their part in the study, or that they had none."),
    ]


def _results(found: Development) -> list[Item]:
    p, sample = found.performance, found.sample
    groups = [f"{len(p.subgroups)} subgroups", *([f"{len(p.scanners)} scanners"] if p.scanners else [])]
    return [
        Item(
            "20a",
            "Flow of participants",
            f"Chart on this page: {sample.n} of known outcome, {sample.events} with and "
            f"{sample.n - sample.events} without a new fracture.",
            "Length of follow-up.",
        ),
        Item(
            "20b", "Characteristics", "Table on this page, with missing values.", "Further ones; key dates."
        ),
        Item("20c", "Comparison with development data", "Not applicable: development.", ""),
        Item(
            "21",
            "Participants and events in each analysis",
            f"{sample.n} and {sample.events} throughout.",
            "",
        ),
        Item(
            "22", "The full model", "Table and nomogram on this page; risk_model.json.", "Limits to its use."
        ),
        Item(
            "23a",
            "Performance with intervals",
            f"AUC {interval_words(p.auc_corrected)}, slope {interval_words(p.slope, 2)}, O/E "
            f"{interval_words(p.oe, 2)} without optimism; curves and {' and '.join(groups)} on this page.",
            "",
        ),
        Item(
            "23b",
            "Heterogeneity of performance",
            "Scanners on this page." if p.scanners else "One scanner.",
            "" if p.scanners else "Between centres.",
        ),
        Item("24", "Results of updating", "Not applicable: none.", ""),
    ]


def _discussion() -> list[Item]:
    return [
        Item("25", "Interpretation", "", "Overall, with fairness, and against earlier studies."),
        Item("26", "Limitations", "The model card names those that the data show.", "All others."),
        Item(
            "27a",
            "Poor or missing input in use",
            "Gaps are filled and reported, values out of range flagged, maps of another origin are refused.",
            "",
        ),
        Item(
            "27b",
            "What users must do and know",
            "",
            "Whether they handle the input, and what skill it takes.",
        ),
        Item("27c", "Next steps", "External validation (qmri risk validate) before any use.", "Your plan."),
    ]
