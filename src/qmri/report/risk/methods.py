"""The Methods paragraph of a developed model, with its references, from what ran."""

from __future__ import annotations

from qmri import __version__
from qmri.references import Citations
from qmri.report.risk.phrases import in_sentence
from qmri.risk.development import Development
from qmri.risk.terms import CLINICAL

MOMENT_WORDS = {"preoperative": "before the operation", "discharge": "at discharge"}


def methods_paragraph(found: Development) -> tuple[str, list[str]]:
    """Return the paragraph and its references."""
    cite = Citations()
    sentences = [*_who(found), *_model(found, cite), *_honesty(found, cite), _software(cite)]
    return " ".join(sentences), cite.lines()


def _who(found: Development) -> list[str]:
    first, last = found.settings.outcome_window_days
    left = len(found.cohort.left)
    return [
        f"Of {left + len(found.cohort.participants)} participants {len(found.cohort.participants)} were "
        f"eligible, and of {found.sample.n} the outcome was known, with a new fracture in "
        f"{found.sample.events}.",
        "The outcome was a fracture, confirmed by a reader, of a vertebra neither treated nor fractured "
        f"before, on MRI {first} to {last} days after the operation or on an earlier positive one.",
        "Death without a new fracture counted as none; an outcome that was lost was unknown and left out.",
    ]


def _model(found: Development, cite: Citations) -> list[str]:
    terms, sample = found.cohort.terms, found.sample
    clinical = [in_sentence(term) for term in terms if term.group == CLINICAL]
    imaging = [in_sentence(term) for term in terms if term.group != CLINICAL]
    parts = [
        f"{', '.join(each)} ({kind})" for each, kind in ((clinical, "clinical"), (imaging, "imaging")) if each
    ]
    affordable = f"{sample.affordable:.1f} parameters and asks for {sample.needed} patients for these"
    return [
        f"The predictors, known {MOMENT_WORDS[found.model.moment]}, were named beforehand: "
        f"{' and '.join(parts)}; each entered linearly and none was selected by the data.",
        f"At an anticipated AUC of {sample.anticipated_auc:g} this sample affords {affordable}"
        f"{cite('riley', 'riley_auc')}; the model is "
        f"{'exploratory' if sample.exploratory else 'within these criteria'}.",
        f"The risk was modelled by logistic regression with a ridge penalty{cite('ridge')} chosen by the "
        f"marginal likelihood{cite('evidence')}; a missing value was its mean given the other predictors, "
        f"without the outcome{cite('em', 'gaps')}.",
        f"The {100 * found.model.interval_level:g} % interval of an individual risk holds the uncertainty "
        "of the coefficients, of the markers and of missing values, and an assumed spread of the log odds "
        f"of {found.model.unmeasured_sd:g} among patients alike in all terms.",
    ]


def _honesty(found: Development, cite: Citations) -> list[str]:
    settings = found.settings
    low, high = (100 * each for each in settings.threshold_range)
    sentences = [
        f"The whole procedure was repeated in {settings.bootstrap_samples} bootstrap samples to take the "
        f"optimism from its performance{cite('optimism')} and to see how much individual risks "
        f"move{cite('instability')}, and in a 10-fold cross-validation repeated "
        f"{settings.cross_validation_repeats} times.",
        f"Discrimination was the AUC{cite('delong')}; calibration its slope and intercept, observed over "
        f"expected events and the integrated calibration index{cite('ici')}; usefulness the net benefit at "
        f"risks from {low:g} to {high:g} %{cite('net_benefit')}.",
    ]
    if found.performance.imaging is not None:
        sentences.append(
            f"What imaging adds was tested by the nested likelihood ratio{cite('added_value')}, with the "
            "change of AUC and of net benefit."
        )
    return [*sentences, f"Reporting follows TRIPOD+AI{cite('tripod')}."]


def _software(cite: Citations) -> str:
    return f"All was done with qmri {__version__} on NumPy{cite('numpy')} and SciPy{cite('scipy')}."
