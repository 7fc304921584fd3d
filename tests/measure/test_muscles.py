"""Muscles of known section and fat beside tilted, cropped, anisotropic columns."""

from functools import cache

import numpy as np
import pytest
from muscle_phantom import GAP, TUBES, MusclePhantom, Tube

from qmri.config import MeasureSettings
from qmri.measure.data import Identity, LabelNote
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures
from qmri.measure.muscle.coverage import estimate_coverage, is_cut
from qmri.measure.muscle.rows import NO_TISSUES
from qmri.measure.rows import failed_examination
from qmri.outputs.markers.muscle_columns import MUSCLE_COLUMNS
from qmri.spine.tissue_labels import MUSCLE_ID, MUSCLES

SETTINGS = MeasureSettings(bootstrap_samples=50)
COARSE = (4, 2, 2)
ONE_LEVEL = {"height_mm": 100.0, "slices": 32}


@cache
def phantom(**options):
    return MusclePhantom(**{"supersample": COARSE} | options)


def measured(data):
    rows = measure_examination(data, SETTINGS)
    return {(row["level"], row["muscle"], row["side"]): row for row in rows.muscles}, rows


def view_share(tube, edge_mm):
    """Share of an ellipse medial of a sagittal plane at ``edge_mm`` from the midline."""
    u = np.clip((edge_mm - tube.aside) / tube.across, -1, 1)
    return (np.pi / 2 + np.arcsin(u) + u * np.sqrt(1 - u * u)) / np.pi


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tilt_deg": 18.0, "voxel_mm": (5.0, 1.2, 1.2), "slices": 28},
        {"roll_deg": 9.0, "centre_mm": 3.0},
        {"voxel_mm": (1.4, 1.4, 4.0), "slices": 96, "supersample": (2, 2, 4)},
        {"flipped": True, "around_pct": 5.0},
    ],
    ids=["tilt of 9", "steep", "leaning", "axial slices", "left first, lean around"],
)
def test_fat_section_and_volume_are_those_of_the_phantom(options):
    """The outline of a muscle 24 mm wide ends with a slice: in slices of 5 mm that is worth a tenth."""
    near = 0.10 if options.get("voxel_mm", (4.0,))[0] > 4 else 0.08
    shape = phantom(**options)
    rows, _ = measured(shape.data())
    for level in ("L2", "L3", "L4"):
        body = rows[level, "psoas", "right"]["body_area_mm2"]
        for muscle, tube in TUBES.items():
            row = rows[level, muscle, "right"]
            assert row["status"] == "ok"
            assert row["coverage_frac"] == 1.0
            assert row["pdff_median_pct"] == pytest.approx(tube.pdff, abs=0.5)
            assert row["pdff_mean_pct"] == pytest.approx(tube.pdff, abs=0.5)
            assert row["area_mm2"] == pytest.approx(tube.area, rel=near)
            lean = 1 - tube.pdff / 100
            assert row["functional_area_mm2"] == pytest.approx(lean * tube.area, rel=near)
            assert row["lean_volume_cm3"] == pytest.approx(lean * tube.area * GAP / 1000, rel=near)
            assert row["area_ratio"] == pytest.approx(row["area_mm2"] / body)
            both = rows[level, muscle, "both"]
            halves = row["area_mm2"] + rows[level, muscle, "left"]["area_mm2"]
            assert both["area_mm2"] == pytest.approx(halves)


def test_right_and_left_are_those_of_the_patient_in_either_order_of_slices():
    thin = {"multifidus": Tube(15.0, -45.0, 10.0, 12.0, 55.0)}
    for flipped in (False, True):
        rows, all_rows = measured(phantom_of(left=thin, flipped=flipped, height_mm=170.0).data())
        assert rows["L3", "multifidus", "left"]["pdff_median_pct"] == pytest.approx(55.0, abs=0.5)
        assert rows["L3", "multifidus", "right"]["pdff_median_pct"] == pytest.approx(30.0, abs=0.5)
        assert rows["L3", "multifidus", "left"]["area_mm2"] == pytest.approx(np.pi * 120, rel=0.08)
        assert all_rows.patient["multifidus_pdff_asymmetry_pct"] == pytest.approx(25.0, abs=0.5)


def phantom_of(**options):
    return MusclePhantom(supersample=COARSE, **options)


@pytest.mark.parametrize("slices", [10, 16, 22, 30])
@pytest.mark.parametrize("centre_mm", [0.0, 7.0])
def test_coverage_is_the_share_in_view_within_its_error(slices, centre_mm):
    shape = phantom(slices=slices, centre_mm=centre_mm, height_mm=100.0)
    rows, _ = measured(shape.data())
    for side, sign in (("right", 1), ("left", -1)):
        edge = slices * 4.0 / 2 + sign * centre_mm
        for muscle, tube in TUBES.items():
            row, true = rows["L3", muscle, side], view_share(tube, edge)
            if true < 0.02:
                continue
            if "coverage_frac" in row:
                error = max(row["coverage_se_frac"], 0.03)
                assert abs(row["coverage_frac"] - true) < 2 * error, (muscle, side, true)
            if "area_mm2" in row:
                assert true > 0.8
                assert row["area_mm2"] == pytest.approx(tube.area, rel=0.12)
            elif true == 1.0:
                pytest.fail(f"{muscle} {side} is whole and has no area: {row}")
            if "pdff_median_pct" in row:
                assert true > 0.2
            else:
                assert "%" in row["status_reason"] or "%" in row["na_reason"]


