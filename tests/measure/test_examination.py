"""One row for every expected level; the numbers are those of the phantom."""

import numpy as np
import pytest

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, Identity, LabelNote
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures, Maps
from qmri.measure.rows import failed_examination
from qmri.measure.shape.morphometry import Morphometry
from qmri.outputs import VERTEBRA_COLUMNS

SETTINGS = MeasureSettings()
IDENTITY = Identity("01", "pre")
MARROW = {
    "T12": (40.0, 100.0),
    "L1": (22.0, 90.0),
    "L2": (44.0, 110.0),
    "L3": (46.0, 120.0),
    "L4": (50.0, 130.0),
}


def measure(spine, *, fractures=None, notes=None, **maps):
    data = ExaminationData(
        IDENTITY,
        Maps(affine=spine.affine, pdff=spine.pdff, r2star=spine.r2star, **maps),
        spine.labels,
        fractures=fractures or Fractures(treated=("L1",)),
        notes=notes or {},
    )
    return measure_examination(data, SETTINGS)


def by_level(rows):
    return {row["level"]: row for row in rows.vertebrae}


def test_medians_are_those_of_the_marrow(make_spine):
    rows = by_level(measure(make_spine(marrow=MARROW)))
    for level, (pdff, r2star) in MARROW.items():
        assert rows[level]["pdff_median_pct"] == pdff
        assert rows[level]["pdff_sd_pct"] == 0
        assert rows[level]["r2star_median_per_s"] == r2star
        assert rows[level]["status"] == "ok"


def test_every_expected_level_has_a_row_in_anatomical_order(make_spine):
    rows = measure(make_spine()).vertebrae
    assert [row["level"] for row in rows] == list(SETTINGS.expected_levels)
    states = {row["level"]: (row["status"], row["status_reason"]) for row in rows}
    assert states["T4"] == ("not_in_view", "beyond the labelled levels")
    assert states["L5"] == ("not_in_view", "beyond the labelled levels")


def test_a_level_missing_between_others_is_a_failure_not_out_of_view(make_spine):
    rows = by_level(measure(make_spine(levels=("L1", "L3", "L4"))))
    assert rows["L2"]["status"] == "failed"
    assert "between" in rows["L2"]["status_reason"]


def test_a_level_beyond_the_expected_ones_has_a_row_too(make_spine):
    rows = measure(make_spine(levels=("L4", "L5", "L6"))).vertebrae
    assert rows[-1]["level"] == "L6"
    assert rows[-1]["status"] == "ok"


def test_a_body_cut_by_the_edge_is_not_measured(make_spine):
    spine = make_spine()
    spine.labels[:, :, : np.argwhere(spine.labels == 23)[:, 2].mean().astype(int)] = 0
    touching = by_level(measure(spine, notes={"L4": LabelNote(complete=False)}))["L4"]
    assert touching["status"] == "not_in_view"
    assert "cut" in touching["status_reason"]
    assert "pdff_median_pct" not in touching


def test_the_background_leaves_out_the_fracture_and_counts_each_level_once(make_spine):
    patient = measure(make_spine(marrow=MARROW)).patient
    assert patient["bg_levels"] == "T12;L2;L3;L4"
    assert patient["pdff_bg_mean_pct"] == pytest.approx(np.mean([40, 44, 46, 50]))
    assert patient["pdff_bg_median_pct"] == pytest.approx(45)
    assert patient["r2star_bg_median_per_s"] == pytest.approx(115)
    assert patient["pdff_target_median_pct"] == 22


def test_steps_to_the_treated_level_are_positive_caudally(make_spine):
    rows = by_level(measure(make_spine(), fractures=Fractures(treated=("T12", "L3"))))
    assert [rows[x]["levels_to_nearest_target"] for x in ("T11", "T12", "L1", "L2", "L4")] == [
        -1,
        0,
        1,
        -1,
        1,
    ]


def test_a_sheet_that_says_nothing_of_fractures_makes_them_unknown(make_spine):
    rows = by_level(measure(make_spine(), fractures=Fractures()))
    assert {row["fracture_status"] for row in rows.values()} == {"unknown"}


