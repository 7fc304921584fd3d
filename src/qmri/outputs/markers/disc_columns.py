"""The columns of discs.csv, and what discs and endplates add to the other tables."""

from __future__ import annotations

from qmri.outputs.columns import KEYS, PROGRAM, STATE, YES_NO, Column

BRIDGE_AT = {
    "front": "in front of the disc",
    "right": "to the patient's right",
    "left": "to the patient's left",
}

_CANAL = (
    "upper quartile of the water of the spinal canal beside it, by the network's labels; not the published "
    "vertebral bone quality (VBQ), which is taken on T1-weighted spin echoes"
)


def _height(name: str, share: str) -> Column:
    return Column(
        f"height_{name}_mm",
        "mm",
        f"Distance of the endplates at {share} of the depth from the front, mid-sagittal, along their "
        "bisector.",
        (0, 20),
    )


def _error(name: str, unit: str, words: str) -> Column:
    return Column(name, unit, f"Standard error of {words}.")


DISC_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    Column("level", None, "Level of the body above the disc: L4 is the disc L4-L5.", source="labels"),
    *STATE,
    Column("level_verified", "0/1", "Whether the name of the level is certain.", levels=YES_NO),
    _height("ant", "15 %"),
    _height("mid", "half"),
    _height("post", "85 %"),
    Column("height_mean_mm", "mm", "Mean of the three heights.", (0, 18)),
    _error("height_mean_se_mm", "mm", "height_mean_mm (measure.repeatability_disc_height_mm)"),
    Column("depth_mm", "mm", "Antero-posterior extent between the walls of both bodies.", (15, 50)),
    Column(
        "height_to_depth_ratio",
        "ratio",
        "height_mean_mm over depth_mm (after Frobin et al. 1997); a neighbour that lost height does not "
        "raise it.",
        (0.0, 0.6),
    ),
    _error("height_to_depth_se_ratio", "ratio", "height_to_depth_ratio"),
    Column(
        "height_index_ratio",
        "ratio",
        "Disc height index: height_mean_mm over the mean middle height of the bodies above and below "
        "(Chen et al. 2022); n/a where one of them is fractured or graded.",
        (0.0, 0.8),
    ),
    _error("height_index_se_ratio", "ratio", "height_index_ratio"),
    Column(
        "angle_deg",
        "deg",
        "Angle between the endplates from 15 to 85 % of the depth, + higher in front.",
        (-15, 30),
    ),
    _error("angle_se_deg", "deg", "angle_deg"),
    Column(
        "water_to_canal_ratio",
        "ratio",
        "Median water signal of the middle of the disc, off both endplates, over the upper quartile of the "
        "water of the spinal canal beside it (network's labels of both).",
        (0.05, 3.0),
    ),
    _error("water_to_canal_se_ratio", "ratio", "water_to_canal_ratio by the scatter of the voxels"),
    Column("n_voxels_disc", "voxels", "Voxels of the disc in water_to_canal_ratio."),
    Column("n_voxels_canal", "voxels", "Voxels of the canal in water_to_canal_ratio."),
    Column(
        "marrow_frac",
        "fraction",
        "Share of the middle of the space whose PDFF is that of the marrow beside it: near 1 where the "
        "bodies are one block. n/a where marrow has under 15 or over 75 % fat.",
        (0, 1),
    ),
    Column(
        "bridge_mm",
        "mm",
        "Thickness of marrow that joins the bodies at the front or a side of the disc.",
        (0, 16),
    ),
    Column("bridge_at", None, "Where the thickest bridge lies.", levels=BRIDGE_AT),
    Column(
        "qc_flags",
        None,
        "Flags of the disc, separated by semicolons; their evidence is in flags.csv.",
        source=PROGRAM,
    ),
    Column("na_reason", None, "Why cells of a measured row are n/a.", source=PROGRAM),
)


def _plate(name: str, words: str) -> tuple[Column, ...]:
    return (
        Column(
            f"endplate_defect_{name}_mm",
            "mm",
            f"Depth of the deepest pit of the {words} endplate: what a ball of 40 mm does not reach, in the "
            "outline or where marrow ends on PDFF (not in recent fractures and around voids), off the rim.",
            (0, 12),
        ),
        Column(
            f"endplate_defect_{name}_frac",
            "fraction",
            f"Share of the {words} endplate that this pit takes.",
            (0, 1),
        ),
    )


BODY_DISC_COLUMNS: tuple[Column, ...] = (
    *_plate("sup", "upper"),
    *_plate("inf", "lower"),
    Column(
        "water_to_canal_ratio", "ratio", f"Median water signal of the region over the {_CANAL}.", (0.02, 2.0)
    ),
    _error("water_to_canal_se_ratio", "ratio", "water_to_canal_ratio by the scatter of the voxels"),
    Column(
        "inphase_to_canal_ratio",
        "ratio",
        f"Median of water and fat together in the region over the {_CANAL}.",
        (0.1, 4.0),
    ),
    _error("inphase_to_canal_se_ratio", "ratio", "inphase_to_canal_ratio by the scatter of the voxels"),
)
"""Of vertebrae.csv."""

_MEANS = (
    ("disc_height_to_depth_mean", "height_to_depth_ratio of the measured discs L1-L2 to L4-L5", (0.0, 0.6)),
    ("disc_height_index_mean", "height_index_ratio of the measured discs L1-L2 to L4-L5", (0.0, 0.8)),
    ("disc_water_to_canal_mean", "water_to_canal_ratio of the measured discs L1-L2 to L4-L5", (0.05, 3.0)),
    ("water_to_canal_l1l4_mean", "water_to_canal_ratio of the background levels among L1 to L4", (0.02, 2.0)),
    (
        "inphase_to_canal_l1l4_mean",
        "inphase_to_canal_ratio of the background levels among L1 to L4",
        (0.1, 4.0),
    ),
)

PATIENT_DISC_COLUMNS: tuple[Column, ...] = (
    Column(
        "n_endplate_defects",
        "plates",
        "Endplates with a pit deeper than measure.flag_endplate_defect_mm.",
        (0, 20),
    ),
    Column("n_fused_levels", "levels", "Levels with the flag fused_bodies.", (0, 5)),
    *(Column(f"{stem}_ratio", "ratio", f"Mean of {words}.", plausible) for stem, words, plausible in _MEANS),
    *(_error(f"{stem}_se_ratio", "ratio", f"{stem}_ratio") for stem, _, _ in _MEANS),
)
"""Of patients.csv."""
