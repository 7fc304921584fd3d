"""What the files say: rows of risk_patients.csv and the like, and the keys of risk_performance.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmri.outputs.risk_columns import FLOW_STEPS
from qmri.outputs.tables import Cell
from qmri.risk.cohort.cohort import Cohort, Outcomes
from qmri.risk.cohort.eligibility import by_name
from qmri.risk.development import Development
from qmri.risk.frozen_model import RiskModel
from qmri.risk.performance.discrimination import Estimate
from qmri.risk.performance.interval import Risks
from qmri.risk.regression.conditional_logit import level_risks, shares
from qmri.risk.regression.groups import GroupPerformance
from qmri.risk.validation import Validation

Values = NDArray[np.float64]
Row = dict[str, Cell]

SCORE_COLUMNS = {
    "odi": ("odi_1y_expected_pct", "odi_1y_low_pct", "odi_1y_high_pct"),
    "vas": ("vas_1y_expected", "vas_1y_low", "vas_1y_high"),
}


def patient_rows(cohort: Cohort, model: RiskModel, risks: Risks) -> list[Row]:
    """Return the rows of risk_patients.csv."""
    names = [term.name for term in model.terms]
    outside, missing = model.outside(cohort.values), ~np.isfinite(cohort.values)
    scores = {name: model.expected_score(name, cohort.values, cohort.baseline[name]) for name in model.scores}
    rows = []
    for i, participant in enumerate(cohort.participants):
        flags = ["extrapolated"] * bool(outside[i].any()) + ["levels_unverified"] * (not cohort.verified[i])
        row: Row = {
            "participant_id": participant,
            "risk": precise(risks.risk[i]),
            "risk_low": precise(risks.low[i]),
            "risk_high": precise(risks.high[i]),
            "flags": ";".join(flags),
            "extrapolated_terms": ";".join(name for name, out in zip(names, outside[i], strict=True) if out),
            "filled_terms": ";".join(name for name, gap in zip(names, missing[i], strict=True) if gap),
            "exploratory": model.exploratory,
        }
        for score, columns in SCORE_COLUMNS.items():
            if score in scores:
                row |= {name: float(value[i]) for name, value in zip(columns, scores[score], strict=True)}
        rows.append(row)
    return rows


def level_rows(cohort: Cohort, model: RiskModel, risks: Risks) -> list[Row]:
    """Return the rows of risk_levels.csv."""
    rows: list[Row] = []
    for participant, levels, risk in zip(cohort.participants, cohort.levels, risks.risk, strict=True):
        if not levels.names:
            continue
        share = shares(levels.terms, model.levels.coefficients)
        for name, q, w in zip(levels.names, level_risks(float(risk), share), share, strict=True):
            rows.append(
                {"participant_id": participant, "level": name, "risk": precise(q), "share": precise(w)}
            )
    return rows


def flow_rows(cohort: Cohort, outcomes: Outcomes | None) -> list[Row]:
    """Return the rows of risk_flow.csv: everybody, by name."""
    steps: dict[str, tuple[str, int | None]] = {name: (step, None) for name, step in cohort.left.items()}
    for i, name in enumerate(cohort.participants):
        event = float("nan") if outcomes is None else outcomes.event[i]
        step = "analysed" if outcomes is None else outcomes.steps[i]
        steps[name] = (step, int(event) if np.isfinite(event) else None)
    return [
        {"participant_id": name, "step": steps[name][0], "event": steps[name][1]}
        for name in sorted(steps, key=by_name)
    ]


def flow_counts(cohort: Cohort, outcomes: Outcomes | None) -> dict[str, int]:
    """Return how many left at each step, in the order of the flow; the analysed come last."""
    rows = flow_rows(cohort, outcomes)
    counts = {step: sum(row["step"] == step for row in rows) for step in FLOW_STEPS}
    return {step: count for step, count in counts.items() if count or step == "analysed"}


def precise(value: float) -> str:
    """Return a risk with twelve significant digits, with which levels multiply back to the patient."""
    return f"{value:.12g}"


def development_content(found: Development) -> dict[str, Any]:
    """Return risk_performance.json of a development."""
    p, sample = found.performance, found.sample
    imaging = p.imaging
    return clean(
        {
            "kind": "development",
            "n": sample.n,
            "events": sample.events,
            "parameters": sample.parameters,
            "exploratory": sample.exploratory,
            "useful": p.useful,
            "useful_because": list(p.useful_because),
            "auc_apparent": p.apparent.auc,
            **_estimate("auc_corrected", p.auc_corrected),
            **_estimate("auc_cv", p.auc_cross_validated),
            **_estimate("slope", p.slope),
            "intercept": p.corrected.intercept,
            **_estimate("oe", p.oe),
            "brier": p.corrected.brier,
            "ici": p.corrected.ici,
            "lr_p": p.test.p,
            "lr_chi2": p.test.statistic,
            "lr_df": p.test.degrees,
            "net_benefit_gain": p.net_benefit.gain,
            "imaging_lr_p": imaging.test.p if imaging else None,
            "imaging_lr_chi2": imaging.test.statistic if imaging else None,
            "imaging_lr_df": imaging.test.degrees if imaging else None,
            **_estimate("imaging_delta_auc", imaging.delta_auc if imaging else None),
            **_estimate("imaging_delta_net_benefit", imaging.delta_net_benefit if imaging else None),
            "clinical_auc_corrected": imaging.clinical_auc if imaging else None,
            "apparent": asdict(p.apparent),
            "optimism": asdict(p.optimism),
            "instability_mean_difference": p.instability.mean_difference,
            "level_concordance": found.model.levels.concordance,
            "level_events": found.model.levels.events,
            "sample_size": {
                "anticipated_auc": sample.anticipated_auc,
                "patients_needed": sample.needed,
                "parameters_affordable": sample.affordable,
            },
            "flow": flow_counts(found.cohort, found.outcomes),
            "decision_curve": {
                "threshold": p.net_benefit.thresholds,
                "model": p.net_benefit.model,
                "clinical": p.net_benefit.clinical,
                "everybody": p.net_benefit.everybody,
            },
            "calibration_curve": _curve(p.calibration),
            "scanners_left_out": [_group(group) for group in p.scanners],
            "subgroups": [_group(group) for group in p.subgroups],
            "scores": {
                name: {"n": score.n, "r2": score.r2, "r2_cross_validated": score.r2_cross_validated}
                for name, score in found.model.scores.items()
            },
            "bootstrap_samples": found.settings.bootstrap_samples,
            "cross_validation_repeats": found.settings.cross_validation_repeats,
            "notes": [*found.cohort.notes, *found.outcomes.notes],
        }
    )


def validation_content(found: Validation) -> dict[str, Any]:
    """Return risk_performance.json of a validation."""
    m = found.measures
    return clean(
        {
            "kind": "validation",
            "n": len(found.y),
            "events": int(found.y.sum()),
            "parameters": len(found.model.terms),
            "exploratory": found.model.exploratory,
            **_estimate("auc", found.auc),
            **_estimate("slope", found.slope),
            "intercept": m.intercept,
            **_estimate("oe", found.oe),
            "brier": m.brier,
            "ici": m.ici,
            "net_benefit_gain": found.gain,
            "flow": flow_counts(found.cohort, found.outcomes),
            "decision_curve": {
                "threshold": found.thresholds,
                "model": found.net_benefit,
                "everybody": found.net_benefit_of_all,
            },
            "calibration_curve": _curve(found.calibration),
            "subgroups": [_group(group) for group in found.subgroups],
            "model_n": found.model.n,
            "model_events": found.model.events,
            "notes": [*found.cohort.notes, *found.outcomes.notes],
        }
    )


def clean(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON values: arrays as lists, numpy numbers as numbers, what is not finite as null."""
    return {key: _clean(value) for key, value in content.items()}


def _clean(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return clean(value)
    if isinstance(value, np.ndarray):
        return _clean(value.tolist())
    if isinstance(value, np.generic):
        return _clean(value.item())
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _estimate(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _group(group: GroupPerformance) -> dict[str, Any]:
    return {
        "name": group.name,
        "n": group.n,
        "events": group.events,
        "verdict": group.auc is not None,
        **_estimate("auc", group.auc),
        **_estimate("oe", group.oe),
    }


def _curve(curve: Any) -> dict[str, Any]:  # noqa: ANN401
    names: Sequence[str] = (
        "predicted",
        "observed",
        "low",
        "high",
        "group_predicted",
        "group_observed",
        "group_n",
    )
    return {name: getattr(curve, name) for name in names}
