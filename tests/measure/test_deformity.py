"""Height loss and grade: fractures of a quarter are graded, normal spines are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.measure.deformity import HeightLoss, expected_heights, height_losses

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
    assert losses["L1"].percent == pytest.approx(40)
    assert expected_heights("L1", {"L1": (15.0, 20.0, 25.0)}, set()) is None


def test_expected_heights_grow_caudally():
    uniform = {"T12": (24.0,) * 3, "L2": (24.0 * 1.03**2,) * 3}
    assert np.allclose(expected_heights("L1", uniform, set()), 24.0 * 1.03)
