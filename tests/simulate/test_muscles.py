"""The muscles beside the simulated spine: compartments of known size, place and fat."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.images.grid import Grid
from qmri.simulate.anatomy import Spine, SpineRecipe, Tissue, draw_spine, render
from qmri.simulate.anatomy.muscles.muscle import Muscle, Muscles
from qmri.simulate.study.muscle_truth import level_heights, true_muscles
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, MUSCLES, RIGHT

WIDE = np.diag([2.5, 2.0, 3.0, 1.0])
WIDE[:3, 3] = [-90.0, -130.0, -120.0]
WIDE_SHAPE = (73, 100, 72)


def a_spine(seed: int, fat: float = 0.2) -> Spine:
    recipe = SpineRecipe(top_level="T11", muscle_fat=(fat, fat), cobb_deg=(0.0, 2.0))
    return draw_spine(np.random.default_rng(seed), recipe)


def area_mm2(tissues: np.ndarray, number: int, height_mm: float) -> float:
    row = round((height_mm - WIDE[2, 3]) / WIDE[2, 2])
    return float(np.count_nonzero(tissues[:, :, row] == number) * WIDE[0, 0] * WIDE[1, 1])


def one_muscle(**changes) -> Muscles:
    heights = np.array([-60.0, 60.0])
    muscle = Muscle(
        "psoas",
        LEFT,
        heights,
        aside_mm=np.full(2, 55.0),
        ahead_mm=np.full(2, 5.0),
        half_across_mm=np.full(2, 15.0),
        half_along_mm=np.full(2, 20.0),
        square=0.0,
        turn_deg=0.0,
        fat=np.full(2, 0.25),
        streaks=0.0,
        deep=0.0,
        cleft=None,
        septum_mm=0.0,
        under_fascia_mm=-500.0,
    )
    return Muscles((replace(muscle, **changes),))


@pytest.mark.parametrize("turn", [0.0, 35.0])
def test_the_cross_section_is_that_of_the_ellipse_and_its_fat_the_stated_share(turn):
    spine = replace(a_spine(1), muscles=one_muscle(turn_deg=turn))
    rendering = render(spine, WIDE, WIDE_SHAPE)
    number = MUSCLE_ID["psoas", LEFT]
    assert area_mm2(rendering.tissues, number, 0.0) == pytest.approx(np.pi * 15 * 20, rel=0.05)
    inside = rendering.tissues == number
    lean, fat = (rendering.fractions[kind][inside].sum() for kind in (Tissue.MUSCLE, Tissue.VISCERAL_FAT))
    assert fat / (lean + fat) == pytest.approx(0.25, abs=0.02)


def test_a_septum_is_fat_outside_the_compartment():
    plain, parted = (
        render(replace(a_spine(1), muscles=one_muscle(septum_mm=width)), WIDE, WIDE_SHAPE)
        for width in (0.0, 6.0)
    )
    np.testing.assert_array_equal(plain.tissues, parted.tissues)
    more = parted.fractions[Tissue.VISCERAL_FAT] - plain.fractions[Tissue.VISCERAL_FAT]
    assert more.min() > -1e-5
    assert more.max() > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_every_muscle_lies_on_its_side_and_grows_as_anatomists_say(seed):
    spine = a_spine(seed)
    tissues = render(spine, WIDE, WIDE_SHAPE).tissues
    for (muscle, side), number in MUSCLE_ID.items():
        x = WIDE[0, 0] * np.argwhere(tissues == number)[:, 0] + WIDE[0, 3]
        assert (x.mean() > 0) == (side == RIGHT), muscle
    areas = {
        (muscle, level): sum(
            area_mm2(tissues, MUSCLE_ID[muscle, side], spine.body(level).centre_mm[2])
            for side in (RIGHT, LEFT)
        )
        for muscle in MUSCLES
        for level in ("L2", "L4", "L5")
    }
    assert areas["multifidus", "L5"] > 1.2 * areas["multifidus", "L2"]
    assert areas["erector_spinae", "L5"] < areas["erector_spinae", "L2"]
    assert areas["psoas", "L4"] > 1.5 * areas["psoas", "L2"]
    assert areas["quadratus_lumborum", "L5"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_no_muscle_changes_the_column(seed):
    spine = a_spine(seed)
    grid = (WIDE, WIDE_SHAPE)
    with_muscles, without = render(spine, *grid), render(replace(spine, muscles=Muscles()), *grid)
    np.testing.assert_array_equal(with_muscles.labels, without.labels)
    for tissue in (Tissue.MARROW, Tissue.DISC, Tissue.CSF, Tissue.POSTERIOR_MARROW, Tissue.S1_MARROW):
        np.testing.assert_array_equal(with_muscles.fractions[tissue], without.fractions[tissue])
    assert without.tissues.max() < min(MUSCLE_ID.values())


def test_fat_of_the_recipe_fills_the_muscles():
    shares = []
    for fat in (0.05, 0.4):
        rendering = render(a_spine(2, fat), WIDE, WIDE_SHAPE)
        inside = rendering.tissues == MUSCLE_ID["multifidus", RIGHT]
        shares.append(rendering.fractions[Tissue.VISCERAL_FAT][inside].mean())
    assert shares[0] < 0.2
    assert shares[1] > 0.35


def test_the_fat_of_a_muscle_is_not_that_of_what_lies_beside_it():
    lean = a_spine(3)
    each = tuple(replace(one, fat=np.zeros_like(one.fat), cleft=None) for one in lean.muscles.each)
    rendering = render(replace(lean, muscles=replace(lean.muscles, each=each)), WIDE, WIDE_SHAPE)
    muscle = np.isin(rendering.tissues, list(MUSCLE_ID.values()))
    beside = rendering.fractions[Tissue.VISCERAL_FAT][muscle]
    assert beside.max() > 0.3
    assert rendering.muscle_fat.max() == 0
    full = tuple(replace(one, fat=np.full_like(one.fat, 0.4), streaks=0.0, deep=0.0) for one in each)
    rendering = render(replace(lean, muscles=replace(lean.muscles, each=full)), WIDE, WIDE_SHAPE)
    np.testing.assert_allclose(rendering.muscle_fat[muscle], 0.4, atol=1e-4)


def test_the_truth_knows_how_much_of_a_muscle_is_in_view():
    spine = a_spine(4)
    whole, half = WIDE_SHAPE, (36, *WIDE_SHAPE[1:])
    rows = {}
    for name, shape in (("whole", whole), ("half", half)):
        rendering = render(spine, WIDE, shape)
        rendering = replace(rendering, muscle_fat=np.full(shape, 0.5, dtype=np.float32))
        grid = Grid(shape, WIDE)
        for row in true_muscles(("01", "pre"), spine, grid, rendering):
            rows[name, row.level, row.muscle, row.side] = row
    for muscle in ("multifidus", "erector_spinae", "psoas"):
        seen, right, left = (
            rows["whole", "L3", muscle, LEFT],
            *(rows["half", "L3", muscle, s] for s in (RIGHT, LEFT)),
        )
        assert seen.coverage == pytest.approx(1.0, abs=0.04)
        # 0.5 x 0.80 lean with 2 % and 0.5 x 1.10 fat with 90 %.
        assert seen.pdff_mean_pct == pytest.approx((0.80 * 2 + 1.10 * 90) / 1.90)
        assert right.coverage < 0.05
        assert left.coverage > 0.95
        middle, low, high = level_heights(spine)["L3"]
        assert low < middle < high
        assert seen.area_mm2 == pytest.approx(seen.volume_mm3 / (high - low), rel=0.25)
