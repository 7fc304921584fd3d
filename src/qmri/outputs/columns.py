"""Every column of the marker tables: name, unit, definition, plausible range and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SHEET = "study sheet"
IMAGES = "maps and labels"
HEADER = "DICOM header"
PROGRAM = "qmri"

YES_NO = {"1": "yes", "0": "no"}
STATUS = {
    "ok": "measured",
    "not_in_view": "outside the images or cut by their edge",
    "failed": "in view or expected, but could not be measured; see status_reason",
}
FRACTURE_STATUS = {
    "none": "not fractured, by the study sheet",
    "acute": "fractured recently",
    "old": "fractured long ago",
    "treated_target": "the fractured level that was or will be treated",
    "unknown": "the study sheet says nothing of fractures for this examination",
}
HEIGHT_LOSS_KINDS = {
    "wedge": "anterior against posterior height",
    "biconcave": "middle against posterior height",
    "crush": "a height against the same height of the neighbours",
}
GENANT_GRADES = {
    "0": "loss below 20 %",
    "1": "20 to 25 %",
    "2": "25 to 40 %",
    "3": "more than 40 %",
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        snake_case, the unit as its suffix.
    unit
        Unit, or None for names and categories.
    description
        Definition in a sentence or two.
    plausible
        Range outside which a value is flagged, or None.
    levels
        The allowed words of a categorical column, each with its meaning.
    source
        Where the value comes from.
    """

    name: str
    unit: str | None
    description: str
    plausible: tuple[float, float] | None = None
    levels: dict[str, str] | None = None
    source: str = IMAGES


_STATISTICS = {
    "mean": "Mean",
    "median": "Median",
    "sd": "Standard deviation",
    "iqr": "Interquartile range",
    **{f"p{n:02d}": f"{n}th percentile" for n in (5, 10, 25, 75, 90, 95)},
}
_TEXTURE = {
    "contrast": "Contrast",
    "dissimilarity": "Dissimilarity",
    "homogeneity": "Inverse difference",
    "entropy": "Joint entropy, bits",
    "correlation": "Correlation",
    "energy": "Angular second moment",
}
_ROI = "the eroded body without voids and the basivertebral vein"

_PDFF, _R2STAR = (2.0, 85.0), (20.0, 300.0)
_HEIGHT = (8.0, 40.0)


def _pdff(statistics: Iterable[str]) -> tuple[Column, ...]:
    """Return a column of PDFF in the region for each statistic."""
    return tuple(
        Column(
            f"pdff_{name}_pct",
            "%",
            f"{_STATISTICS[name]} of PDFF over {_ROI}.",
            _PDFF if name in ("mean", "median") else None,
        )
        for name in statistics
    )


def _r2star(statistics: Iterable[str]) -> tuple[Column, ...]:
    """Return a column of R2* in the region for each statistic."""
    return tuple(
        Column(
            f"r2star_{name}_per_s",
            "1/s",
            f"{_STATISTICS[name]} of R2* over {_ROI}.",
            _R2STAR if name in ("mean", "median") else None,
        )
        for name in statistics
    )


def _errors(
    stem: str, suffix: str, unit: str, label: str, plausible: tuple[float, float]
) -> tuple[Column, ...]:
    """Return the columns of the standard errors of a median."""
    of = f"of the median {label}"
    return (
        Column(
            f"{stem}_se_noise_{suffix}",
            unit,
            f"Standard error {of} from image noise: the voxels' standard deviations, with n_eff independent "
            "voxels.",
        ),
        Column(
            f"{stem}_se_sampling_{suffix}",
            unit,
            f"Standard error {of} from resampling blocks of the body; holds noise and heterogeneity.",
        ),
        Column(
            f"{stem}_se_mask_{suffix}",
            unit,
            f"Half the change {of} between a region a voxel smaller and one a voxel larger in the plane.",
        ),
        Column(
            f"{stem}_se_total_{suffix}",
            unit,
            f"Standard error {of}: root of the squares of the larger of noise and sampling, of the mask, and "
            "of repeatability between scans (configuration).",
            plausible,
        ),
    )


def _part(name: str, words: str) -> Column:
    return Column(
        f"pdff_{name}_pct", "%", f"Median PDFF of the {words} of the region, along the body's axes."
    )


_KEYS = (
    Column("participant_id", None, "Participant, without the prefix sub-.", source=SHEET),
    Column("session_id", None, "Session, without the prefix ses-.", source=SHEET),
)

_STATE = (
    Column("status", None, "Whether the row has numbers.", levels=STATUS, source=PROGRAM),
    Column("status_reason", None, "Why the status is not ok; n/a where it is.", source=PROGRAM),
)

