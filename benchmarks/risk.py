"""The risk model over simulated cohorts of known truth: figures of docs/risk.md.

    python benchmarks/risk.py calibration --cohorts 60     optimism, calibration, intervals, imaging, levels
    python benchmarks/risk.py calibration --cohorts 60 --signal 0          where there is nothing to find
    python benchmarks/risk.py strategies --cohorts 60      ridge by marginal likelihood against other ways

Each model is tried on new patients of the same truth. The strategies beside the package's own need
scikit-learn.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from qmri.config.risk_settings import RiskSettings
from qmri.risk.cohort.assess import Analysed, Resampling, assess
from qmri.risk.cohort.impute import filled_means
from qmri.risk.performance.calibration import measures
from qmri.risk.performance.interval import reliability, risks_with_interval
from qmri.risk.procedure import fit_procedure
from qmri.risk.regression.conditional_logit import PatientLevels, fit_levels, level_risks, level_terms, shares
from qmri.risk.regression.logistic import fit_logistic, with_intercept
from qmri.risk.regression.ridge import covariance_over_penalties
from qmri.simulate.cohort.patients import (
    KYPHOSIS_ERROR,
    LEVELS,
    OWN_PDFF,
    OWN_R2STAR,
    PDFF_PER_LEVEL,
    REPEAT_PDFF,
    REPEAT_R2STAR,
    CohortOptions,
    People,
    adjusted_error,
    adjusted_mean,
    draw_people,
)

Values = np.ndarray
NAMES = (
    "age_years",
    "sex",
    "bmi_kg_m2",
    "tscore_lowest",
    "glucocorticoid",
    "antiosteoporosis_drug",
    "n_fx_old",
)
CLINICAL = np.arange(len(NAMES))
NEW = 20_000


def arrays(people: People) -> tuple[Values, Values]:
    """Return terms and errors of the eligible patients, as the tables would give them."""
    used, c = people.background, people.clinical
    tscore = np.where(people.tscore_missing, np.nan, c["tscore"])
    clinical = [c["age"], c["female"], c["bmi"], tscore, c["glucocorticoid"], c["drug"], c["old_fractures"]]
    r2star = adjusted_mean(people.r2star, used, 0.0)
    terms = np.column_stack(
        [*clinical, adjusted_mean(people.pdff, used, PDFF_PER_LEVEL), r2star, people.kyphosis]
    )
    n = len(terms)
    errors = np.zeros_like(terms)
    errors[:, 7] = adjusted_error(used, np.full(n, REPEAT_PDFF), OWN_PDFF)
    errors[:, 8] = adjusted_error(used, REPEAT_R2STAR * r2star, OWN_R2STAR)
    errors[:, 9] = KYPHOSIS_ERROR
    return terms, np.where(np.isfinite(terms), errors, 0.0)


def analysed(people: People) -> np.ndarray:
    """Return the rows that are eligible and whose outcome is known."""
    return np.flatnonzero(~people.lost & ~people.excluded)


def calibration(options: argparse.Namespace) -> None:
    found = defaultdict(list)
    signal = {"clinical_signal": options.signal, "imaging_signal": options.signal}
    new = draw_people(CohortOptions(patients=NEW, seed=10_000, event_share=options.share, **signal))
    new_terms, new_errors = arrays(new)
    new_y = new.event.astype(float)
    top = new.risk >= np.quantile(new.risk, 0.9)
    defaults = RiskSettings()
    for seed in range(options.cohorts):
        people = draw_people(
            CohortOptions(patients=options.patients, seed=seed, event_share=options.share, **signal)
        )
        rows = analysed(people)
        terms, errors = (part[rows] for part in arrays(people))
        y = people.event[rows].astype(float)
        began = time.process_time()
        fitted = fit_procedure(terms, y)
        told = assess(
            Analysed(terms, y, (*NAMES, "pdff", "r2star", "kyphosis"), CLINICAL, ["one"] * len(y)),
            fitted,
            Resampling(options.samples, options.repeats, seed, defaults.threshold_range),
        )
        found["CPU s"].append(time.process_time() - began)
        risks = risks_with_interval(
            fitted.complete(new_terms),
            fitted.logistic.coefficients,
            covariance_over_penalties(fitted.complete(terms).terms, y, fitted.logistic),
            marker_errors=new_errors / fitted.scale.sd,
            reliabilities=reliability(errors, fitted.scale.sd),
            unmeasured_sd=defaults.unmeasured_sd,
            level=0.9,
        )
        truth = measures(risks.risk, new_y)
        held = (risks.low <= new.risk) & (new.risk <= risks.high)
        found["events"].append(y.sum())
        found["AUC apparent"].append(told.apparent.auc)
        found["AUC corrected"].append(told.corrected.auc)
        found["AUC 10-fold"].append(told.auc_cross_validated.value)
        found["AUC true"].append(truth.auc)
        found["corrected - true"].append(told.corrected.auc - truth.auc)
        found["95 % interval of the corrected AUC holds the true one"].append(
            told.auc_corrected.low <= truth.auc <= told.auc_corrected.high
        )
        found["slope on new patients"].append(truth.slope)
        found["O/E on new patients"].append(truth.oe)
        found["slope told - true"].append(told.corrected.slope - truth.slope)
        found["mean error of risk"].append(np.mean(np.abs(risks.risk - new.risk)))
        found["90 % interval holds the true risk"].append(held.mean())
        found["... in the highest tenth"].append(held[top].mean())
        found["imaging found (p < .05)"].append(told.imaging.test.p < 0.05)
        found["change of AUC by imaging"].append(told.imaging.delta_auc.value)
        found["useful"].append(told.useful)
        if options.signal:
            levels(people, rows, found)
    for name, values in found.items():
        series = np.array(values, float)
        print(f"{name:56s} mean {series.mean():8.3f}   sd {series.std():7.3f}")


def levels(people: People, rows: np.ndarray, found: dict[str, list[float]]) -> None:
    """Add how far the levels multiply back, and their concordance."""
    own = [patient_levels(people, row) for row in rows]
    model = fit_levels(own)
    found["concordance of levels within patients"].append(model.concordance)
    worst = 0.0
    for row, patient in zip(rows, own, strict=True):
        q = level_risks(float(people.risk[row]), shares(patient.terms, model.coefficients))
        worst = max(worst, abs(1 - np.prod(1 - q) - people.risk[row]))
    found["levels multiply back to"].append(worst)


def patient_levels(people: People, row: int) -> PatientLevels:
    background = np.median(people.pdff[row][people.background[row]])
    at_risk = np.flatnonzero(people.background[row])
    targets = np.flatnonzero(people.treated[row])
    terms = [
        level_terms(LEVELS[j], int(np.min(np.abs(j - targets))), float(people.pdff[row, j] - background))
        for j in at_risk
    ]
    return PatientLevels(tuple(LEVELS[j] for j in at_risk), np.array(terms), people.fractured[row][at_risk])


Strategy = Callable[[Values, Values], Callable[[Values], Values]]


def _linear(columns: np.ndarray, b: Values) -> Callable[[Values], Values]:
    return lambda Z: expit(with_intercept(Z[:, columns]) @ b)


def plain(Z: Values, y: Values) -> Callable[[Values], Values]:
    return _linear(np.arange(Z.shape[1]), fit_logistic(with_intercept(Z), y).coefficients)


def screened(Z: Values, y: Values) -> Callable[[Values], Values]:
    """Univariable p < .05, then all of these."""
    kept = [j for j in range(Z.shape[1]) if _p(Z[:, [j]], y)[0] < 0.05] or [0]
    return _linear(np.array(kept), fit_logistic(with_intercept(Z[:, kept]), y).coefficients)


def backward(Z: Values, y: Values) -> Callable[[Values], Values]:
    """Backward by AIC: drop while p > .157."""
    kept = list(range(Z.shape[1]))
    while len(kept) > 1:
        p = _p(Z[:, kept], y)
        if p.max() <= 0.157:
            break
        kept.pop(int(np.argmax(p)))
    return _linear(np.array(kept), fit_logistic(with_intercept(Z[:, kept]), y).coefficients)


def _p(Z: Values, y: Values) -> Values:
    fit = fit_logistic(with_intercept(Z), y)
    z = fit.coefficients / np.sqrt(np.diag(fit.covariance))
    return 2 * norm.sf(np.abs(z[1:]))


def of_sklearn(make: Callable[[], object]) -> Strategy:
    def fit(Z: Values, y: Values) -> Callable[[Values], Values]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make().fit(Z, y)
        return lambda new: model.predict_proba(new)[:, 1]

    return fit


def strategies(options: argparse.Namespace) -> None:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegressionCV  # noqa: PLC0415

    ways: dict[str, Strategy] = {
        "plain logistic": plain,
        "p screening": screened,
        "backward AIC": backward,
        "ridge, 10-fold": of_sklearn(
            lambda: LogisticRegressionCV(Cs=12, cv=10, scoring="neg_log_loss", max_iter=500)
        ),
        "lasso, 10-fold": of_sklearn(
            lambda: LogisticRegressionCV(
                Cs=12, cv=10, l1_ratios=(1,), solver="liblinear", scoring="neg_log_loss"
            )
        ),
        "forest": of_sklearn(lambda: RandomForestClassifier(300, min_samples_leaf=10, random_state=0)),
        "boosting": of_sklearn(lambda: GradientBoostingClassifier(random_state=0)),
    }
    new = draw_people(CohortOptions(patients=NEW, seed=10_000, event_share=options.share))
    new_terms, new_y = arrays(new)[0], new.event.astype(float)
    table = defaultdict(list)
    for seed in range(options.cohorts):
        people = draw_people(CohortOptions(patients=options.patients, seed=seed, event_share=options.share))
        rows = analysed(people)
        terms, y = arrays(people)[0][rows], people.event[rows].astype(float)
        fitted = fit_procedure(terms, y)
        Z, new_Z = (
            filled_means(fitted.scale.standardise(part), fitted.normal) for part in (terms, new_terms)
        )
        predicted = {"ridge, marginal likelihood": fitted.risk(new_terms)}
        predicted |= {name: way(Z, y)(new_Z) for name, way in ways.items()}
        for name, risk in predicted.items():
            m = measures(risk, new_y)
            table[name].append((m.auc, m.slope, m.slope < 0.8, np.mean(np.abs(risk - new.risk))))
    print("| | AUC | slope (sd) | slope < .8 | error of risk |\n|---|---|---|---|---|")
    for name, values in table.items():
        auc, slope, low, error = np.mean(values, axis=0)
        sd = np.std([value[1] for value in values])
        print(f"| {name} | {auc:.3f} | {slope:.2f} ({sd:.2f}) | {100 * low:.0f} % | {error:.4f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (("calibration", calibration), ("strategies", strategies)):
        sub = commands.add_parser(name)
        sub.set_defaults(run=run)
        sub.add_argument("--cohorts", type=int, default=60)
        sub.add_argument("--patients", type=int, default=560)
        sub.add_argument("--share", type=float, default=0.16)
        sub.add_argument("--signal", type=float, default=1.0)
        sub.add_argument("--samples", type=int, default=200)
        sub.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
