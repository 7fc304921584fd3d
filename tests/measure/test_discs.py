"""Discs, endplates and fused bodies on columns of known shape."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, Identity, LabelNote
from qmri.measure.disc.endplate_defect import closing
from qmri.measure.disc.signal import signal_of
from qmri.measure.disc.space import disc_space
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures, Maps
from qmri.measure.rows import failed_examination
from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.morphometry import measure_shape
from qmri.outputs import EXAM_TABLES
from qmri.spine.body_flag import read_flags
from qmri.spine.levels import LEVEL_ID
from qmri.spine.tissue_labels import CANAL, DISC

GAP, HEIGHT, DEPTH = 36.0, 27.0, 32.0
SETTINGS = MeasureSettings(bootstrap_samples=50)
LEVELS = ("T12", "L1", "L2", "L3", "L4")


def places(spine):
    grid = np.moveaxis(np.indices(spine.labels.shape), 0, -1)
    return grid @ spine.affine[:3, :3].T + spine.affine[:3, 3]


def examined(spine, **changes):
    """An examination whose discs hold water alone, beside a canal twice as bright, all shaded along z."""
    spine.pdff[spine.labels == 0] = 1.0
    place = places(spine)
    canal = (np.abs(place[..., 0]) < 9) & (np.abs(place[..., 1] + DEPTH / 2 + 12) < 7)
    tissues = np.where(canal, CANAL, np.where(spine.labels == 0, DISC, 0)).astype(np.uint8)
    shading = np.exp(place[..., 2] / 120.0)
    total = shading * np.where(canal, 2.0, 1.0)
    fat = total * spine.pdff / 100
    maps = Maps(spine.affine, spine.pdff, spine.r2star, total - fat, fat)
    exam = ExaminationData(
        Identity("01", "pre"), maps, spine.labels, fractures=Fractures(old=("T12",)), tissues=tissues
    )
    return replace(exam, **changes)


def measured(exam):
    rows = measure_examination(exam, SETTINGS)
    return {row["level"]: row for row in rows.discs}, {row["level"]: row for row in rows.vertebrae}, rows


def flags_of(rows, name):
    return {flag["level"]: flag for flag in rows.flags if flag["flag"] == name}


@pytest.mark.parametrize("voxel", [1.5, 1.0])
def test_heights_and_angle_are_those_of_the_column(make_spine, voxel):
    spine = make_spine(levels=LEVELS, bend_deg=0.0, voxel_mm=(4.0, voxel, voxel))
    discs, _, _ = measured(examined(spine))
    for level in ("T12", "L1", "L2", "L3"):
        row = discs[level]
        # The endplates lie along the grid, so that each is off by up to half a voxel.
        assert row["height_mid_mm"] == pytest.approx(GAP - HEIGHT + 2, abs=1.4)
        for name in ("ant", "post"):
            assert row[f"height_{name}_mm"] == pytest.approx(GAP - HEIGHT + 2 * (1 - 0.7**2), abs=1.4)
        assert row["angle_deg"] == pytest.approx(0, abs=1.0)
        assert row["depth_mm"] == pytest.approx(DEPTH, abs=1.5)
        assert row["height_to_depth_ratio"] == pytest.approx(row["height_mean_mm"] / row["depth_mm"])


@pytest.mark.parametrize("bend", [-4.0, 4.0, 8.0])
def test_a_disc_of_a_lordotic_spine_opens_in_front(make_spine, bend):
    discs, _, _ = measured(examined(make_spine(levels=LEVELS, bend_deg=bend)))
    row = discs["L2"]
    assert row["angle_deg"] == pytest.approx(bend, abs=1.4)
    assert np.sign(row["height_ant_mm"] - row["height_post_mm"]) == np.sign(bend)


def test_the_space_is_the_same_from_any_frame(make_spine):
    spine = make_spine(levels=LEVELS, bend_deg=6.0)
    shapes = {body.level: measure_shape(body) for body in find_bodies(spine.labels, spine.affine)}
    turned = spine.affine.copy()
    turned[:3, 3] += [3.0, -40.0, 25.0]
    moved = {body.level: measure_shape(body) for body in find_bodies(spine.labels, turned)}
    one, other = (disc_space(each["L2"], each["L3"]) for each in (shapes, moved))
    assert other.heights_mm() == pytest.approx(one.heights_mm(), abs=1e-6)
    assert other.angle_deg == pytest.approx(one.angle_deg, abs=1e-6)


def test_the_height_index_needs_neighbours_that_lost_nothing(make_spine):
    discs, bodies, _ = measured(examined(make_spine(levels=LEVELS, bend_deg=0.0)))
    mean = np.mean([bodies[level]["height_mid_mm"] for level in ("L2", "L3")])
    assert discs["L2"]["height_index_ratio"] == pytest.approx(discs["L2"]["height_mean_mm"] / mean)
    assert "height_index_ratio" not in discs["T12"]
    assert "T12 may have lost height" in discs["T12"]["na_reason"]
    crushed, _, _ = measured(examined(make_spine(levels=LEVELS, loss={"L3": ("wedge", 0.4)})))
    assert "height_index_ratio" not in crushed["L2"]
    assert "height_to_depth_ratio" in crushed["L2"]


def test_signals_over_the_canal_do_not_see_the_shading(make_spine):
    discs, bodies, rows = measured(examined(make_spine(levels=LEVELS)))
    for level in ("T12", "L1", "L2", "L3"):
        row = discs[level]
        assert row["water_to_canal_ratio"] == pytest.approx(0.5, rel=0.09)
        assert 0 < row["water_to_canal_se_ratio"] < 0.05
    for level in ("L1", "L2", "L3", "L4"):
        # The canal is 1 % fat, the marrow half; the shading along the slab moves the quartile a little.
        assert bodies[level]["water_to_canal_ratio"] == pytest.approx(0.5 / 1.98, rel=0.1)
        assert bodies[level]["inphase_to_canal_ratio"] == pytest.approx(1 / 1.98, rel=0.1)
    patient = rows.patient
    known = [discs[level]["water_to_canal_ratio"] for level in ("L1", "L2", "L3")]
    assert patient["disc_water_to_canal_mean_ratio"] == pytest.approx(np.mean(known))
    known = [bodies[level]["water_to_canal_ratio"] for level in ("L1", "L2", "L3", "L4")]
    assert patient["water_to_canal_l1l4_mean_ratio"] == pytest.approx(np.mean(known))


def test_the_error_of_a_quantile_is_its_scatter():
    rng = np.random.default_rng(0)
    for quantile in (0.5, 0.75):
        found = [signal_of(rng.normal(100, 10, 200), 1.0, quantile) for _ in range(400)]
        assert np.mean([s.error for s in found]) == pytest.approx(np.std([s.value for s in found]), rel=0.12)


def test_every_level_has_a_row_and_a_reason(make_spine):
    exam = examined(make_spine(levels=LEVELS))
    discs, _, rows = measured(exam)
    assert [row["level"] for row in rows.discs] == [row["level"] for row in rows.vertebrae]
    assert discs["L4"]["status"] == "not_in_view"
    assert "not whole in view" in discs["L4"]["status_reason"]
    assert discs["T4"]["status"] == "not_in_view"
    columns = {column.name for column in EXAM_TABLES["discs"].columns}
    assert all(set(row) <= columns for row in rows.discs)
    failed = failed_examination(exam.identity, "why", fractures=Fractures(), settings=SETTINGS)
    assert [row["status_reason"] for row in failed.discs] == ["why"] * len(SETTINGS.expected_levels)


def test_the_disc_above_the_sacrum_says_why(make_spine):
    discs, _, _ = measured(examined(make_spine(levels=("L2", "L3", "L4", "L5"))))
    assert discs["L5"]["status"] == "failed"
    assert "sacrum" in discs["L5"]["status_reason"]


@pytest.mark.parametrize(
    ("change", "words"), [({"tissues": None}, "no labels"), ({"tissues": "few"}, "too few certain voxels")]
)
def test_no_signal_without_certain_voxels(make_spine, change, words):
    exam = examined(make_spine(levels=LEVELS))
    if change["tissues"] == "few":
        change = {"tissues": np.zeros_like(exam.tissues)}
    discs, bodies, rows = measured(replace(exam, **change))
    assert "water_to_canal_ratio" not in discs["L2"]
    assert words in discs["L2"]["na_reason"]
    assert "signal over the canal" in bodies["L2"]["na_reason"]
    assert "water_to_canal_l1l4_mean_ratio" not in rows.patient
    assert discs["L2"]["height_mid_mm"] > 0


def test_nothing_rests_on_an_outline_that_failed_a_check(make_spine):
    notes = {"L2": LabelNote(confidence=0.9, flags=read_flags("solidity=0.70"))}
    discs, bodies, _ = measured(examined(make_spine(levels=LEVELS), notes=notes))
    for level in ("L1", "L2"):
        assert discs[level]["status"] == "failed"
        assert "failed at L2" in discs[level]["status_reason"]
    assert discs["L3"]["status"] == "ok"
    assert "endplate_defect_sup_mm" not in bodies["L2"]


def pit(spine, level, depth, radius, *, label):
    """Press a bowl into the upper endplate of a level, in the outline or in the image alone."""
    place = places(spine)
    number = LEVELS.index(level)
    height = (len(LEVELS) - 1) / 2 * GAP - number * GAP + HEIGHT / 2 - 1.0
    bowl = depth * np.exp(-0.5 * (place[..., 0] ** 2 + (place[..., 1] - 3) ** 2) / radius**2)
    inside = (place[..., 2] > height - bowl) & (place[..., 2] < height + 3)
    if label:
        spine.labels[inside & (spine.labels == LEVEL_ID[level])] = 0
    spine.pdff[inside] = 1.0


@pytest.mark.parametrize("label", [True, False])
@pytest.mark.parametrize("depth", [8.0])
def test_a_pit_is_seen_in_the_outline_and_under_one_that_bridges_it(make_spine, label, depth):
    spine = make_spine(levels=LEVELS, bend_deg=0.0)
    exam = examined(spine)
    pit(spine, "L2", depth, 4.0, label=label)
    exam = replace(exam, labels=spine.labels, maps=replace(exam.maps, pdff=spine.pdff))
    _, bodies, rows = measured(exam)
    # A bowl of 8 mm is blurred by slices of 4 mm: it reads shallower, never deeper.
    assert 0.45 * depth < bodies["L2"]["endplate_defect_sup_mm"] < depth
    assert bodies["L2"]["endplate_defect_sup_frac"] > 0.05
    flag = flags_of(rows, "endplate_defect")
    assert list(flag) == ["L2"]
    assert "upper endplate" in flag["L2"]["evidence"]
    assert rows.patient["n_endplate_defects"] == 1


@pytest.mark.parametrize("concavity", [0.0, 2.0, 5.0])
def test_a_concave_endplate_has_no_pit(make_spine, concavity):
    _, bodies, rows = measured(examined(make_spine(levels=LEVELS, concavity_mm=concavity)))
    assert not flags_of(rows, "endplate_defect")
    assert max(bodies[level]["endplate_defect_sup_mm"] for level in LEVELS) < 1.5


def test_a_biconcave_fracture_has_no_pit(make_spine):
    spine = make_spine(levels=LEVELS, loss={"L2": ("biconcave", 0.0)}, concavity_mm=8.0)
    _, _, rows = measured(examined(spine))
    assert not flags_of(rows, "endplate_defect")


def test_oedema_under_the_endplate_is_no_pit(make_spine):
    spine = make_spine(levels=LEVELS, bend_deg=0.0)
    exam = examined(spine)
    band = (spine.labels == LEVEL_ID["L2"]) & (places(spine)[..., 2] > 4)
    spine.pdff[band] = 5.0
    _, _, rows = measured(replace(exam, maps=replace(exam.maps, pdff=spine.pdff)))
    assert not flags_of(rows, "endplate_defect")


def test_the_closing_fills_what_is_narrower_than_the_ball():
    right, anterior = np.arange(-20, 21, 2.0), np.arange(-16, 17, 1.0)
    known = np.ones((len(right), len(anterior)), bool)
    bowl = (right[:, None] ** 2 + anterior**2) / (2 * 100.0)
    assert closing(bowl, known) == pytest.approx(bowl, abs=0.1)
    narrow = np.where(known, 0.0, 0.0)
    narrow[len(right) // 2, len(anterior) // 2] = -5.0
    assert closing(narrow, known) == pytest.approx(np.zeros(known.shape), abs=0.15)


def between(spine, upper, *, front_only=False):
    """Voxels of the space below a level of a straight column; of its front alone."""
    place = places(spine)
    middle = (len(LEVELS) - 1) / 2 * GAP - LEVELS.index(upper) * GAP - GAP / 2
    inside = (np.abs(place[..., 2] - middle) < 8) & (spine.labels == 0)
    inside &= (np.abs(place[..., 0]) < 22) & (np.abs(place[..., 1]) < DEPTH / 2 + 3)
    return inside & (place[..., 1] > DEPTH / 2 - 4) if front_only else inside


def test_marrow_in_place_of_the_disc_is_a_block(make_spine):
    spine = make_spine(levels=LEVELS, bend_deg=0.0)
    exam = examined(spine)
    spine.pdff[between(spine, "L2")] = 50.0
    discs, _, rows = measured(replace(exam, maps=replace(exam.maps, pdff=spine.pdff)))
    assert discs["L2"]["marrow_frac"] > 0.9
    assert discs["L1"]["marrow_frac"] < 0.1
    assert list(flags_of(rows, "fused_bodies")) == ["L2"]
    assert rows.patient["n_fused_levels"] == 1


def test_marrow_in_front_of_the_disc_is_a_bridge(make_spine):
    spine = make_spine(levels=LEVELS, bend_deg=0.0)
    exam = examined(spine)
    spine.pdff[between(spine, "L2", front_only=True)] = 50.0
    discs, _, rows = measured(replace(exam, maps=replace(exam.maps, pdff=spine.pdff)))
    assert discs["L2"]["bridge_mm"] == pytest.approx(7.0, abs=1.6)
    assert discs["L2"]["bridge_at"] == "front"
    assert list(flags_of(rows, "bridging_osteophyte")) == ["L2"]
    assert not flags_of(rows, "fused_bodies")


@pytest.mark.parametrize("marrow", [8.0, 85.0])
def test_marrow_that_is_like_disc_or_like_fat_does_not_decide(make_spine, marrow):
    spine = make_spine(levels=LEVELS, marrow=dict.fromkeys(LEVELS, (marrow, 100.0)))
    discs, _, _ = measured(examined(spine))
    assert "marrow_frac" not in discs["L2"]
    assert "fusion" in discs["L2"]["na_reason"]


def test_two_bodies_under_one_label_are_too_high(make_spine):
    spine = make_spine(levels=("T11", "T12", "L1", "L2", "L3", "L4"), bend_deg=0.0)
    exam = examined(spine)
    labels = spine.labels.copy()
    place = places(spine)
    first, second = (np.argwhere(labels == LEVEL_ID[level])[:, 2] for level in ("L2", "L1"))
    z = slice(first.min(), second.max() + 1)
    joined = (np.abs(place[..., 0]) < 20) & (np.abs(place[..., 1]) < DEPTH / 2 - 1)
    labels[:, :, z] = np.where(joined[:, :, z], LEVEL_ID["L2"], 0)
    labels[(labels == LEVEL_ID["T12"])] = LEVEL_ID["L1"]
    labels[(labels == LEVEL_ID["T11"])] = LEVEL_ID["T12"]
    _, _, rows = measured(replace(exam, labels=labels))
    flag = flags_of(rows, "fused_bodies")
    assert list(flag) == ["L2"]
    assert "as high as its neighbours" in flag["L2"]["evidence"]


def test_a_clean_column_raises_nothing(make_spine):
    for shift in (0.0, 1.0, 2.0):
        spine = make_spine(levels=LEVELS, shift_mm=(shift, shift / 3, shift / 2))
        _, _, rows = measured(examined(spine))
        assert not {flag["flag"] for flag in rows.flags} & {
            "fused_bodies",
            "bridging_osteophyte",
            "endplate_defect",
        }
