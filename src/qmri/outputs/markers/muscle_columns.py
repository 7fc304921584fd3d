"""The columns of muscles.csv."""

from __future__ import annotations

from qmri.outputs.columns import KEYS, PROGRAM, STATE, YES_NO, Column

SIDES = {"right": "the patient's right", "left": "the patient's left", "both": "both sides together"}

MUSCLE_COLUMNS: tuple[Column, ...] = (
    *KEYS,
    Column("level", None, "Vertebral level beside which the muscle was measured.", source="labels"),
    Column("muscle", None, "multifidus, erector_spinae, psoas or quadratus_lumborum.", source="labels"),
    Column("side", None, "Side of the body.", levels=SIDES, source="labels"),
    *STATE,
    Column("level_verified", "0/1", "Whether the name of the level is certain.", levels=YES_NO),
    Column(
        "coverage_frac",
        "fraction",
        "Share of the muscle's cross-section at mid-body that is in view; below 1 an estimate from its "
        "thickness where the slices end.",
        (0, 1),
    ),
    Column("coverage_se_frac", "fraction", "Standard error of coverage_frac."),
    Column(
        "pdff_median_pct",
        "%",
        "Median PDFF of the muscle, fat inside it included, between the mid-disc planes, off its surface by "
        "erosion_mm.",
        (0, 80),
    ),
    Column("pdff_mean_pct", "%", "Mean PDFF of the same voxels: the fat share of the muscle.", (0, 80)),
    Column("pdff_sd_pct", "%", "Standard deviation of the same voxels."),
    Column("pdff_se_noise_pct", "%", "Standard error of pdff_median_pct by image noise."),
    Column("pdff_se_sampling_pct", "%", "The same by resampling blocks of 8 mm."),
    Column("pdff_se_mask_pct", "%", "The same by an outline that is a pixel too large."),
    Column(
        "pdff_se_view_pct",
        "%",
        "The same by what is not in view: its share times the standard deviation between slices.",
    ),
    Column("pdff_se_total_pct", "%", "All of these and the repeatability between scans."),
    Column("n_voxels", "voxels", "Voxels in which PDFF was taken."),
    Column("erosion_mm", "mm", "Margin kept from the surface of the muscle; less in a thin one."),
    Column("void_frac", "fraction", "Share of the level's voxels with too little signal; left out.", (0, 1)),
    Column(
        "swap_risk_frac",
        "fraction",
        "Share of the level's voxels at risk of a water-fat swap; left out.",
        (0, 1),
    ),
    Column(
        "area_mm2",
        "mm2",
        "Cross-section across the body's axis at half its height, fat inside the muscle included; what is "
        "not in view is added by coverage_frac.",
        (50, 6000),
    ),
    Column("area_se_mm2", "mm2", "Standard error of area_mm2: outline by half a voxel, coverage."),
    Column(
        "functional_area_mm2",
        "mm2",
        "Fat-free cross-section: area_mm2 times 1 - PDFF/100, PDFF the mean in the section. No threshold.",
        (20, 6000),
    ),
    Column("functional_area_se_mm2", "mm2", "Standard error of functional_area_mm2."),
    Column("area_ratio", "ratio", "area_mm2 over body_area_mm2.", (0.03, 5)),
    Column("area_se_ratio", "ratio", "Standard error of area_ratio."),
    Column("functional_area_ratio", "ratio", "functional_area_mm2 over body_area_mm2.", (0.01, 5)),
    Column("functional_area_se_ratio", "ratio", "Standard error of functional_area_ratio."),
    Column(
        "body_area_mm2",
        "mm2",
        "Cross-section of the vertebral body across its axis at half its height.",
        (500, 2500),
    ),
    Column(
        "lean_volume_cm3", "cm3", "Fat-free volume of the muscle between the mid-disc planes.", (0.5, 200)
    ),
    Column("lean_volume_se_cm3", "cm3", "Standard error of lean_volume_cm3."),
    Column(
        "fat_volume_cm3", "cm3", "Volume of the fat inside the muscle between the mid-disc planes.", (0, 150)
    ),
    Column("fat_volume_se_cm3", "cm3", "Standard error of fat_volume_cm3."),
    Column("qc_flags", None, "Flags of this muscle, separated by semicolons.", source=PROGRAM),
    Column("na_reason", None, "Why cells of a measured row are n/a.", source=PROGRAM),
)