VERTEBRA_COLUMNS: tuple[Column, ...] = (
    *_KEYS,
    Column("level", None, "Vertebral level, C1-C7, T1-T13, L1-L6.", source="labels"),
    *_STATE,
    Column("fracture_status", None, "What the study sheet says.", levels=FRACTURE_STATUS, source=SHEET),
    Column(
        "in_background",
        "0/1",
        "Counts as unfractured marrow of the patient: fractured neither by the sheet nor by its shape, "
        "and no disqualifying flag.",
        levels=YES_NO,
        source=PROGRAM,
    ),
    Column(
        "levels_to_nearest_target",
        "levels",
        "Steps to the nearest treated level, + caudal of it; of two equally near the cranial one counts.",
        source=SHEET,
    ),
    *_pdff(("mean", "median", "sd", "iqr", "p05", "p10", "p25", "p75", "p90", "p95")),
    Column("pdff_skew", None, f"Skewness of PDFF over {_ROI}.", (-5, 5)),
    Column("pdff_kurt", None, f"Kurtosis of PDFF over {_ROI}; 3 for a normal distribution.", (0, 40)),
    Column("pdff_ratio_to_bg", "ratio", "Median PDFF over pdff_bg_median_pct of the patient.", (0.05, 2.0)),
    Column(
        "pdff_below20_frac", "fraction", "Share of voxels below 20 % PDFF: oedema or cellular marrow.", (0, 1)
    ),
    _part("ant", "anterior third"),
    _part("mid", "middle third"),
    _part("post", "posterior third"),
    _part("sup", "upper half"),
    _part("inf", "lower half"),
    Column("pdff_whole_mean_pct", "%", "Mean PDFF of the whole label, voids left out, not eroded."),
    Column("pdff_whole_median_pct", "%", "Median PDFF of the whole label, voids left out, not eroded."),
    Column(
        "pdff_erosion_sensitivity_pct",
        "%",
        "Median PDFF with a margin of 2 mm minus that with 4 mm: how much the outline matters.",
    ),
    *_r2star(("mean", "median", "sd", "iqr", "p10", "p90")),
    Column("r2star_whole_median_per_s", "1/s", "Median R2* of the whole label, voids left out, not eroded."),
    Column("t2star_median_ms", "ms", "1000 / r2star_median_per_s.", (3, 50)),
    Column(
        "r2star_pdff_corr",
        "rho",
        "Spearman correlation of R2* and PDFF over the voxels of the region. Exploratory: the noise of both "
        "is correlated within a voxel.",
        (-1, 1),
    ),
    *(
        Column(
            f"pdff_glcm_{name}",
            None,
            f"{words} of the grey-level co-occurrence of PDFF in the region: IBSI, distance 1, 2D in the "
            "slice, slice-merged, bins of fixed width from 0 %.",
        )
        for name, words in _TEXTURE.items()
    ),
    *_errors("pdff", "pct", "%", "PDFF", (0.0, 5.0)),
    *_errors("r2star", "per_s", "1/s", "R2*", (0.0, 20.0)),
    Column(
        "pdff_vendor_median_pct",
        "%",
        "Median of the scanner's own PDFF map in the same region, where it was exported besides the echoes.",
    ),
    Column(
        "r2star_vendor_median_per_s",
        "1/s",
        "Median of the scanner's own R2* map in the same region, where it was exported besides the echoes.",
    ),
    Column("fit_rchi2_median", None, "Median reduced chi-square of the fit over the region."),
    Column("snr_median", None, "Median signal (water + fat, echo time 0) over the noise of one channel."),
    Column("b0_range_hz", "Hz", "Middle 95 % of the field over the region."),
    Column(
        "swap_risk_frac", "fraction", "Share of the region where a water-fat swap is more likely than not."
    ),
    Column("void_frac", "fraction", "Share of the label below a quarter of the marrow's signal."),
    Column("pdff_above90_frac", "fraction", "Share of the label above 90 % PDFF, voids left out."),
    Column("n_voxels", "voxels", f"Voxels with a value in {_ROI}."),
    Column("n_voxels_body", "voxels", "Voxels of the whole label."),
    Column("n_eff", "voxels", "n_voxels times acquired over reconstructed matrix: independent voxels."),
    Column(
        "erosion_mm", "mm", "Margin taken from the surface: as configured, at most 0.2 of the least height."
    ),
    Column("volume_cm3", "cm3", "Volume of the whole label; n/a where slices end inside the body.", (4, 60)),
    Column(
        "height_ant_mm", "mm", "Height at 15 % of the depth from the anterior wall, mid-sagittal.", _HEIGHT
    ),
    Column("height_mid_mm", "mm", "Height at half the depth, mid-sagittal.", _HEIGHT),
    Column("height_post_mm", "mm", "Height at 85 % of the depth, mid-sagittal.", _HEIGHT),
    Column("height_min_mm", "mm", "Least of the three heights over the middle 60 % of the width.", _HEIGHT),
    Column("height_ratio_ap", "ratio", "height_ant_mm over height_post_mm.", (0.3, 1.4)),
    Column("height_ratio_mp", "ratio", "height_mid_mm over height_post_mm.", (0.3, 1.3)),
    Column(
        "height_ratio_ap_worst", "ratio", "Least anterior over posterior height, middle 60 % of the width."
    ),
    Column("height_ratio_mp_worst", "ratio", "Least middle over posterior height, middle 60 % of the width."),
    Column("depth_mm", "mm", "Antero-posterior extent beside the endplates.", (15, 50)),
    Column(
        "wedge_angle_deg",
        "deg",
        "Angle between the endplates from 15 to 85 % of the depth, + kyphotic.",
        (-20, 40),
    ),
    Column(
        "kyphosis_local_deg", "deg", "From the upper endplate above to the lower endplate below, + kyphotic."
    ),
    Column(
        "height_loss_pct",
        "%",
        "Largest loss: anterior or middle against posterior height, or a height against the neighbours'; "
        "negative where the body is taller.",
    ),
    Column("height_loss_kind", None, "Which comparison the loss rests on.", levels=HEIGHT_LOSS_KINDS),
    Column("genant_grade", "0-3", "Grade of height_loss_pct.", levels=GENANT_GRADES),
    Column(
        "label_confidence",
        None,
        "Confidence of the outline, 0-1; n/a where a person drew it.",
        (0, 1),
        source="segmentation",
    ),
    Column(
        "level_verified",
        "0/1",
        "Whether the name of the level is certain.",
        levels=YES_NO,
        source="segmentation",
    ),
    Column("qc_pass", "0/1", "No disqualifying flag.", levels=YES_NO, source=PROGRAM),
    Column(
        "qc_flags",
        None,
        "Flags raised, separated by semicolons; their evidence is in flags.csv.",
        source=PROGRAM,
    ),
    Column("na_reason", None, "Why cells of a measured row are n/a.", source=PROGRAM),
)

