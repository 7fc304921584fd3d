"""The columns of vertebrae.csv."""

from __future__ import annotations

from collections.abc import Iterable

from qmri.outputs.columns import GENANT_GRADES, KEYS, PROGRAM, SHEET, STATE, YES_NO, Column
from qmri.outputs.markers.disc_columns import BODY_DISC_COLUMNS
from qmri.outputs.markers.fracture_columns import FRACTURE_COLUMNS

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
            f"{_STATISTICS[name]} of R2* over {_ROI}."
            + (
                " By least squares, as noise moves the mean of the map (r2star_shift)."
                if name == "mean"
                else ""
            ),
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


VERTEBRA_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    Column("level", None, "Vertebral level, C1-C7, T1-T13, L1-L6.", source="labels"),
    *STATE,
    Column("fracture_status", None, "What the study sheet says.", levels=FRACTURE_STATUS, source=SHEET),
    Column(
        "in_background",
        "0/1",
        "Counts as unfractured marrow of the patient: fractured neither by the sheet nor by its shape, not "
        "oedematous, and no disqualifying flag.",
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
    Column("pdff_skew", None, f"Skewness of PDFF over {_ROI}.", (-8, 8)),
    Column("pdff_kurt", None, f"Kurtosis of PDFF over {_ROI}; 3 for a normal distribution.", (0, 100)),
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
    Column(
        "pdff_t1_corrected_median_pct",
        "%",
        "pdff_median_pct without the T1 weighting of a spoiled gradient echo, by flip angle, repetition time "
        "and T1 of water and of fat in marrow at 3 T (docs/markers.md); n/a at other fields and in recent "
        "fractures.",
        (0.0, 85.0),
    ),
    Column(
        "pdff_t1_corrected_se_total_pct",
        "%",
        "Standard error of pdff_t1_corrected_median_pct: pdff_se_total_pct through the correction, with the "
        "spread of both T1 between patients and of the flip angle.",
        (0.0, 7.0),
    ),
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
    Column(
        "void_frac",
        "fraction",
        "Share of the body, 2 mm inside its surface, below a quarter of the marrow's signal.",
    ),
    Column(
        "pdff_above90_frac",
        "fraction",
        "Share of the body, 2 mm inside its surface, above 90 % PDFF; voids left out.",
    ),
    Column("n_voxels", "voxels", f"Voxels with a value in {_ROI}."),
    Column("n_voxels_body", "voxels", "Voxels of the whole label."),
    Column("n_eff", "voxels", "n_voxels times the share of voxels whose noise is independent."),
    Column(
        "n_eff_from",
        None,
        "What tells the share of independent voxels.",
        levels={
            "header": "Acquired over reconstructed matrix.",
            "residuals": "Correlation of the residuals of the fit between neighbours.",
            "header and residuals": "The header in the plane, the residuals across the slices.",
            "assumed": "Nothing: every voxel counts as independent.",
        },
    ),
    Column(
        "erosion_mm", "mm", "Margin taken from the surface: as configured, at most 0.2 of the least height."
    ),
    Column("volume_cm3", "cm3", "Volume of the whole label; n/a where slices end inside the body.", (3, 90)),
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
        (-25, 45),
    ),
    Column(
        "kyphosis_local_deg", "deg", "From the upper endplate above to the lower endplate below, + kyphotic."
    ),
    Column(
        "height_loss_pct",
        "%",
        "Largest loss against what is usual: anterior (by level) or middle over posterior height, or a "
        "height against the neighbours'; "
        "negative where the body is taller.",
    ),
    Column("height_loss_kind", None, "Which comparison the loss rests on.", levels=HEIGHT_LOSS_KINDS),
    Column("height_loss_se_pct", "%", "Standard error of height_loss_pct by the errors of both heights."),
    Column("genant_grade", "0-3", "Grade of height_loss_pct.", levels=GENANT_GRADES),
    Column(
        "genant_doubt",
        "0/1",
        "A limit of the grades lies within one standard error of height_loss_pct.",
        levels=YES_NO,
    ),
    *FRACTURE_COLUMNS,
    *BODY_DISC_COLUMNS,
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
