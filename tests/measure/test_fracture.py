"""Oedema, age, clefts, replaced marrow and cement of bodies whose truth is known."""

import numpy as np
import pytest

from qmri.config import MeasureSettings
from qmri.measure.data import ExaminationData, Identity, LabelNote
from qmri.measure.examination import measure_examination
from qmri.measure.fracture.malignancy import _beyond_chord
from qmri.measure.images import Fractures, Maps
from qmri.spine.body_flag import read_flags
from qmri.spine.levels import LEVEL_ID

SETTINGS = MeasureSettings(bootstrap_samples=50)
LEVELS = ("T11", "T12", "L1", "L2", "L3")
SOUND_PCT, OEDEMA_PCT = 46.0, 22.0


class Phantom:
    """A spine with marrow of 46 %, and what is painted into its bodies."""

    def __init__(self, make_spine, loss=None, seed=0, **options):
        self.spine = make_spine(levels=LEVELS, loss=loss or {}, **options)
        self.labels = self.spine.labels.copy()
        self.pdff, self.r2star = self.spine.pdff.copy(), self.spine.r2star.copy()
        self.pdff[self.labels > 0] = SOUND_PCT
        self.signal = np.full(self.pdff.shape, 100.0)
        self.noise = np.random.default_rng(seed).normal(size=self.pdff.shape)

    def body(self, level):
        return self.spine.labels == LEVEL_ID[level]

    def part(self, level, axis, low, high):
        """The part of a body between two shares of its extent along an axis of the grid."""
        index = np.argwhere(self.body(level))
        first, last = index[:, axis].min(), index[:, axis].max() + 1
        place = (np.indices(self.labels.shape)[axis] + 0.5 - first) / (last - first)
        return self.body(level) & (place >= low) & (place < high)

    def block(self, level, *shares):
        """A block of a body: (low, high) share of its extent along each axis, beyond it where below 0."""
        index = np.argwhere(self.body(level))
        block = np.zeros(self.labels.shape, bool)
        block[
            tuple(
                slice(round(a + low * (b - a)), round(a + high * (b - a)))
                for (low, high), a, b in zip(shares, index.min(axis=0), index.max(axis=0) + 1, strict=True)
            )
        ] = True
        return block

    def rows(self, fractures=None, labels=None, in_phase=True, notes=None):
        signal = np.maximum(self.signal + self.noise[::-1], 0)
        pdff = self.pdff + 2.5 * self.noise
        images = {"water": signal * (1 - pdff / 100), "fat": signal * pdff / 100} if in_phase else {}
        maps = Maps(self.spine.affine, pdff, self.r2star + 12 * self.noise[:, ::-1], **images)
        data = ExaminationData(
            Identity("01", "pre"),
            maps,
            self.labels if labels is None else labels,
            fractures=fractures or Fractures(),
            notes=notes or {},
        )
        rows = measure_examination(data, SETTINGS)
        return {row["level"]: row for row in rows.vertebrae if row["status"] == "ok"}, rows


@pytest.fixture
def phantom(make_spine):
    return lambda **options: Phantom(make_spine, **options)


def flagged(rows, name):
    return {flag["level"] for flag in rows.flags if flag["flag"] == name}


@pytest.mark.parametrize(
    ("axis", "low", "high", "place"),
    [(2, 0.5, 1.0, "superior"), (2, 0.0, 0.3, "inferior"), (1, 0.5, 1.0, "anterior"), (2, 0.0, 1.0, "whole")],
)
def test_the_share_of_oedema_is_that_of_the_body_and_its_place_is_told(phantom, axis, low, high, place):
    made = phantom()
    made.pdff[made.part("L1", axis, low, high)] = OEDEMA_PCT
    row = made.rows(Fractures(treated=("L1",)))[0]["L1"]
    assert row["oedema_frac"] == pytest.approx(high - low, abs=0.08)
    assert row["oedema_drop_pct"] == pytest.approx(SOUND_PCT - OEDEMA_PCT, abs=3)
    assert row["oedema_place"] == place
    assert (row["fracture_age_suggestion"], row["fracture_age_p_acute"] > 0.8) == ("acute", True)