PATIENT_COLUMNS: tuple[Column, ...] = (
    *_KEYS,
    *_STATE,
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
    Column("t1_bias_pct", "%", "Predicted rise of the background PDFF by T1 weighting; not corrected."),
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
)

FLAG_COLUMNS: tuple[Column, ...] = (
    *_KEYS,
    Column("level", None, "Vertebral level; n/a for a flag of the examination.", source="labels"),
    Column("flag", None, "Name of the flag.", source=PROGRAM),
    Column(
        "disqualifies",
        "0/1",
        "Takes the level out of the background and fails quality control; the row stays.",
        levels=YES_NO,
        source=PROGRAM,
    ),
    Column("value", None, "The number that raised the flag, in the unit of the row."),
    Column("threshold", None, "What it was held against (configuration).", source=PROGRAM),
    Column("unit", None, "Unit of value and threshold.", source=PROGRAM),
    Column("evidence", None, "What was found, in words.", source=PROGRAM),
)

CHANGED = {
    "height_ant_mm": ("mm", "anterior height"),
    "height_mid_mm": ("mm", "middle height"),
    "height_post_mm": ("mm", "posterior height"),
    "pdff_median_pct": ("%", "median PDFF"),
    "r2star_median_per_s": ("1/s", "median R2*"),
}
"""Columns of vertebrae.csv whose change is reported, with unit and words."""

FRACTURE_EVIDENCE = {
    "candidate": "a height fell by more than 4 mm and 15 %, or the grade rose",
    "none": "no height fell so far",
    "known": "the level was fractured or treated at the earlier session",
    "unknown": "a height is missing at one of the sessions",
}

CHANGE_COLUMNS: tuple[Column, ...] = (
    Column("participant_id", None, "Participant, without the prefix sub-.", source=SHEET),
    Column("level", None, "Vertebral level.", source="labels"),
    Column("session_before", None, "The participant's first session in the study sheet.", source=SHEET),
    Column("session_after", None, "The later session.", source=SHEET),
    *(
        column
        for name, (unit, words) in CHANGED.items()
        for column in (
            Column(f"change_{name}", unit, f"Change of the {words}, later minus earlier."),
            Column(
                f"sdc_{name}",
                unit,
                f"Smallest detectable change of the {words}: 1.96 sqrt(2) times its error.",
            ),
            Column(
                f"detected_{name}",
                "0/1",
                f"Whether the change of the {words} is larger than the smallest detectable one.",
                levels=YES_NO,
            ),
        )
    ),
    Column("genant_before", "0-3", "Grade at the earlier session.", levels=GENANT_GRADES),
    Column("genant_after", "0-3", "Grade at the later session.", levels=GENANT_GRADES),
    Column(
        "new_fracture",
        None,
        "Candidate of a new fracture, for a reader to confirm on the images.",
        levels=FRACTURE_EVIDENCE,
    ),
    Column(
        "comparable", "0/1", "Same field, fat spectrum and origin of the maps.", levels=YES_NO, source="fit"
    ),
    Column(
        "evidence", None, "What the candidate rests on, or why values cannot be compared.", source=PROGRAM
    ),
)
