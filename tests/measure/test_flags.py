"""Each flag is raised on a phantom made to deserve it and is silent on the clean ones.

docs/flags.md is what this test prints: ``QMRI_UPDATE_DOCS=1 pytest tests/measure/test_flags.py`` writes it.
"""

import os
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from qmri.config import MeasureSettings
from qmri.images.acquisition import Acquisition
from qmri.measure.data import ExaminationData, Identity, LabelNote
from qmri.measure.examination import measure_examination
from qmri.measure.images import Fractures, ImageNoise, Maps, Origin
from qmri.measure.marrow.roi import surface_depth_mm
from qmri.measure.quality.flags import DISQUALIFYING, FLAGS, misfit_flags
from qmri.spine.body_flag import read_flags
from qmri.spine.levels import LEVEL_ID
from qmri.spine.tissue_labels import MUSCLE_ID

SETTINGS = MeasureSettings()
LEVELS = ("T11", "T12", "L1", "L2", "L3")
MARROW = {
    "T11": (46.0, 120.0),
    "T12": (47.0, 120.0),
    "L1": (24.0, 90.0),
    "L2": (48.0, 120.0),
    "L3": (49.0, 120.0),
}


def clean(make_spine, seed=0, **options):
    """An ordinary examination: one treated wedge with oedema, noise, every map."""
    options = {"levels": LEVELS, "marrow": MARROW, "loss": {"L1": ("wedge", 0.3)}} | options
    rng = np.random.default_rng(seed)
    spine = make_spine(shift_mm=tuple(rng.uniform(-1, 1, 3)), **options)
    shape = spine.pdff.shape
    pdff = spine.pdff + rng.normal(0, 2.0, shape)
    maps = Maps(
        affine=spine.affine,
        pdff=pdff,
        r2star=spine.r2star + rng.normal(0, 15.0, shape),
        water=100 - spine.pdff,
        fat=spine.pdff.copy(),
        field=rng.normal(0, 4.0, shape),
        pdff_sd=np.full(shape, 2.0),
        r2star_sd=np.full(shape, 15.0),
        rchi2=rng.uniform(0.7, 1.3, shape),
        swap_risk=np.zeros(shape),
    )
    acquisition = Acquisition(flip_angle_deg=3.0, repetition_time_s=0.007, field_strength_t=3.0)
    return ExaminationData(
        Identity("01", "pre"),
        maps,
        spine.labels,
        origin=Origin("fit", "ren9", acquisition, ImageNoise(2.0)),
        fractures=Fractures(treated=("L1",)),
    )


def body(data, level):
    return data.labels == LEVEL_ID[level]


def core(data, level, share=0.5):
    """A block in the middle of a body."""
    index = np.argwhere(body(data, level))
    low, high = index.min(axis=0), index.max(axis=0) + 1
    cut = ((high - low) * (1 - share) / 2).astype(int)
    block = np.zeros(data.labels.shape, bool)
    block[tuple(slice(a + c, b - c) for a, b, c in zip(low, high, cut, strict=True))] = True
    return block


def with_map(data, **maps):
    return replace(data, maps=replace(data.maps, **maps))


def swap(make_spine):
    data = clean(make_spine)
    return with_map(data, swap_risk=np.where(core(data, "L3"), 0.9, 0.0))


def void(make_spine):
    data = clean(make_spine)
    cement = core(data, "L3")
    water, fat = (np.where(cement, 2.0, image) for image in (data.maps.water, data.maps.fat))
    return with_map(data, water=water, fat=fat)


def low_snr(make_spine):
    data = clean(make_spine)
    return replace(data, origin=replace(data.origin, noise=ImageNoise(10.0)))


def poor_fit(make_spine):
    data = clean(make_spine)
    return with_map(data, rchi2=np.where(body(data, "L3"), 8.0, 1.0))


def field_range(make_spine):
    data = clean(make_spine)
    return with_map(data, field=np.where(body(data, "L3"), 25.0 * np.indices(data.labels.shape)[2], 0.0))


def small_roi(make_spine):
    data = clean(make_spine)
    kept = np.where(body(data, "L3") & ~core(data, "L3", 0.35), 0, data.labels)
    return replace(data, labels=kept)


def surface_doubt(make_spine):
    data = clean(make_spine)
    depth = np.abs(np.argwhere(body(data, "L3"))[:, 2] - np.argwhere(body(data, "L3"))[:, 2].mean())
    pdff = data.maps.pdff.copy()
    pdff[body(data, "L3")] = 15 + 6.0 * depth
    return with_map(data, pdff=pdff)


