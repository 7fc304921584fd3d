"""Height loss and grade: fractures of a quarter are graded, normal spines are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.measure.shape.deformity import (
    HeightLoss,
    expected_heights,
    height_losses,
    usual_heights,
    usual_wedge_ratio,
)
from qmri.spine.levels import USUAL_LEVELS

# Normal anterior, middle and posterior heights, mm, of women (L5 is wedged the other way).
NORMAL = {
    "T10": (20.5, 20.0, 21.8),
    "T11": (21.0, 20.8, 22.8),
    "T12": (22.6, 22.0, 24.2),
    "L1": (24.4, 23.6, 26.0),
    "L2": (25.8, 24.8, 26.8),
    "L3": (26.6, 25.2, 26.6),
    "L4": (26.8, 25.0, 25.6),
    "L5": (27.4, 24.6, 23.6),
}


def test_no_normal_level_is_graded():
    losses = height_losses(NORMAL, frozenset())
    assert {level: loss.grade for level, loss in losses.items()} == dict.fromkeys(NORMAL, 0)


@given(st.sampled_from(sorted(NORMAL)), st.floats(0.255, 0.6), st.booleans())
def test_every_wedge_of_a_quarter_is_graded_told_or_not(level, loss, told):
    anterior, middle, posterior = NORMAL[level]
    heights = NORMAL | {level: (anterior * (1 - loss), middle * (1 - 0.65 * loss), posterior)}
    losses = height_losses(heights, frozenset({level}) if told else frozenset())
    assert losses[level].grade >= 1
    assert all(losses[other].grade == 0 for other in NORMAL if other != level)


@given(st.sampled_from(sorted(NORMAL)), st.floats(0.3, 0.6))
def test_a_crush_is_seen_against_the_neighbours(level, loss):
    heights = NORMAL | {level: tuple(height * (1 - loss) for height in NORMAL[level])}
    losses = height_losses(heights, frozenset())
    assert losses[level].grade >= 1
    assert losses[level].kind == "crush"


@given(st.floats(0.2, 0.3))
def test_a_body_that_is_low_behind_alone_is_not_compressed(loss):
    """Trapezoid L5 of healthy people: wedged by 18 degrees, and in front as high as their neighbours."""
    anterior, middle, posterior = NORMAL["L5"]
    low = NORMAL | {"L5": (anterior, middle * (1 - loss / 4), posterior * (1 - loss))}
    assert height_losses(low, frozenset())["L5"].grade == 0


@given(st.sampled_from(sorted(NORMAL)), st.floats(0.26, 0.5))
def test_a_body_that_is_low_in_front_and_behind_is_graded(level, loss):
    anterior, middle, posterior = NORMAL[level]
    low = NORMAL | {level: (anterior * (1 - loss), middle * 0.85, posterior * (1 - loss))}
    assert height_losses(low, frozenset())[level].grade >= 1


def test_two_fractures_side_by_side_do_not_hide_each_other():
    heights = NORMAL | {x: tuple(height * 0.62 for height in NORMAL[x]) for x in ("L1", "L2")}
    losses = height_losses(heights, frozenset())
    assert {level for level, loss in losses.items() if loss.grade} == {"L1", "L2"}


@pytest.mark.parametrize(
    ("percent", "grade"), [(-5, 0), (19.9, 0), (20, 1), (24.9, 1), (25, 2), (40, 3), (70, 3)]
)
def test_limits_of_the_grades(percent, grade):
    assert HeightLoss(percent, "wedge").grade == grade


def test_the_loss_does_not_depend_on_the_size_of_the_patient():
    heights = NORMAL | {"L1": (15.0, 20.0, 25.0)}
    small = {level: tuple(0.8 * height for height in values) for level, values in heights.items()}
    for level, loss in height_losses(heights, frozenset()).items():
        assert height_losses(small, frozenset())[level].percent == pytest.approx(loss.percent)


def test_a_single_body_is_held_against_itself():
    losses = height_losses({"L1": (15.0, 20.0, 25.0)}, frozenset())
    assert losses["L1"].percent == pytest.approx(100 * (1 - 0.6 / usual_wedge_ratio("L1")))
    assert expected_heights("L1", {"L1": (15.0, 20.0, 25.0)}, set()) is None


@given(st.floats(0.7, 1.3), st.sampled_from(["T4", "T9", "T12", "L1", "L4", "L5"]))
def test_a_usual_spine_of_any_size_is_what_its_neighbours_lead_to_expect(size, level):
    usual = {name: tuple(size * usual_heights(name)) for name in USUAL_LEVELS if name[0] != "C"}
    assert expected_heights(level, usual, set()) == pytest.approx(usual[level])


def test_usual_heights_by_hand():
    """Panjabi's posterior heights and Masharawi's wedging: L5 is lower behind and as high in front."""
    assert usual_heights("L5")[2] / usual_heights("L4")[2] == pytest.approx(22.9 / 24.1)
    assert usual_heights("L5")[0] / usual_heights("L4")[0] == pytest.approx(
        22.9 * 1.095 / (24.1 * 1.029), rel=1e-3
    )
    assert usual_heights("L6") == pytest.approx(usual_heights("L5"))
    assert usual_heights("T13") == pytest.approx(usual_heights("T12"))


def test_normal_l5_scattered_by_4_percent_is_hardly_ever_graded():
    """A posterior height of 23-24 mm under an L4 of 26 mm is no crush."""
    rng = np.random.default_rng(0)
    graded = 0
    for _ in range(200):
        people = {level: tuple(h * rng.normal(1, 0.04) for h in values) for level, values in NORMAL.items()}
        graded += height_losses(people, frozenset())["L5"].grade > 0
    assert graded <= 4


def test_an_l5_wedged_to_the_front_is_seen_against_its_own_normal():
    """Anterior as high as posterior is normal at L3 but a loss of 9 % at L5."""
    equal = {"L5": (25.0, 25.0, 25.0), "L3": (25.0, 25.0, 25.0)}
    losses = {level: height_losses({level: equal[level]}, frozenset())[level].percent for level in equal}
    assert losses["L3"] == pytest.approx(0, abs=1)
    assert losses["L5"] == pytest.approx(9, abs=1.5)


@pytest.mark.parametrize(("percent", "doubt"), [(10, False), (17, True), (22, True), (33, False), (39, True)])
def test_a_grade_is_in_doubt_where_its_error_reaches_a_limit(percent, doubt):
    assert HeightLoss(percent, "wedge", error_percent=3.5).grade_doubt is doubt


def test_the_error_of_a_loss_is_that_of_a_ratio():
    (loss,) = height_losses({"L3": (20.0, 25.0, 25.0)}, frozenset(), height_error_mm=1.0).values()
    share = 20 / (25 * usual_wedge_ratio("L3"))
    assert loss.error_percent == pytest.approx(100 * np.hypot(1, share) / (25 * usual_wedge_ratio("L3")))