def test_a_side_that_is_whole_tells_how_wide_the_other_is():
    """Half an unusually wide muscle: alone it is taken for most of one, beside a whole one for half."""
    u = (np.arange(8) + 0.5) / 16
    profile = 40 * np.sqrt(u * (1 - u))
    alone = estimate_coverage(profile, 4.0, 28.0, 0.3)
    mirrored = estimate_coverage(profile, 4.0, 64.0, 0.12)
    assert mirrored.share == pytest.approx(0.5, abs=0.06)
    assert mirrored.error < alone.error
    assert abs(alone.share - 0.5) < 3 * alone.error


def test_a_profile_that_ends_before_the_last_slice_is_whole():
    assert not is_cut(np.array([0.0, 10.0, 30.0, 8.0, 0.0]))
    assert is_cut(np.array([0.0, 10.0, 30.0, 25.0]))


def test_fat_under_noise_is_unbiased_and_its_error_is_that_of_repeats():
    shape = phantom(**ONE_LEVEL)
    found = []
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(0, 6.0, shape.shape)
        rows, _ = measured(shape.data(pdff=shape.pdff + noise, pdff_sd=np.full(shape.shape, 6.0)))
        found.append([rows["L3", muscle, "right"] for muscle in TUBES])
    for number, tube in enumerate(TUBES.values()):
        medians = [row[number]["pdff_median_pct"] for row in found]
        stated = np.mean([row[number]["pdff_se_noise_pct"] for row in found])
        assert np.mean(medians) == pytest.approx(tube.pdff, abs=4 * stated / np.sqrt(8))
        assert 0.4 < np.std(medians, ddof=1) / stated < 1.8


def test_what_is_not_in_view_makes_the_fat_less_certain():
    """Fat rises by 1.5 points a slice: 0.4 of the muscle unseen adds 0.4 of the spread between slices."""
    shape = phantom(slices=22, height_mm=100.0)
    rise = 1.5 * np.abs(np.arange(22) - 10.5)[:, None, None]
    rows, _ = measured(shape.data(pdff=shape.pdff + rise))
    row = rows["L3", "psoas", "right"]
    slices = len(np.unique(np.argwhere(shape.tissues == MUSCLE_ID["psoas", "right"])[:, 0]))
    spread = 1.5 * np.std(np.arange(slices), ddof=1)
    assert row["pdff_se_view_pct"] == pytest.approx((1 - row["coverage_frac"]) * spread, rel=0.3)
    assert row["pdff_se_total_pct"] > row["pdff_se_view_pct"]
    assert rows["L3", "multifidus", "right"]["pdff_se_view_pct"] == 0


def test_labels_on_the_wrong_side_are_refused():
    shape = phantom(**ONE_LEVEL)
    data = shape.data()
    mirrored = type(data)(data.identity, data.maps, data.labels, tissues=data.tissues[::-1])
    rows, _ = measured(mirrored)
    for side in ("right", "left", "both"):
        assert rows["L3", "psoas", side]["status"] == "failed"
        assert "other side of the body" in rows["L3", "psoas", side]["status_reason"]


def test_stray_voxels_are_no_part_of_a_muscle():
    shape = phantom(**ONE_LEVEL)
    data = shape.data()
    strewn = data.tissues.copy()
    free = np.argwhere((strewn == 0) & (data.labels == 0))
    at = free[np.random.default_rng(0).choice(len(free), 60, replace=False)]
    strewn[tuple(at.T)] = MUSCLE_ID["multifidus", "right"]
    plain, _ = measured(data)
    rows, _ = measured(type(data)(data.identity, data.maps, data.labels, tissues=strewn))
    for name in ("area_mm2", "pdff_median_pct", "coverage_frac"):
        key = ("L3", "multifidus", "right")
        assert rows[key][name] == pytest.approx(plain[key][name], rel=0.02)


def test_a_muscle_without_a_value_has_a_section_and_the_reason_for_the_rest():
    """As where a fit failed: NaN in every map."""
    shape = phantom(**ONE_LEVEL)
    lost = shape.tissues == MUSCLE_ID["psoas", "right"]
    pdff, water = np.where(lost, np.nan, shape.pdff), np.where(lost, np.nan, 1.0)
    rows, _ = measured(shape.data(pdff=pdff, water=water, fat=water))
    row = rows["L3", "psoas", "right"]
    assert row["area_mm2"] == pytest.approx(TUBES["psoas"].area, rel=0.08)
    assert "PDFF: too few voxels with a value" in row["na_reason"]
    assert "functional_area_mm2" not in row
    assert rows["L3", "psoas", "left"]["pdff_median_pct"] == pytest.approx(TUBES["psoas"].pdff, abs=0.5)