def test_bodies_beside_an_oedematous_one_are_sound(phantom):
    made = phantom()
    made.pdff[made.body("L1")] = OEDEMA_PCT
    levels, rows = made.rows(Fractures(treated=("L1",)))
    for level in set(LEVELS) - {"L1"}:
        assert (levels[level]["oedema_frac"], levels[level]["fracture_age_suggestion"]) == (0, "none")
    assert not rows.flags


@pytest.mark.parametrize("shift", [(0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0), (1, 0, 0)])
def test_a_label_that_is_a_voxel_off_makes_no_oedema_and_moves_its_share_little(phantom, shift):
    """Around the bodies lies fluid, which is as low in fat as a disc and the canal are."""
    made = phantom()
    made.pdff[made.labels == 0] = 0.0
    made.r2star[made.labels == 0] = 20.0
    made.pdff[made.part("L1", 2, 0.5, 1.0)] = OEDEMA_PCT
    moved = np.roll(made.labels, shift, axis=(0, 1, 2))
    levels, _ = made.rows(Fractures(treated=("L1",)), labels=moved)
    assert levels["L1"]["oedema_frac"] == pytest.approx(0.5, abs=0.15)
    assert all(levels[level]["oedema_frac"] < 0.05 for level in set(LEVELS) - {"L1"})
    assert all(row["cleft_kind"] == "none" for row in levels.values())


@pytest.mark.parametrize("unlisted", [("L2",), ("T12", "L2")])
def test_oedema_that_nobody_listed_is_flagged_and_does_not_pull_the_background(phantom, unlisted):
    made = phantom()
    for level in unlisted:
        made.pdff[made.body(level)] = OEDEMA_PCT
    levels, rows = made.rows(Fractures(treated=("L1",)))
    assert rows.patient["pdff_bg_median_pct"] == pytest.approx(SOUND_PCT, abs=1)
    assert flagged(rows, "undeclared_deformity") == set(unlisted)
    assert all(not levels[level]["in_background"] for level in unlisted)
    evidence = [flag["evidence"] for flag in rows.flags if flag["flag"] == "undeclared_deformity"]
    assert all("the study sheet says none; the maps suggest acute" in words for words in evidence)
    assert rows.patient["n_acute_suggested"] == len(unlisted)


def test_levels_that_look_fractured_count_beside_those_of_the_sheet(phantom):
    made = phantom()
    made.pdff[made.body("L2")] = OEDEMA_PCT
    _, rows = made.rows(Fractures(treated=("L1",), old=("T11",)))
    assert not flagged(rows, "fracture_count")
    _, rows = made.rows(Fractures(treated=("L1",), old=("T11", "L3")))
    (words,) = [flag["evidence"] for flag in rows.flags if flag["flag"] == "fracture_count"]
    assert words == "the study sheet names 3 fractured levels, and 1 more looks fractured"


def test_a_collapsed_body_without_oedema_is_old_and_its_age_is_held_against_the_sheet(phantom):
    made = phantom(loss={"L1": ("wedge", 0.35)})
    for fractures, doubted in (
        (Fractures(old=("L1",)), set()),
        (Fractures(acute=("L1",)), {"L1"}),
        (Fractures(treated=("L1",)), {"L1"}),
    ):
        levels, rows = made.rows(fractures)
        assert levels["L1"]["fracture_age_suggestion"] == "old"
        assert levels["L1"]["fracture_status"] in ("old", "acute", "treated_target")
        assert flagged(rows, "age_doubt") == doubted


def test_what_is_low_in_fat_with_the_r2star_of_bone_is_no_oedema(phantom):
    made = phantom(loss={"L1": ("wedge", 0.35)})
    band = made.part("L1", 2, 0.4, 1.0)
    made.pdff[band], made.r2star[band] = 28.0, 260.0
    row = made.rows(Fractures(old=("L1",)))[0]["L1"]
    assert row["oedema_frac"] == 0
    assert row["fracture_age_suggestion"] == "old"
    assert "dense bone" in row["fracture_age_evidence"]


