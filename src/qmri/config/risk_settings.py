"""The section risk of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from qmri.config.section import Section, upward


class RiskSettings(Section):
    """How the risk of a new fracture is modelled; run in a study where clinical and outcomes are named."""

    clinical: Annotated[
        Path | None, Field(description="table of clinical data, relative to the study sheet")
    ] = None
    outcomes: Annotated[
        Path | None,
        Field(description="table of outcomes, relative to the study sheet; no other stage opens it"),
    ] = None
    moment: Annotated[
        Literal["preoperative", "discharge"],
        Field(description="when the model is used; discharge admits terms that the operation showed"),
    ] = "preoperative"
    preoperative_session: Annotated[
        str, Field(description="session whose markers are predictors; the only one of who has one alone")
    ] = "pre"
    clinical_terms: Annotated[
        tuple[str, ...], Field(description="clinical predictors, columns of clinical.csv or patients.csv")
    ] = (
        "age_years",
        "sex",
        "bmi_kg_m2",
        "tscore_lowest",
        "glucocorticoid",
        "antiosteoporosis_drug",
        "n_fx_old",
    )
    imaging_terms: Annotated[
        tuple[str, ...], Field(description="imaging predictors, columns of patients.csv")
    ] = ("pdff_bg_level_adj_pct", "r2star_bg_level_adj_per_s", "kyphosis_tl_deg")
    outcome_window_days: Annotated[
        tuple[int, int],
        AfterValidator(upward),
        Field(description="days after the operation of the MRI that tells the outcome"),
    ] = (300, 455)
    anticipated_auc: Annotated[
        float, Field(gt=0.5, lt=1, description="AUC on which the sample size rests (Riley)")
    ] = 0.75
    threshold_range: Annotated[
        tuple[float, float],
        AfterValidator(upward),
        Field(description="risks between which acting on a risk is considered: the net benefit"),
    ] = (0.05, 0.3)
    interval_level: Annotated[
        float, Field(gt=0.5, lt=1, description="level of the interval of an individual risk")
    ] = 0.9
    unmeasured_sd: Annotated[
        float,
        Field(
            ge=0,
            le=2,
            description="assumed spread of the log odds among patients alike in all terms; part of the "
            "interval",
        ),
    ] = 0.2
    bootstrap_samples: Annotated[
        int, Field(ge=20, le=5000, description="resamples in which the whole procedure is repeated")
    ] = 200
    cross_validation_repeats: Annotated[
        int, Field(ge=1, le=200, description="repeats of the 10-fold cross-validation")
    ] = 10
    seed: Annotated[int, Field(ge=0, description="seed of the resampling")] = 0