def label_failed(make_spine):
    return replace(
        clean(make_spine), notes={"L3": LabelNote(confidence=0.3, flags=read_flags("confidence=0.30"))}
    )


def unlike_neighbours(make_spine):
    return replace(
        clean(make_spine), notes={"L3": LabelNote(confidence=0.9, flags=read_flags("brightness=+0.62"))}
    )


def label_doubt(make_spine):
    return replace(
        clean(make_spine), notes={"L3": LabelNote(confidence=0.9, flags=read_flags("touching=5faces"))}
    )


def level_doubt(make_spine):
    return replace(clean(make_spine), notes={"L3": LabelNote(verified=False)})


def cut_at_side(make_spine):
    data = clean(make_spine)
    near = slice(4, None)
    maps = {
        name: value[near] for name, value in vars(data.maps).items() if name != "affine" and value is not None
    }
    return replace(data, labels=data.labels[near], maps=Maps(affine=data.maps.affine, **maps))


def undeclared_deformity(make_spine):
    return clean(make_spine, loss={"L1": ("wedge", 0.3), "L3": ("wedge", 0.35)})


def age_doubt(make_spine):
    return replace(clean(make_spine), fractures=Fractures(old=("L1",)))


def marrow_replaced(make_spine):
    return clean(make_spine, marrow=MARROW | {"L1": (4.0, 60.0)})


def cleft(make_spine):
    data = clean(make_spine)
    index = np.argwhere(body(data, "L1"))
    low, high = index.min(axis=0), index.max(axis=0) + 1
    slot = np.zeros(data.labels.shape, bool)
    slot[low[0] + 3 : high[0] - 3, low[1] + 5 : high[1] - 5, low[2] + 7 : low[2] + 10] = True
    return with_map(
        data, pdff=np.where(slot, 1.0, data.maps.pdff), r2star=np.where(slot, 18.0, data.maps.r2star)
    )


def cement_leak(make_spine):
    data = clean(make_spine)
    index = np.argwhere(body(data, "L1"))
    low, high = index.min(axis=0), index.max(axis=0) + 1
    cement = np.zeros(data.labels.shape, bool)
    cement[low[0] + 4 : high[0] - 4, low[1] + 7 : high[1] - 7, low[2] - 4 : low[2] + 8] = True
    water, fat = (np.where(cement, 2.0, image) for image in (data.maps.water, data.maps.fat))
    return with_map(data, water=water, fat=fat)


def implausible(make_spine):
    return clean(make_spine, marrow=MARROW | {"L3": (49.0, 600.0)})


def muscle_doubt(make_spine):
    """A block of the fat behind L3 that is called the right multifidus, and a muscle on the left."""
    data = clean(make_spine)
    _, y, z = np.argwhere(body(data, "L3")).mean(axis=0).astype(int)
    tissues, pdff = np.zeros(data.labels.shape, int), data.maps.pdff.copy()
    for side, x in (("right", slice(9, 14)), ("left", slice(1, 6))):
        tissues[x, y - 24 : y - 12, z - 12 : z + 12] = MUSCLE_ID["multifidus", side]
        if side == "left":
            pdff[x, y - 24 : y - 12, z - 12 : z + 12] -= 70
    return replace(with_map(data, pdff=pdff), tissues=tissues)


def below_l2(data, half_depth_mm):
    """The space between L2 and L3 and what lies in front of and behind it, in the frame of the body."""
    index = np.moveaxis(np.indices(data.labels.shape), 0, -1)
    place = index @ data.maps.affine[:3, :3].T + data.maps.affine[:3, 3]
    above, below = (place[body(data, level)].mean(axis=0) for level in ("L2", "L3"))
    up = (above - below) / np.linalg.norm(above - below)
    offset = place - (above + below) / 2
    along = offset @ np.cross(up, [1.0, 0.0, 0.0])
    return (np.abs(offset @ up) < 8) & (np.abs(along) < half_depth_mm) & (data.labels == 0), along


def fused_bodies(make_spine):
    data = clean(make_spine)
    inside, _ = below_l2(data, 16)
    return with_map(data, pdff=np.where(inside, 49.0, data.maps.pdff))


def bridging_osteophyte(make_spine):
    data = clean(make_spine)
    inside, along = below_l2(data, 20)
    disc = np.where(inside, 2.0, data.maps.pdff)
    return with_map(data, pdff=np.where(inside & (along > 12), 49.0, disc))