def test_marrow_with_too_little_fat_to_lose_leaves_the_age_unclear(phantom):
    made = phantom(loss={"L1": ("wedge", 0.35)})
    made.pdff[made.labels > 0] = 7.0
    made.noise *= 3
    row = made.rows(Fractures(acute=("L1",)))[0]["L1"]
    assert row["fracture_age_suggestion"] == "unclear"


def test_without_a_sound_level_nothing_is_said_of_oedema(phantom):
    levels, _ = phantom().rows(Fractures(treated=("L1",), old=("T11", "T12", "L2", "L3")))
    for row in levels.values():
        assert "oedema_frac" not in row
        assert "no sound level" in row["na_reason"]


def test_cement_has_its_volume_its_contact_and_its_distances(phantom):
    made = phantom(loss={"L1": ("wedge", 0.3)})
    cement = made.block("L1", (0.25, 0.75), (0.2, 0.8), (0.0, 0.5)) & made.body("L1")
    made.signal[cement] = 2.0
    levels, rows = made.rows(Fractures(treated=("L1",)))
    row = levels["L1"]
    true_cm3 = cement.sum() * np.prod(made.spine.voxel_mm) / 1000
    assert row["void_cm3"] == pytest.approx(true_cm3, rel=0.1)
    assert row["void_kind"] == "cement"
    assert row["void_lower_contact_frac"] == pytest.approx(0.3, abs=0.12)
    assert row["void_upper_contact_frac"] == 0
    assert (row["leak_above_mm3"], row["leak_below_mm3"]) == (0, 0)
    assert row["void_to_below_mm"] == pytest.approx(9, abs=2)
    assert row["void_to_above_mm"] > 15
    assert not flagged(rows, "cement_leak") | flagged(rows, "cleft")
    assert {levels[level]["void_cm3"] for level in set(LEVELS) - {"L1"}} == {0}


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_cement_in_a_disc_is_a_leak_and_a_label_a_voxel_off_makes_none(phantom, step):
    made = phantom()
    inside = made.block("L1", (0.25, 0.75), (0.2, 0.8), (0.0, 0.5)) & made.body("L1")
    made.signal[inside] = 2.0
    moved = np.roll(made.labels, step, axis=2)
    _, rows = made.rows(Fractures(treated=("L1",)), labels=moved)
    assert not flagged(rows, "cement_leak")
    leak = made.block("L1", (0.35, 0.65), (0.35, 0.65), (-0.25, 0.05)) & (made.labels == 0)
    made.signal[leak] = 2.0
    levels, rows = made.rows(Fractures(treated=("L1",)), labels=moved)
    assert flagged(rows, "cement_leak") == {"L1"}
    assert levels["L1"]["leak_above_mm3"] == 0
    if step == 0:
        assert levels["L1"]["leak_below_mm3"] == pytest.approx(leak.sum() * 9, rel=0.25)


def test_gas_in_a_disc_alone_is_no_leak(phantom):
    made = phantom()
    made.signal[made.block("L1", (0.3, 0.7), (0.3, 0.7), (-0.3, -0.05)) & (made.labels == 0)] = 2.0
    levels, rows = made.rows(Fractures(treated=("L1",)))
    assert not flagged(rows, "cement_leak")
    assert levels["L1"]["void_cm3"] == 0


@pytest.mark.parametrize(
    ("fractures", "kind"), [(Fractures(acute=("L1",)), "gas"), (Fractures(treated=("L1",)), "none")]
)
def test_a_flat_void_in_a_collapsed_body_is_gas_unless_the_level_is_treated(phantom, fractures, kind):
    made = phantom(loss={"L1": ("crush", 0.3)})
    made.signal[made.block("L1", (0.2, 0.8), (0.25, 0.85), (0.4, 0.56)) & made.body("L1")] = 2.0
    levels, rows = made.rows(fractures)
    assert levels["L1"]["cleft_kind"] == kind
    assert levels["L1"]["void_kind"] == ("gas" if kind == "gas" else "unclear")
    assert flagged(rows, "cleft") == ({"L1"} if kind == "gas" else set())


