"""The tables of the risk model: what people write down of a participant, and what the model tells."""

from __future__ import annotations

from qmri.outputs.columns import FOLLOW_UP, OPERATION, PREOPERATIVE, PROGRAM, YES_NO, Column

DATE = "YYYY-MM-DD"
CLINIC, READER, MODEL = "clinical record", "reader", "risk model"

PARTICIPANT = Column(
    "participant_id",
    None,
    "Participant as in the study sheet.",
    source="study sheet",
    known_at=PREOPERATIVE,
)


def _yes_no(name: str, description: str, known_at: str = PREOPERATIVE) -> Column:
    return Column(name, "0/1", description, levels=YES_NO, source=CLINIC, known_at=known_at)


def _measured(
    name: str,
    unit: str,
    description: str,
    *,
    plausible: tuple[float, float],
    allowed: tuple[float, float],
    known_at: str = PREOPERATIVE,
) -> Column:
    return Column(name, unit, description, plausible, source=CLINIC, known_at=known_at, allowed=allowed)


EXCLUSIONS = {
    "severe_scoliosis": "severe scoliosis",
    "earlier_cement_or_fixation": "earlier cement or fixation",
    "infection_or_malignancy": "infection or malignancy",
}
"""Columns of clinical.csv that take a participant out, in words."""

CLINICAL_COLUMNS: tuple[Column, ...] = (
    PARTICIPANT,
    Column("surgery_date", DATE, "Day of the operation.", source=CLINIC, known_at=OPERATION),
    _measured("age_years", "years", "Age at the operation.", plausible=(45, 100), allowed=(0, 150)),
    Column("sex", None, "Sex.", levels={"F": "female", "M": "male"}, source=CLINIC, known_at=PREOPERATIVE),
    _measured("bmi_kg_m2", "kg/m2", "Body mass index.", plausible=(14, 45), allowed=(5, 150)),
    _measured(
        "tscore_lowest",
        "T-score",
        "Lowest T-score of lumbar spine and hip (DXA).",
        plausible=(-6, 2),
        allowed=(-15, 15),
    ),
    _yes_no("glucocorticoid", "Systemic glucocorticoids for three months or more."),
    _yes_no("antiosteoporosis_drug", "A drug against osteoporosis before the operation."),
    _yes_no("cement_leak_disc", "Cement in a disc at the end of the operation.", OPERATION),
    Column(
        "procedure",
        None,
        "Operation.",
        levels={"PVP": "vertebroplasty", "PKP": "kyphoplasty"},
        source=CLINIC,
        known_at=OPERATION,
    ),
    _measured(
        "odi_pre_pct",
        "%",
        "Oswestry Disability Index before the operation.",
        plausible=(0, 100),
        allowed=(0, 100),
    ),
    _measured(
        "vas_pre", "points", "Pain before the operation, 0 to 10.", plausible=(0, 10), allowed=(0, 100)
    ),
    *(_yes_no(name, f"Criterion of exclusion: {words}.") for name, words in EXCLUSIONS.items()),
)

OUTCOME_STATUS = {
    "followed": "followed to the MRI at one year",
    "died": "died before it",
    "lost": "lost: the outcome is unknown, which is not the same as no fracture",
}

OUTCOME_COLUMNS: tuple[Column, ...] = (
    PARTICIPANT,
    Column(
        "outcome_status",
        None,
        "How the follow-up ended.",
        levels=OUTCOME_STATUS,
        source=CLINIC,
        known_at=FOLLOW_UP,
    ),
    Column("last_contact_date", DATE, "Last contact, or death.", source=CLINIC, known_at=FOLLOW_UP),
    Column(
        "followup_mri_date",
        DATE,
        "MRI that tells the outcome: the one at a year, or an earlier one with a new fracture.",
        source=CLINIC,
        known_at=FOLLOW_UP,
    ),
    Column(
        "refracture",
        "0/1",
        "A new fracture at a level neither treated nor fractured before.",
        levels=YES_NO,
        source=READER,
        known_at=FOLLOW_UP,
    ),
    Column(
        "refracture_levels",
        None,
        "Levels of the new fractures, separated by ;.",
        source=READER,
        known_at=FOLLOW_UP,
    ),
    Column(
        "reader_confirmed",
        "0/1",
        "A reader confirmed the fracture on the images.",
        levels=YES_NO,
        source=READER,
        known_at=FOLLOW_UP,
    ),
    _measured(
        "odi_1y_pct",
        "%",
        "Oswestry Disability Index at one year.",
        plausible=(0, 100),
        allowed=(0, 100),
        known_at=FOLLOW_UP,
    ),
    _measured(
        "vas_1y",
        "points",
        "Pain at one year, 0 to 10.",
        plausible=(0, 10),
        allowed=(0, 100),
        known_at=FOLLOW_UP,
    ),
)

PROPOSAL = Column(
    "proposal",
    None,
    "What qmri risk outcomes found in changes.csv; refused by qmri risk develop until reader_confirmed is 1.",
    source=PROGRAM,
    known_at=FOLLOW_UP,
)

