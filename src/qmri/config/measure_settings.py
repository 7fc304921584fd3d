"""The section measure of the configuration: regions, errors, the limits of the flags."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from qmri.config.section import Section, upward

USUAL_EXPECTED = ("T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")


class MeasureSettings(Section):
    """How markers are taken."""

    expected_levels: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="levels that have a row in every examination, in view or not"),
    ] = USUAL_EXPECTED
    erosion_mm: Annotated[
        float, Field(ge=0, le=6, description="margin kept from the surface of a body, mm")
    ] = 3.0
    texture_bin_pct: Annotated[
        float, Field(gt=0, le=20, description="width of a grey level of the texture, percent PDFF")
    ] = 5.0
    bootstrap_samples: Annotated[
        int, Field(ge=50, le=10000, description="resamples for the sampling error of a median")
    ] = 200
    bootstrap_block_mm: Annotated[
        float, Field(gt=0, le=30, description="edge of the blocks that are resampled together, mm")
    ] = 6.0
    seed: Annotated[int, Field(ge=0, description="seed of the resampling")] = 0
    repeatability_pdff_pct: Annotated[
        float, Field(ge=0, description="standard deviation of a PDFF median between scans, points")
    ] = 1.5
    repeatability_r2star_share: Annotated[
        float, Field(ge=0, description="standard deviation of an R2* median between scans, share of it")
    ] = 0.05
    pdff_slope_pct_per_level: Annotated[
        float, Field(description="usual rise of PDFF per lumbar level caudally, points")
    ] = 1.2
    r2star_slope_per_level: Annotated[
        float, Field(description="usual rise of R2* per lumbar level caudally, 1/s; none is published")
    ] = 0.0
    flag_swap_risk_frac: Annotated[
        float, Field(gt=0, le=1, description="share of voxels at risk of a water-fat swap that is flagged")
    ] = 0.02
    flag_fatty_frac: Annotated[
        float, Field(gt=0, le=1, description="share of voxels above 90 percent PDFF that is flagged")
    ] = 0.05
    flag_void_frac: Annotated[
        float, Field(gt=0, le=1, description="share of voids from which a body may hold cement or metal")
    ] = 0.05
    flag_snr: Annotated[float, Field(ge=0, description="median signal over noise below which is flagged")] = (
        15.0
    )
    flag_rchi2: Annotated[
        float, Field(gt=0, description="median reduced chi-square of the fit above which is flagged")
    ] = 3.0
    flag_field_range_hz: Annotated[
        float, Field(gt=0, description="range of the field over a body above which is flagged, Hz")
    ] = 150.0
    flag_voxels: Annotated[int, Field(ge=0, description="fewer voxels in the region are flagged")] = 100
    flag_erosion_pct: Annotated[
        float,
        Field(
            gt=0, description="change of median PDFF between margins of 2 and 4 mm that is flagged, points"
        ),
    ] = 3.0
    flag_lean_pct: Annotated[
        float, Field(ge=0, description="median PDFF below which marrow may be replaced, percent")
    ] = 8.0
    flag_lean_ratio: Annotated[
        float, Field(ge=0, description="PDFF over background below which marrow may be replaced")
    ] = 0.2
    flag_bulge_mm: Annotated[
        float,
        Field(gt=0, description="bulge of the posterior wall that speaks for replaced marrow, mm"),
    ] = 2.0
    flag_cobb_deg: Annotated[
        float, Field(gt=0, description="supine coronal Cobb angle above which is flagged, degrees")
    ] = 30.0
    flag_t1_bias_pct: Annotated[
        float, Field(gt=0, description="predicted T1 bias of the background PDFF that is flagged, points")
    ] = 2.5
    flag_fat_range_pct: Annotated[
        tuple[float, float],
        AfterValidator(upward),
        Field(description="usual range of the 99th percentile of PDFF over tissue: fat tissue is in view"),
    ] = (75.0, 115.0)
    flag_background_levels: Annotated[int, Field(ge=0, description="fewer background levels are flagged")] = 2
    flag_fracture_count: Annotated[
        tuple[int, int],
        AfterValidator(upward),
        Field(description="usual number of fractured levels of a participant"),
    ] = (1, 3)
    repeatability_height_mm: Annotated[
        float, Field(gt=0, description="standard deviation of a height between scans, mm")
    ] = 0.6
    muscle_erosion_mm: Annotated[
        float, Field(ge=0, le=6, description="margin kept from the surface of a muscle for its fat, mm")
    ] = 2.5
    muscle_coverage_extent: Annotated[
        float,
        Field(gt=0, le=1, description="share of a muscle in view below which it has no area and no volume"),
    ] = 0.9
    muscle_coverage_pdff: Annotated[
        float, Field(gt=0, le=1, description="share of a muscle in view below which it has no PDFF")
    ] = 0.4
    repeatability_muscle_pdff_pct: Annotated[
        float,
        Field(
            ge=0,
            description="standard deviation of the PDFF of a muscle between scans and outlines, points; of "
            "good outlines by hand 1; that of the network's multifidus on simulated spines",
        ),
    ] = 2.5
    flag_muscle_pdff_pct: Annotated[
        float, Field(gt=0, description="median PDFF of a muscle above which its outline is doubted, percent")
    ] = 80.0
    flag_muscle_side_ratio: Annotated[
        float,
        Field(gt=1, description="larger over smaller side of a muscle above which its outline is doubted"),
    ] = 3.0
    repeatability_disc_height_mm: Annotated[
        float, Field(gt=0, description="standard error of the mean height of a disc, mm")
    ] = 0.8
    flag_endplate_defect_mm: Annotated[
        float, Field(gt=0, description="depth of a pit in an endplate that is flagged, mm")
    ] = 2.5
    flag_fused_frac: Annotated[
        float,
        Field(gt=0, lt=1, description="share of the space between two bodies that is marrow that is flagged"),
    ] = 0.5
    flag_bridge_mm: Annotated[
        float,
        Field(gt=0, description="thickness of marrow in front of or beside a disc that is flagged, mm"),
    ] = 5.0
    flag_tall_ratio: Annotated[
        float,
        Field(gt=1, description="height of a label over what its neighbours lead to expect that is flagged"),
    ] = 1.5