def test_fluid_in_a_collapsed_body_is_a_cleft_and_in_a_sound_one_not(phantom):
    for loss, kind in (({"L1": ("crush", 0.3)}, "fluid"), ({}, "none")):
        made = phantom(loss=loss)
        made.pdff[made.body("L1")], made.r2star[made.body("L1")] = OEDEMA_PCT, 80.0
        slot = made.block("L1", (0.2, 0.8), (0.3, 0.9), (0.55, 0.75)) & made.body("L1")
        made.pdff[slot], made.r2star[slot] = 0.0, 18.0
        levels, rows = made.rows(Fractures(acute=("L1",)))
        assert levels["L1"]["cleft_kind"] == kind
        assert rows.patient["any_cleft"] == (kind == "fluid")
        if kind == "fluid":
            assert levels["L1"]["cleft_cm3"] == pytest.approx(slot.sum() * 9 / 1000, rel=0.4)


def test_marrow_replaced_throughout_with_a_bulging_wall_is_flagged_with_all_that_speaks_for_it(phantom):
    made = phantom()
    made.pdff[made.body("L1")] = 14.0
    behind = np.roll(made.body("L1"), -2, axis=1) & made.block("L1", (0, 1), (-0.2, 0.5), (0.25, 0.75))
    bulging = np.where(behind & (made.labels == 0), LEVEL_ID["L1"], made.labels)
    made.pdff[bulging == LEVEL_ID["L1"]] = 14.0
    flat, _ = made.rows(Fractures(acute=("L1",)))
    levels, rows = made.rows(Fractures(acute=("L1",)), labels=bulging)
    assert levels["L1"]["posterior_bulge_mm"] - flat["L1"]["posterior_bulge_mm"] == pytest.approx(3, abs=0.6)
    assert flagged(rows, "marrow_replaced") == {"L1"}
    assert "bulges" in next(flag["evidence"] for flag in rows.flags if flag["flag"] == "marrow_replaced")
    assert not flagged(made.rows(Fractures(acute=("L1",)))[1], "marrow_replaced")


def test_the_bulge_is_that_beyond_the_line_of_the_corners():
    up = np.linspace(0, 1, 41)
    assert _beyond_chord(-15 + 3 * up, up) == pytest.approx(0)
    convex = _beyond_chord(-15 - 2 * (1 - (2 * up - 1) ** 2), up)
    assert convex is not None
    assert 0.8 < convex < 2
    assert _beyond_chord(-15 + 2 * (1 - (2 * up - 1) ** 2), up) == pytest.approx(-convex)


def test_without_water_and_fat_there_is_no_word_of_voids_and_oedema_stands(phantom):
    made = phantom()
    made.pdff[made.body("L1")] = OEDEMA_PCT
    row = made.rows(Fractures(treated=("L1",)), in_phase=False)[0]["L1"]
    assert "void_cm3" not in row
    assert row["fracture_age_suggestion"] == "acute"


def test_a_body_whose_pdff_is_in_doubt_has_no_age(phantom):
    made = phantom()
    made.pdff[made.body("L1")] = OEDEMA_PCT
    levels, _ = made.rows(Fractures(treated=("L1",)))
    assert levels["L1"]["fracture_age_suggestion"] == "acute"
    made.signal[made.block("L1", (0.2, 0.8), (0.2, 0.8), (0.2, 0.8))] = 2.0
    levels, _ = made.rows(Fractures(treated=("L1",)))
    assert levels["L1"]["fracture_age_suggestion"] == "unclear"
    assert "void" in levels["L1"]["fracture_age_evidence"]


def test_nothing_of_a_patient_rests_on_an_outline_that_failed_a_check(phantom):
    made = phantom()
    made.pdff[made.body("L1")] = OEDEMA_PCT
    failed = {"L1": LabelNote(confidence=0.3, flags=read_flags("confidence=0.30"))}
    for notes, count in ((None, 1), (failed, 0)):
        levels, rows = made.rows(Fractures(treated=("L1",)), notes=notes)
        assert levels["L1"]["fracture_age_suggestion"] == ("acute" if count else "unclear")
        assert rows.patient["n_acute_suggested"] == count
        assert ("oedema_target_frac" in rows.patient) == bool(count)