def test_voids_do_not_reach_the_numbers(make_spine):
    spine = make_spine(marrow={"L3": (46.0, 120.0)})
    body = np.argwhere(spine.labels == 22)
    low, high = body.min(axis=0), body.max(axis=0)
    cement = np.zeros(spine.labels.shape, bool)
    cement[tuple(slice(a + (b - a) // 3, b - (b - a) // 3) for a, b in zip(low, high, strict=True))] = True
    spine.pdff[cement] = 3.0
    water = np.where(cement, 1.0, 60.0)
    row = by_level(measure(spine, water=water, fat=np.where(cement, 0.5, 50.0)))["L3"]
    assert row["pdff_median_pct"] == 46
    assert row["pdff_p05_pct"] == 46


def test_a_failed_examination_has_all_its_rows_with_the_reason():
    rows = failed_examination(
        IDENTITY,
        "ingest: two patients in one folder",
        fractures=Fractures(treated=("L1",)),
        settings=SETTINGS,
    )
    assert len(rows.vertebrae) == len(SETTINGS.expected_levels)
    assert {(row["status"], row["status_reason"]) for row in [*rows.vertebrae, rows.patient]} == {
        ("failed", "ingest: two patients in one folder")
    }


def test_a_stray_voxel_of_a_label_changes_no_number_and_is_told(make_spine):
    spine = make_spine(marrow=MARROW)
    clean = by_level(measure(spine))["L3"]
    spine.labels[2, 3, 4] = 22
    rows = measure(spine)
    row = by_level(rows)["L3"]
    assert {name: row[name] for name in clean if name not in ("qc_flags",)} == {
        name: clean[name] for name in clean if name not in ("qc_flags",)
    }
    assert "apart from the rest of it: 1 voxel" in next(
        f["evidence"] for f in rows.flags if f["level"] == "L3"
    )


def test_ids_that_name_no_body_are_left_alone(make_spine):
    spine = make_spine(marrow=MARROW)
    before = measure(spine).vertebrae
    spine.labels[1:3, 2:5, 2:5] = 26
    spine.labels[1:3, 2:5, 8:10] = 120
    assert measure(spine).vertebrae == before


def test_a_body_without_a_single_value_is_a_failure_with_a_reason(make_spine):
    spine = make_spine(marrow=MARROW)
    spine.pdff[spine.labels == 22] = np.nan
    row = by_level(measure(spine))["L3"]
    assert (row["status"], row["status_reason"]) == ("failed", "too few voxels with a value")


def test_no_labels_at_all_fails_every_level(make_spine):
    spine = make_spine(marrow=MARROW)
    spine.labels[:] = 0
    rows = measure(spine)
    assert {row["status"] for row in rows.vertebrae} == {"failed"}
    assert rows.patient["status"] == "failed"


def test_every_cell_of_a_measured_row_has_a_value_or_a_reason(make_spine):
    spine = make_spine(marrow=MARROW)
    noise = np.random.default_rng(0).normal(size=spine.pdff.shape)
    spine.pdff = spine.pdff + 2 * noise
    spine.r2star = spine.r2star + 9 * np.roll(noise, 1)
    row = by_level(measure(spine))["L2"]
    lacking = {column.name for column in VERTEBRA_COLUMNS} - {
        k for k, v in row.items() if v not in (None, "")
    }
    assert "noise" in row["na_reason"]
    assert "SNR" in row["na_reason"]
    assert "T1" in row["na_reason"]
    assert lacking <= {
        "status_reason",
        "qc_flags",
        "label_confidence",
        "level_verified",
        "fracture_age_p_acute",
        *("void_cm3", "void_kind", "void_upper_contact_frac", "void_lower_contact_frac"),
        *("leak_above_mm3", "leak_below_mm3", "void_to_above_mm", "void_to_below_mm"),
        "pdff_vendor_median_pct",
        "r2star_vendor_median_per_s",
        "pdff_se_noise_pct",
        "r2star_se_noise_per_s",
        "fit_rchi2_median",
        "snr_median",
        "b0_range_hz",
        "swap_risk_frac",
        "water_to_canal_ratio",
        "water_to_canal_se_ratio",
        "inphase_to_canal_ratio",
        "inphase_to_canal_se_ratio",
        "pdff_t1_corrected_median_pct",
        "pdff_t1_corrected_se_total_pct",
    }


def test_r2star_without_values_leaves_the_pdff_standing(make_spine):
    spine = make_spine(marrow=MARROW)
    spine.r2star[:] = np.nan
    rows = measure(spine)
    row = by_level(rows)["L2"]
    assert (row["status"], row["pdff_median_pct"]) == ("ok", 44)
    assert "r2star_median_per_s" not in row
    assert "R2*" in row["na_reason"]
    assert rows.patient["pdff_bg_median_pct"] == pytest.approx(45)
    assert "r2star_bg_median_per_s" not in rows.patient


def test_a_body_that_ends_in_the_last_slice_has_a_volume_and_one_that_goes_on_has_none(make_spine):
    spine = make_spine(marrow=MARROW, voxel_mm=(2.0, 1.5, 1.5))
    slices = np.flatnonzero((spine.labels == 22).any(axis=(1, 2)))
    for first, has_volume in ((slices[0], True), (slices[6], False)):
        cropped = make_spine(marrow=MARROW, voxel_mm=(2.0, 1.5, 1.5))
        for name in ("labels", "pdff", "r2star"):
            setattr(cropped, name, getattr(cropped, name)[first:])
        row = by_level(measure(cropped))["L3"]
        assert ("volume_cm3" in row) is has_volume
        assert ("volume" in row["na_reason"]) is not has_volume


def test_names_that_are_not_verified_feed_no_column_that_rests_on_them(make_spine):
    spine = make_spine(marrow=MARROW)
    sure, unsure = (
        measure(spine, notes={"L1": LabelNote(verified=known)}).patient for known in (True, False)
    )
    for name in ("pdff_target_median_pct", "pdff_target_ratio", "pdff_adjacent_mean_pct"):
        assert name in sure
        assert name not in unsure
    assert "not verified" in unsure["na_reason"]
    assert (sure["qc_pass"], unsure["qc_pass"]) == (True, False)
    assert "levels_unverified" in unsure["qc_flags"].split(";")


@pytest.mark.parametrize("kind", ["treated", "acute", "old"])
def test_a_declared_level_that_is_not_in_view_is_flagged(make_spine, kind):
    patient = measure(make_spine(), fractures=Fractures(**{kind: ("T6",)})).patient
    assert "fracture_not_in_view" in patient["qc_flags"].split(";")


def test_a_height_that_the_caliper_contradicts_feeds_no_grade_and_no_background(make_spine, monkeypatch):
    contradicted = property(lambda shape: np.array([True, False, True]))
    monkeypatch.setattr(Morphometry, "agreement", contradicted)
    rows = measure(make_spine())
    for row in rows.vertebrae:
        if row["status"] == "ok":
            assert not {"height_mid_mm", "height_loss_pct", "genant_grade", "height_ratio_mp"} & set(row)
            assert row["in_background"] is False
            assert "grade" in row["na_reason"]
    assert rows.patient["n_bg_levels"] == 0