READER_OUTCOME_COLUMNS: tuple[Column, ...] = (
    *OUTCOME_COLUMNS,
    Column(
        "interval_days",
        "d",
        "Days from the participant's first session to the one that tells the outcome; n/a without dates.",
        source="DICOM",
        known_at=FOLLOW_UP,
    ),
    Column(
        "reason",
        None,
        "Why the outcome is not known, or what is still to be read.",
        source=PROGRAM,
        known_at=FOLLOW_UP,
    ),
)
"""review/outcomes.csv: the outcomes with what the readers' log tells."""

READER_WRITTEN = (
    "participant_id",
    "refracture",
    "refracture_levels",
    "reader_confirmed",
    "interval_days",
    "reason",
)
"""Columns of review/outcomes.csv that follow from the readings; a person fills in the others."""

RISK_FLAGS = {
    "extrapolated": "a term lies outside the range of the patients that the model was made from",
    "levels_unverified": "the names of the levels are not certain, so the risks of the levels are not either",
}

RISK_PATIENT_COLUMNS: tuple[Column, ...] = (
    PARTICIPANT,
    Column("risk", "fraction", "Risk of a new fracture within a year.", (0, 1), source=MODEL),
    Column("risk_low", "fraction", "Lower limit of the 90 % interval (configuration).", source=MODEL),
    Column("risk_high", "fraction", "Upper limit of the 90 % interval (configuration).", source=MODEL),
    Column("flags", None, "What to mind, separated by semicolons.", levels=RISK_FLAGS, source=MODEL),
    Column("extrapolated_terms", None, "Terms outside the range, separated by semicolons.", source=MODEL),
    Column("filled_terms", None, "Missing terms that were filled by their conditional mean.", source=MODEL),
    Column("odi_1y_expected_pct", "%", "Expected Oswestry Disability Index at one year.", source=MODEL),
    Column("odi_1y_low_pct", "%", "Lower limit of its 90 % prediction interval.", source=MODEL),
    Column("odi_1y_high_pct", "%", "Upper limit of its 90 % prediction interval.", source=MODEL),
    Column("vas_1y_expected", "points", "Expected pain at one year.", source=MODEL),
    Column("vas_1y_low", "points", "Lower limit of its 90 % prediction interval.", source=MODEL),
    Column("vas_1y_high", "points", "Upper limit of its 90 % prediction interval.", source=MODEL),
    Column(
        "exploratory",
        "0/1",
        "The model rests on fewer patients than its number of terms asks for.",
        levels=YES_NO,
        source=MODEL,
    ),
)

RISK_LEVEL_COLUMNS: tuple[Column, ...] = (
    PARTICIPANT,
    Column("level", None, "Level neither treated nor fractured.", source="labels"),
    Column(
        "risk",
        "fraction",
        "Risk that this level fractures within a year; 1 minus the product of 1 minus these risks is the "
        "risk of the patient.",
        (0, 1),
        source=MODEL,
    ),
    Column("share", "fraction", "Chance of this level given that one fractures.", (0, 1), source=MODEL),
)

FLOW_STEPS = {
    "no_clinical_row": "in the markers but not in clinical.csv",
    "no_markers": "in clinical.csv but not in the markers",
    "no_preoperative_session": "no session that is known to be preoperative",
    "not_measured": "the preoperative examination could not be measured",
    "qc_failed": "the preoperative examination did not pass the quality check",
    **EXCLUSIONS,
    "no_fracture": "no acute or treated fracture",
    "too_many_fractures": "more than three acute or treated fractures",
    "other_field": "another field strength than most",
    "other_fat_model": "another fat spectrum than most",
    "other_origin": "another origin of the maps than most",
    "no_outcome_row": "not in outcomes.csv, or not filled in yet",
    "lost": "lost: the outcome is unknown",
    "no_mri": "no follow-up MRI, or no date of it or of the operation",
    "mri_early": "no fracture so far, MRI before the window",
    "mri_late": "MRI after the window",
    "no_reading": "followed, but whether there is a new fracture is not given",
    "analysed": "outcome known",
}
"""Where a participant left the analysis, in order, and in words."""

RISK_FLOW_COLUMNS: tuple[Column, ...] = (
    PARTICIPANT,
    Column(
        "step",
        None,
        "Where the participant left, or that the outcome is known.",
        levels=FLOW_STEPS,
        source=PROGRAM,
    ),
    Column(
        "event",
        "0/1",
        "A new fracture within a year; n/a where it is not known.",
        levels=YES_NO,
        source=PROGRAM,
    ),
)

RISK_FILES: dict[str, str] = {
    "risk_model.json": "The model: coefficients in natural units, covariance, imputation, ranges, origin, "
    "versions, hash; all that `qmri risk apply` needs.",
    "risk_performance.json": "Sample size, flow, performance with and without optimism, what imaging adds.",
    "risk_patients.csv": "One row for every eligible participant.",
    "risk_levels.csv": "One row for every level that can fracture anew.",
    "risk_flow.csv": "One row for every participant: analysed, or where they left and why.",
}
"""Files that `qmri risk` writes, beside a JSON dictionary for each table."""

RISK_PAGES: dict[str, str] = {
    "report.html": "The model and how far it can be trusted: flow, sample size, nomogram, performance, "
    "curves, model card, Methods, TRIPOD+AI.",
    "patients/index.html": "The risk of every patient, with links.",
    "patients/<participant>.html": "A patient: risk with interval, what raises and lowers it, levels.",
}
"""Pages that `qmri risk` writes; each stands alone, without network."""
