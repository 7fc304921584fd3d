"""What the command prints: flow, sample size, performance in sentences."""

from __future__ import annotations

import numpy as np

from qmri.outputs.risk_columns import FLOW_STEPS
from qmri.risk.cohort.cohort import Cohort, Outcomes
from qmri.risk.cohort.outcome import named
from qmri.risk.development import Development
from qmri.risk.performance.discrimination import Estimate
from qmri.risk.performance.interval import Risks
from qmri.risk.performance.sample_size import SampleSize
from qmri.risk.tables.results import flow_counts
from qmri.risk.validation import Validation
from qmri.words import counted

EXPLORATORY = "EXPLORATORY: fewer patients than this many terms ask for (Riley et al. 2019)"
QUERIED = ("no_clinical_row", "no_markers", "no_preoperative_session")
"""Steps that a slip of the pen may explain: who left there is named."""
CAUTION = "No decision is to rest on this model before it has been validated on other patients."


def flow_lines(cohort: Cohort, outcomes: Outcomes | None) -> list[str]:
    """Return the flow chart as lines."""
    counts = flow_counts(cohort, outcomes)
    lines = [f"{sum(counts.values()):6d}  participants in either table"]
    for step, count in counts.items():
        if step != "analysed":
            names = [name for name, own in cohort.left.items() if own == step]
            who = f" ({named(names)})" if step in QUERIED and names else ""
            lines.append(f"{-count:6d}  {FLOW_STEPS[step]}{who}")
    words = "outcome known" if outcomes is not None else "eligible"
    return [*lines, f"{counts['analysed']:6d}  {words}"]


def sample_lines(sample: SampleSize) -> list[str]:
    """Return what the sample affords."""
    share = sample.events / max(sample.n, 1)
    verdict = (
        "too few: qmri risk develop refuses"
        if not sample.enough_to_fit
        else EXPLORATORY
        if sample.exploratory
        else "enough by the criteria of Riley et al. 2019"
    )
    return [
        f"events:      {sample.events} of {sample.n} ({100 * share:.1f} %)",
        f"parameters:  {sample.parameters}; this sample affords {sample.affordable:.1f} "
        f"at an AUC of {sample.anticipated_auc:g}, and {sample.parameters} need {sample.needed} patients",
        f"verdict:     {verdict}",
    ]


def development_lines(found: Development) -> list[str]:
    """Return what a developed model is worth."""
    p = found.performance
    lines = [
        *flow_lines(found.cohort, found.outcomes),
        "",
        *sample_lines(found.sample),
        "",
        f"AUC:         {_interval(p.auc_corrected)} without optimism; apparent {p.apparent.auc:.3f}, "
        f"10-fold {_interval(p.auc_cross_validated)}",
        f"calibration: slope {p.corrected.slope:.2f}, intercept {p.corrected.intercept:+.2f}, "
        f"observed/expected {p.corrected.oe:.2f}, ICI {p.corrected.ici:.3f}",
        f"useful:      {'yes' if p.useful else 'no'} ({'; '.join(p.useful_because)})",
    ]
    if p.imaging is not None:
        change = p.imaging.delta_auc
        lines.append(
            f"imaging:     p = {p.imaging.test.p:.2g} (likelihood ratio), AUC {change.value:+.3f} "
            f"({change.low:+.3f} to {change.high:+.3f})"
        )
    lines += [f"note: {note}" for note in (*found.cohort.notes, *found.outcomes.notes)]
    return [*lines, "", CAUTION]


def validation_lines(found: Validation) -> list[str]:
    """Return what a frozen model is worth in new patients."""
    lines = [
        *flow_lines(found.cohort, found.outcomes),
        "",
        f"AUC:         {_interval(found.auc)}",
        f"calibration: slope {_interval(found.slope)}, observed/expected {_interval(found.oe)}, "
        f"ICI {found.measures.ici:.3f}",
        f"net benefit: {found.gain:+.4f} against the better of everybody and nobody",
    ]
    return lines + [f"note: {note}" for note in (*found.cohort.notes, *found.outcomes.notes)]


def applied_lines(cohort: Cohort, risks: Risks) -> list[str]:
    """Return how many risks were estimated."""
    low, middle, high = np.percentile(risks.risk, [10, 50, 90])
    return [
        *flow_lines(cohort, None),
        "",
        f"{counted(len(risks.risk), 'risk')}: median {100 * middle:.0f} %, "
        f"tenth to ninetieth percentile {100 * low:.0f} to {100 * high:.0f} %",
        *(f"note: {note}" for note in cohort.notes),
        CAUTION,
    ]


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