def endplate_defect(make_spine):
    """A ball of disc in the upper endplate of L3, under an outline that bridges it."""
    data = clean(make_spine)
    inside, _ = below_l2(data, 16)
    index = np.moveaxis(np.indices(data.labels.shape), 0, -1)
    top = np.argwhere(body(data, "L3")) @ [0, 0, 1]
    x, y, _ = np.argwhere(body(data, "L3")).mean(axis=0)
    ball = np.linalg.norm((index - [x, y, top.max() - 2]) * [4.0, 1.5, 1.5], axis=-1) < 7
    return with_map(data, pdff=np.where(inside | ball, 2.0, data.maps.pdff))


def fracture_count(make_spine):
    return replace(clean(make_spine), fractures=Fractures(treated=("L1",), old=("T11", "T12", "L3")))


def scoliosis(make_spine):
    data = clean(make_spine, voxel_mm=(1.5, 1.5, 1.5), bend_deg=11.0, loss={})
    turned = data.maps.affine.copy()
    turned[[0, 1]] = turned[[1, 0]]
    turned[0] *= -1
    return with_map(data, affine=turned)


def t1_bias(make_spine):
    data = clean(make_spine)
    acquisition = replace(data.origin.acquisition, flip_angle_deg=8.0)
    return replace(data, origin=replace(data.origin, acquisition=acquisition))


def few_background(make_spine):
    data = clean(make_spine)
    return replace(data, fractures=Fractures(treated=("L1",), old=("T11", "T12", "L3")))


def levels_unverified(make_spine):
    return replace(clean(make_spine), notes={"L3": LabelNote(verified=False)})


def fracture_not_in_view(make_spine):
    return replace(clean(make_spine), fractures=Fractures(treated=("L1",), old=("T7",)))


def scale_doubt(make_spine):
    data = clean(make_spine)
    return with_map(data, pdff=data.maps.pdff / 100)


CASES = {
    function.__name__: function
    for function in (
        swap,
        void,
        low_snr,
        poor_fit,
        field_range,
        small_roi,
        surface_doubt,
        label_failed,
        label_doubt,
        unlike_neighbours,
        level_doubt,
        cut_at_side,
        undeclared_deformity,
        age_doubt,
        marrow_replaced,
        cleft,
        cement_leak,
        implausible,
        muscle_doubt,
        fused_bodies,
        bridging_osteophyte,
        endplate_defect,
        fracture_count,
        scoliosis,
        t1_bias,
        few_background,
        levels_unverified,
        fracture_not_in_view,
        scale_doubt,
    )
}


@pytest.fixture(scope="module")
def rows_of(make_spine):
    """The rows of the phantom of a flag, made once."""

    @cache
    def rows(name):
        return measure_examination(CASES[name](make_spine), SETTINGS)

    return rows


def test_every_flag_has_a_phantom():
    assert list(CASES) == list(FLAGS)


@pytest.mark.parametrize("seed", range(3))
def test_clean_phantoms_raise_nothing(make_spine, seed):
    assert measure_examination(clean(make_spine, seed), SETTINGS).flags == []


def test_a_pdff_alone_with_the_noise_of_air_raises_nothing(make_spine):
    """Old software exports PDFF and water; without fat there is no telling tissue from air."""
    data = clean(make_spine)
    noise = np.random.default_rng(0).uniform(-100, 200, data.labels.shape)
    air = np.indices(data.labels.shape)[1] < 8
    assert not (air & (data.labels > 0)).any()
    maps = Maps(
        affine=data.maps.affine,
        pdff=np.where(air, noise, data.maps.pdff),
        r2star=np.full(data.labels.shape, np.nan),
        water=data.maps.water,
    )
    rows = measure_examination(replace(data, maps=maps), SETTINGS)
    assert rows.flags == []
    measured = [row for row in rows.vertebrae if row["status"] == "ok"]
    assert len(measured) == len(LEVELS)
    assert not any("r2star_median_per_s" in row or "t2star_median_ms" in row for row in measured)
    assert all("R2*: no value in the region" in row["na_reason"] for row in measured)


def test_a_recent_fracture_that_nobody_sees_makes_the_level_doubtful(make_spine):
    data = clean(make_spine)
    off_by_one = measure_examination(replace(data, fractures=Fractures(treated=("L2",))), SETTINGS)
    evidence = {flag["level"]: flag["evidence"] for flag in off_by_one.flags if flag["flag"] == "level_doubt"}
    assert "the name may be off by one" in evidence.pop("L2")
    assert set(evidence) == set(LEVELS) - {"L2"}
    assert all("that of L2 is in doubt" in words for words in evidence.values())


