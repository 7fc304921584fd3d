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


def _of(quantity: str, unit: str, region: str, statistics: Iterable[str]) -> tuple[Column, ...]:
    """Return a column for each statistic of PDFF or R2* in a region."""
    words = {
        "mean": "Mean",
        "median": "Median",
        "sd": "Standard deviation",
        "iqr": "Interquartile range",
        **{f"p{n:02d}": f"{n}th percentile" for n in (5, 10, 25, 75, 90, 95)},
    }
    stem, suffix, label = {"pdff": ("pdff", "pct", "PDFF"), "r2star": ("r2star", "per_s", "R2*")}[quantity]
    usual = {"pdff": (2.0, 85.0), "r2star": (30.0, 300.0)}[quantity]
    return tuple(
        Column(
            f"{stem}_{name}_{suffix}",
            unit,
            f"{words[name]} of {label} over {region}.",
            usual if name in ("mean", "median") else None,
        )
        for name in statistics
    )


_ROI = "the eroded body, without voids and the basivertebral vein"

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
        "Counts as unfractured marrow of the patient: not fractured by the sheet or by its shape, "
        "and passed quality control.",
        levels=YES_NO,
        source=PROGRAM,
    ),
    Column(
        "levels_to_nearest_target",
        "levels",
        "Steps to the nearest treated level, + caudal of it; of two equally near the cranial one counts.",
        (-12, 12),
        source=SHEET,
    ),
    *_of("pdff", "%", _ROI, ("mean", "median", "sd", "iqr", "p05", "p10", "p25", "p75", "p90", "p95")),
    *_of("r2star", "1/s", _ROI, ("mean", "median", "sd", "iqr", "p10", "p90")),
    Column("n_voxels", "voxels", f"Voxels with a value in {_ROI}.", (100, 20000)),
    Column("volume_cm3", "cm3", "Volume of the whole labelled body.", (5, 45)),
    Column(
        "height_ant_mm", "mm", "Height at 15 % of the depth from the anterior wall, mid-sagittal.", (8, 35)
    ),
    Column("height_mid_mm", "mm", "Height at half the depth, mid-sagittal.", (8, 35)),
    Column("height_post_mm", "mm", "Height at 85 % of the depth, mid-sagittal.", (8, 35)),
    Column("qc_flags", None, "Flags raised for this level, separated by ;", source=PROGRAM),
)

PATIENT_COLUMNS: tuple[Column, ...] = (
    *_KEYS,
    *_STATE,
    Column("n_bg_levels", "levels", "Number of background levels.", (1, 24)),
    Column("bg_levels", None, "The background levels, cranial to caudal, separated by ;"),
    Column(
        "pdff_bg_mean_pct",
        "%",
        "Mean over the background levels of their median PDFF; each counts once.",
        (20, 85),
    ),
    Column(
        "pdff_bg_median_pct",
        "%",
        "Median over the background levels of their median PDFF; each counts once.",
        (20, 85),
    ),
    Column(
        "r2star_bg_median_per_s", "1/s", "Median over the background levels of their median R2*.", (30, 300)
    ),
    Column("pdff_target_median_pct", "%", "Mean over the treated levels of their median PDFF.", (2, 85)),
    Column("field_t", "T", "Nominal field strength.", (0.5, 7), source=HEADER),
    Column("vendor", None, "Manufacturer of the scanner.", source=HEADER),
    Column("model", None, "Model name of the scanner.", source=HEADER),
    Column("software", None, "Software version of the scanner.", source=HEADER),
    Column("fa_deg", "deg", "Flip angle.", (1, 90), source=HEADER),
    Column("tr_ms", "ms", "Repetition time.", (2, 100), source=HEADER),
    Column("te_ms_list", "ms", "Echo times, separated by ;", source=HEADER),
    Column("recon_mode", None, "Whether the echoes were fitted or the scanner's maps adopted.", source="fit"),
    Column(
        "fat_model_id",
        None,
        "Fat spectrum of the fit; values of different spectra are not pooled.",
        source="fit",
    ),
    Column("pipeline_version", None, "Version of qmri.", source=PROGRAM),
    Column("qc_flags", None, "Flags raised for the examination, separated by ;", source=PROGRAM),
)
