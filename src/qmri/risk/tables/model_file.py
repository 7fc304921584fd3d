"""risk_model.json: the model as text that a person can read and recompute, with a hash over all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from qmri import __version__
from qmri.errors import QmriError
from qmri.json_files import read_json, write_json
from qmri.risk.cohort.impute import NormalModel
from qmri.risk.frozen_model import RiskModel, ScoreRegression
from qmri.risk.procedure import Scale
from qmri.risk.regression.conditional_logit import LEVEL_TERMS, LevelModel
from qmri.risk.terms import Term

FORMAT = "qmri risk model 1"
HASH = "sha256"
PURPOSE = (
    "Risk of a fracture of a vertebra neither treated nor fractured before, within a year of PVP/PKP. For "
    "research: no decision is to rest on it before it has been validated on other patients."
)


def write_model(path: Path, model: RiskModel) -> None:
    """Write the model; the same patients give the same bytes."""
    content = model_content(model)
    write_json(path, content | {HASH: content_hash(content)})


def read_model(path: Path) -> RiskModel:
    """Read a model.

    Raises
    ------
    QmriError
        If it is missing or of another kind, or was changed since it was written.
    """
    content = read_json(path)
    if content.get("format") != FORMAT:
        raise QmriError(
            "this is no risk model that this version reads",
            where=path.name,
            found=str(content.get("format") or "no format"),
            expected=FORMAT,
            remedy="give the risk_model.json that qmri risk develop wrote",
        )
    stated = content.pop(HASH, None)
    if stated != content_hash(content):
        raise QmriError(
            "the risk model was changed after it was written",
            where=path.name,
            found=f"a content of hash {content_hash(content)[:12]}",
            expected=str(stated)[:12],
            remedy="use the file as qmri risk develop wrote it",
        )
    try:
        return _from_content(content)
    except (KeyError, TypeError, ValueError) as error:
        raise QmriError("the risk model is not complete", where=path.name, found=str(error)) from None


def content_hash(content: Mapping[str, object]) -> str:
    """Return the SHA-256 of a content, whatever its layout as text."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def model_content(model: RiskModel) -> dict[str, Any]:
    """Return the model as JSON values."""
    columns = zip(
        model.terms,
        model.coefficients[1:].tolist(),
        model.scale.mean.tolist(),
        model.scale.sd.tolist(),
        model.lowest.tolist(),
        model.highest.tolist(),
        model.reliability.tolist(),
        strict=True,
    )
    return {
        "format": FORMAT,
        "purpose": PURPOSE,
        "exploratory": model.exploratory,
        "patients": {"n": model.n, "events": model.events},
        "moment": model.moment,
        "preoperative_session": model.preoperative_session,
        "outcome_window_days": list(model.outcome_window_days),
        "maps": dict(model.origin),
        "how": "logit(risk) = intercept + sum of coefficient * value; a missing value is its mean given the "
        "others by imputation (mean_M + S_MO inverse(S_OO) (x_O - mean_O)); variance of the logit = "
        "x' covariance x, x = (1, values), + sum of coefficient^2 * error^2 / reliability over markers "
        "+ b_M' (S_MM - S_MO inverse(S_OO) S_OM) b_M over missing values + unmeasured_sd^2",
        "intercept": float(model.coefficients[0]),
        "terms": [
            {
                "name": term.name,
                "group": term.group,
                "table": term.table,
                "unit": term.unit,
                "description": term.description,
                "coding": dict(term.coding) if term.coding else None,
                "error_column": term.error,
                "coefficient": coefficient,
                "odds_ratio_per_sd": float(np.exp(coefficient * sd)),
                "mean": mean,
                "sd": sd,
                "lowest": low,
                "highest": high,
                "reliability": reliability,
            }
            for term, coefficient, mean, sd, low, high, reliability in columns
        ],
        "covariance": _matrix(["intercept", *(term.name for term in model.terms)], model.covariance),
        "imputation": {
            "mean": model.normal.mean.tolist(),
            **_matrix([term.name for term in model.terms], model.normal.covariance),
        },
        "penalty": model.penalty,
        "interval_level": model.interval_level,
        "unmeasured_sd": model.unmeasured_sd,
        "levels": {
            "how": "share = exp(score) / sum of exp(score), score = sum of coefficient * term; "
            "risk of a level = 1 - (1 - risk)^share",
            "coefficients": dict(zip(LEVEL_TERMS, model.levels.coefficients.tolist(), strict=True)),
            "events": model.levels.events,
            "concordance": _finite(model.levels.concordance),
        },
        "scores": {
            name: {
                "intercept": float(score.coefficients[0]),
                "baseline": float(score.coefficients[1]),
                "terms": score.coefficients[2:].tolist(),
                **_matrix(["intercept", "baseline", *(t.name for t in model.terms)], score.covariance),
                "residual_sd": score.residual_sd,
                "n": score.n,
                "r2": score.r2,
                "r2_cross_validated": score.r2_cross_validated,
            }
            for name, score in model.scores.items()
        },
        "data_sha256": model.data_sha256,
        "versions": {"qmri": __version__, "numpy": np.__version__, "scipy": scipy.__version__},
    }


def _from_content(content: Mapping[str, Any]) -> RiskModel:
    terms = content["terms"]

    def column(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([term[name] for term in terms], dtype=np.float64)

    levels = content["levels"]
    return RiskModel(
        terms=tuple(
            Term(
                term["name"],
                term["group"],
                term["table"],
                term["unit"],
                term["description"],
                term["coding"],
                term["error_column"],
            )
            for term in terms
        ),
        coefficients=np.array([content["intercept"], *column("coefficient")]),
        covariance=np.array(content["covariance"]["covariance"]),
        penalty=float(content["penalty"]),
        scale=Scale(column("mean"), column("sd")),
        normal=NormalModel(
            np.array(content["imputation"]["mean"]), np.array(content["imputation"]["covariance"])
        ),
        reliability=column("reliability"),
        lowest=column("lowest"),
        highest=column("highest"),
        levels=LevelModel(
            np.array([levels["coefficients"][name] for name in LEVEL_TERMS]),
            int(levels["events"]),
            float("nan") if levels["concordance"] is None else float(levels["concordance"]),
        ),
        scores={
            name: ScoreRegression(
                np.array([score["intercept"], score["baseline"], *score["terms"]]),
                np.array(score["covariance"]),
                float(score["residual_sd"]),
                int(score["n"]),
                float(score["r2"]),
                float(score["r2_cross_validated"]),
            )
            for name, score in content["scores"].items()
        },
        origin=content["maps"],
        moment=content["moment"],
        preoperative_session=content["preoperative_session"],
        interval_level=float(content["interval_level"]),
        unmeasured_sd=float(content["unmeasured_sd"]),
        outcome_window_days=(int(content["outcome_window_days"][0]), int(content["outcome_window_days"][1])),
        n=int(content["patients"]["n"]),
        events=int(content["patients"]["events"]),
        exploratory=bool(content["exploratory"]),
        data_sha256=str(content["data_sha256"]),
    )


def _matrix(names: Sequence[str], values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, object]:
    return {"order": list(names), "covariance": values.tolist()}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