def test_a_muscle_of_few_voxels_has_a_large_error():
    """Three blocks of 8 mm with streaks between 0 and 40 %."""
    thin = {"psoas": Tube(43.0, 0.0, 8.0, 5.5, 20.0)}
    shape = MusclePhantom(supersample=COARSE, tubes=thin, **ONE_LEVEL)
    streaks = 20.0 * np.sign(np.sin(np.indices(shape.shape)[2] * 0.9))
    rows, _ = measured(shape.data(pdff=shape.pdff + streaks))
    row = rows["L3", "psoas", "right"]
    assert row["status"] == "ok"
    assert row["pdff_se_sampling_pct"] > 3.0


def test_voids_and_swapped_voxels_are_left_out():
    shape = phantom(**ONE_LEVEL)
    muscle = shape.tissues == MUSCLE_ID["psoas", "right"]
    part = muscle & (np.indices(shape.shape)[2] % 3 == 0)
    pdff = np.where(part, 96.0, shape.pdff)
    water, fat = np.where(part, 1.0, 100 - pdff), np.where(part, 0.0, pdff)
    for maps in ({"water": water, "fat": fat}, {"swap_risk": np.where(part, 0.9, 0.0)}):
        rows, _ = measured(shape.data(pdff=pdff, **maps))
        row = rows["L3", "psoas", "right"]
        assert row["pdff_mean_pct"] == pytest.approx(TUBES["psoas"].pdff, abs=0.5)
        assert max(row["void_frac"], row["swap_risk_frac"]) == pytest.approx(1 / 3, abs=0.05)
        assert row["area_mm2"] == pytest.approx(TUBES["psoas"].area, rel=0.08)


def test_every_level_muscle_and_side_has_a_row_with_a_number_or_a_reason():
    shape = phantom(slices=13)
    rows, _ = measured(shape.data())
    assert len(rows) == 4 * len(MUSCLES) * 3
    known = {column.name for column in MUSCLE_COLUMNS}
    for row in rows.values():
        assert set(row) <= known
        assert (row["status"] == "ok") != bool(row.get("status_reason"))
    assert "no voxel" in rows["L3", "quadratus_lumborum", "both"]["status_reason"]


def test_without_tissue_labels_and_without_an_examination_the_rows_say_so():
    shape = phantom(slices=13)
    data = shape.data()
    bare = type(data)(data.identity, data.maps, data.labels)
    rows, all_rows = measured(bare)
    assert {row["status_reason"] for row in rows.values()} == {NO_TISSUES}
    assert "multifidus_pdff_median_pct" not in all_rows.patient
    failed = failed_examination(Identity("01", "pre"), "ingest: no", fractures=Fractures(), settings=SETTINGS)
    assert {row["status_reason"] for row in failed.muscles} == {"ingest: no"}
    assert len(failed.muscles) == len(rows)


def test_a_muscle_cut_behind_has_fat_but_no_section():
    shape = phantom(**ONE_LEVEL)
    cut = shape.affine.copy()
    lost = 30
    cut[:3, 3] += lost * cut[:3, 1]
    data = shape.data()
    maps = type(data.maps)(cut, data.maps.pdff[:, lost:], data.maps.r2star[:, lost:])
    rows, _ = measured(type(data)(data.identity, maps, data.labels[:, lost:], tissues=data.tissues[:, lost:]))
    row = rows["L3", "multifidus", "right"]
    assert "area_mm2" not in row
    assert "beyond the edge of the images" in row["na_reason"]
    assert rows["L3", "psoas", "right"]["area_mm2"] == pytest.approx(TUBES["psoas"].area, rel=0.08)


def test_the_patient_has_the_mean_of_the_levels_and_the_sections_of_l3_and_l4():
    rows, all_rows = measured(phantom().data())
    patient = all_rows.patient
    for muscle, tube in TUBES.items():
        assert patient[f"{muscle}_pdff_median_pct"] == pytest.approx(tube.pdff, abs=0.5)
        assert patient[f"{muscle}_pdff_median_se_pct"] >= SETTINGS.repeatability_muscle_pdff_pct
    for level in ("L3", "L4"):
        parts = [rows[level, muscle, "both"]["functional_area_ratio"] for muscle in TUBES]
        name = f"functional_area_{level.lower()}_ratio"
        assert patient[f"multifidus_{name}"] == pytest.approx(parts[0])
        assert patient[f"paraspinal_{name}"] == pytest.approx(parts[0] + parts[1])
        assert patient[f"psoas_{name}"] == pytest.approx(parts[2])


def test_what_rests_on_the_name_of_a_level_is_withheld_where_names_are_not_verified():
    data = phantom().data()
    unsure = type(data)(
        data.identity, data.maps, data.labels, notes={"L3": LabelNote(verified=False)}, tissues=data.tissues
    )
    _, rows = measured(unsure)
    assert "psoas_functional_area_l3_ratio" not in rows.patient
    assert "muscles" in rows.patient["na_reason"]
    assert "psoas_pdff_median_pct" in rows.patient