def test_a_name_that_nobody_confirms_makes_every_level_doubtful(rows_of):
    rows = rows_of("level_doubt")
    doubtful = {flag["level"] for flag in rows.flags if flag["flag"] == "level_doubt"}
    assert doubtful == {row["level"] for row in rows.vertebrae if row["status"] == "ok"}


def test_a_void_that_the_segmentation_saw_as_well_is_told_once(make_spine):
    data = replace(void(make_spine), notes={"L3": LabelNote(confidence=0.9, flags=read_flags("void=0.10"))})
    names = {flag["flag"] for flag in measure_examination(data, SETTINGS).flags if flag["level"] == "L3"}
    assert "void" in names
    assert "label_doubt" not in names


def test_a_resolved_cortex_is_no_void(make_spine):
    data = clean(make_spine, levels=("L1", "L2"), voxel_mm=(1.0, 1.0, 1.0))
    bone = np.zeros(data.labels.shape, bool)
    for level in ("L1", "L2"):
        bone |= body(data, level) & (surface_depth_mm(body(data, level), np.ones(3)) < 1.2)
    assert bone.sum() > 0.1 * (data.labels > 0).sum()
    water, fat = (np.where(bone, 0.1 * image, image) for image in (data.maps.water, data.maps.fat))
    rows = measure_examination(with_map(data, water=water, fat=fat), SETTINGS)
    assert {flag["flag"] for flag in rows.flags} <= {"few_background"}


@pytest.mark.parametrize("name", CASES)
def test_the_flag_is_raised_with_its_evidence(rows_of, name):
    flags = [flag for flag in rows_of(name).flags if flag["flag"] == name]
    assert flags
    for flag in flags:
        assert len(flag["evidence"]) > 10
        assert flag["disqualifies"] == (name in DISQUALIFYING)
        if flag["value"] is not None and flag["threshold"] is not None:
            assert flag["value"] != flag["threshold"]


@pytest.mark.parametrize("name", ["void", "swap", "poor_fit", "small_roi"])
def test_a_disqualifying_flag_takes_the_level_out_of_the_background_but_keeps_its_row(rows_of, name):
    rows = rows_of(name)
    row = next(row for row in rows.vertebrae if row["level"] == "L3")
    assert row["status"] == "ok"
    assert (row["qc_pass"], row["in_background"]) == (False, False)
    assert name in row["qc_flags"].split(";")
    assert "L3" not in rows.patient["bg_levels"].split(";")


def test_a_warning_leaves_the_level_in_the_background(rows_of):
    rows = rows_of("level_doubt")
    row = next(row for row in rows.vertebrae if row["level"] == "L3")
    assert (row["qc_pass"], row["in_background"], row["qc_flags"]) == (True, True, "level_doubt")


def test_the_table_of_the_docs_is_what_the_phantoms_show(rows_of, repository):
    lines = [
        "# Quality flags",
        "",
        "A flag asks a person to look. None drops a row: those marked as disqualifying set `qc_pass` to 0",
        "and take the level out of the background marrow. `markers/flags.csv` has each flag raised with its",
        "number, its threshold (`measure.flag_...` in config.yaml) and its evidence.",
        "",
        "The evidence below is what `tests/measure/test_flags.py` finds on one phantom made for each flag;",
        "its three clean phantoms raise none.",
        "",
        "| flag | meaning | disqualifies | value | threshold | evidence on the phantom |",
        "|---|---|---|---|---|---|",
    ]
    for name, meaning in FLAGS.items():
        flag = next(flag for flag in rows_of(name).flags if flag["flag"] == name)
        numbers = [
            "" if flag[key] is None else f"{flag[key]:.3g} {flag['unit']}".strip()
            for key in ("value", "threshold")
        ]
        told = f"{flag['level'] or 'examination'}: {flag['evidence']}"
        cells = [f"`{name}`", meaning, "yes" if flag["disqualifies"] else "", *numbers, told]
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    path = repository / "docs" / "flags.md"
    if os.environ.get("QMRI_UPDATE_DOCS"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_an_examination_that_the_model_does_not_describe_is_flagged():
    settings = MeasureSettings()
    assert misfit_flags(Origin(rchi2_median=2.9, worst_echo=1), settings) == []
    assert misfit_flags(Origin(), settings) == []
    (flag,) = misfit_flags(Origin(rchi2_median=12.0, worst_echo=4), settings)
    assert (flag.name, flag.level, flag.disqualifies) == ("poor_fit", None, True)
    assert "echo 4 disagrees most" in flag.evidence
