"""The columns of patients.csv."""

from __future__ import annotations

from qmri.outputs.columns import HEADER, KEYS, PROGRAM, SHEET, STATE, YES_NO, Column
from qmri.outputs.markers.disc_columns import PATIENT_DISC_COLUMNS
from qmri.outputs.markers.fracture_columns import PATIENT_FRACTURE_COLUMNS
from qmri.outputs.markers.patient_muscle_columns import PATIENT_MUSCLE_COLUMNS

MEAN_ERROR = (
    "repeatability between scans, which is common to the levels, and their own errors over their number"
)
MEDIAN_ERROR = "that of the mean of the same levels"
ANGLE_ERROR = "repeatability of the heights over the distance at which the endplates are read"

PATIENT_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    *STATE,
    Column("n_levels", "levels", "Number of measured levels."),
    Column("n_bg_levels", "levels", "Number of background levels."),
    Column("bg_levels", None, "The background levels, cranial to caudal, separated by semicolons."),
    Column(
        "pdff_bg_mean_pct",
        "%",
        "Mean over the background levels of their median PDFF; each counts once.",
        (20, 85),
    ),
    Column("pdff_bg_median_pct", "%", "Median over the background levels of their median PDFF.", (20, 85)),
    Column("pdff_bg_sd_pct", "%", "Standard deviation over the background levels of their median PDFF."),
    Column("pdff_bg_min_pct", "%", "Least median PDFF of a background level."),
    Column("pdff_bg_max_pct", "%", "Largest median PDFF of a background level."),
    Column("pdff_bg_within_sd_pct", "%", "Root mean square over the background levels of pdff_sd_pct."),
    Column(
        "pdff_bg_between_sd_pct",
        "%",
        "pdff_bg_sd_pct without what the sampling error of each median adds to it.",
    ),
    Column(
        "pdff_bg_level_adj_pct",
        "%",
        "Mean over the background levels from T11 to L5 of their median PDFF, moved to L2 along the usual "
        "rise per level (configuration); comparable between patients whose excluded levels differ.",
        (20, 85),
    ),
    Column(
        "pdff_l1l4_nonfx_mean_pct",
        "%",
        "Mean over the background levels among L1 to L4 of their median PDFF: the literature's comparator.",
        (20, 85),
    ),
    Column("pdff_adjacent_mean_pct", "%", "Mean PDFF of the background levels next to a treated level."),
    Column(
        "pdff_nonadjacent_mean_pct", "%", "Mean PDFF of the background levels not next to a treated level."
    ),
    Column("pdff_target_median_pct", "%", "Mean over the treated levels of their median PDFF.", (2, 85)),
    Column("pdff_target_ratio", "ratio", "pdff_target_median_pct over pdff_bg_median_pct.", (0.05, 2.0)),
    Column(
        "r2star_bg_median_per_s", "1/s", "Median over the background levels of their median R2*.", (30, 300)
    ),
    Column(
        "r2star_bg_level_adj_per_s",
        "1/s",
        "As pdff_bg_level_adj_pct for R2*; no slope is published, so by default a mean from T11 to L5.",
        (30, 300),
    ),
    Column(
        "kyphosis_tl_deg", "deg", "Thoracolumbar kyphosis, T10-L2 or the widest of T11-L1, T12-L1 in view."
    ),
    Column("cobb_coronal_deg", "deg", "Largest angle between two bodies in the coronal plane, lying."),
    *(
        Column(name, unit, f"Standard error of {marker}: {words}.")
        for name, unit, marker, words in (
            ("pdff_bg_mean_se_pct", "%", "pdff_bg_mean_pct", MEAN_ERROR),
            ("pdff_bg_median_se_pct", "%", "pdff_bg_median_pct", MEDIAN_ERROR),
            ("pdff_bg_level_adj_se_pct", "%", "pdff_bg_level_adj_pct", MEAN_ERROR),
            ("pdff_l1l4_nonfx_mean_se_pct", "%", "pdff_l1l4_nonfx_mean_pct", MEAN_ERROR),
            ("pdff_adjacent_mean_se_pct", "%", "pdff_adjacent_mean_pct", MEAN_ERROR),
            ("pdff_nonadjacent_mean_se_pct", "%", "pdff_nonadjacent_mean_pct", MEAN_ERROR),
            ("pdff_target_median_se_pct", "%", "pdff_target_median_pct", MEAN_ERROR),
            ("pdff_target_se_ratio", "ratio", "pdff_target_ratio", "by the errors of both parts"),
            ("r2star_bg_median_se_per_s", "1/s", "r2star_bg_median_per_s", MEDIAN_ERROR),
            ("r2star_bg_level_adj_se_per_s", "1/s", "r2star_bg_level_adj_per_s", MEAN_ERROR),
            ("kyphosis_tl_se_deg", "deg", "kyphosis_tl_deg", ANGLE_ERROR),
            ("cobb_coronal_se_deg", "deg", "cobb_coronal_deg", ANGLE_ERROR),
        )
    ),
    Column(
        "t1_bias_pct",
        "%",
        "Predicted rise of the background PDFF by T1 weighting; only columns named t1_corrected are "
        "without it.",
    ),
    Column(
        "pdff_bg_t1_corrected_median_pct",
        "%",
        "pdff_bg_median_pct without the T1 weighting of the sequence, as pdff_t1_corrected_median_pct.",
        (10, 85),
    ),
    Column(
        "pdff_bg_t1_corrected_median_se_pct",
        "%",
        "Standard error of pdff_bg_t1_corrected_median_pct: that of pdff_bg_median_pct through the "
        "correction, with the spread of both T1 between patients and of the flip angle.",
    ),
    *PATIENT_MUSCLE_COLUMNS,
    *PATIENT_FRACTURE_COLUMNS,
    *PATIENT_DISC_COLUMNS,
    Column("n_fx_acute", "levels", "Acute or treated levels.", source=SHEET),
    Column("n_fx_old", "levels", "Old fractures.", source=SHEET),
    Column("has_tl_junction_fx", "0/1", "A fracture from T11 to L2.", levels=YES_NO, source=SHEET),
    Column(
        "field_t", "T", "Nominal field strength; R2* is not pooled across fields.", (0.5, 7), source=HEADER
    ),
    Column("vendor", None, "Manufacturer of the scanner.", source=HEADER),
    Column("model", None, "Model name of the scanner.", source=HEADER),
    Column("software", None, "Software version of the scanner.", source=HEADER),
    Column("fa_deg", "deg", "Flip angle.", (1, 90), source=HEADER),
    Column("tr_ms", "ms", "Repetition time.", (2, 100), source=HEADER),
    Column("te_ms_list", "ms", "Echo times, separated by semicolons.", source=HEADER),
    Column(
        "recon_mode",
        None,
        "Where the maps come from.",
        levels={"fit": "fitted to the echoes", "vendor": "the scanner's maps"},
        source="fit",
    ),
    Column("fat_model_id", None, "Fat spectrum; values of different spectra are not pooled.", source="fit"),
    Column("pipeline_version", None, "Version of qmri.", source=PROGRAM),
    Column("qc_pass", "0/1", "No disqualifying flag of the examination.", levels=YES_NO, source=PROGRAM),
    Column("qc_flags", None, "Flags of the examination, separated by semicolons.", source=PROGRAM),
    Column(
        "na_reason",
        None,
        "Why columns that need the names or outlines of levels, or the T1 of marrow, are n/a.",
        source=PROGRAM,
    ),
)


def error_column(marker: str) -> str | None:
    """Return the column that holds the error of a patient's marker, None where there is none.

    Examples
    --------
    >>> error_column("pdff_bg_level_adj_pct")
    'pdff_bg_level_adj_se_pct'
    """
    stem, _, unit = marker.rpartition("_per_s") if marker.endswith("_per_s") else marker.rpartition("_")
    name = f"{stem}_se_{'per_s' if marker.endswith('_per_s') else unit}"
    return name if name in {column.name for column in PATIENT_COLUMNS} else None
