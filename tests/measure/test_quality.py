"""The T1 bias of a spoiled gradient echo, against the figures gathered for this project."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.measure.quality.quality_figures import t1_bias_pct


@pytest.mark.parametrize(
    ("flip_angle", "at_30", "at_50"), [(3.0, 1.4, 1.6), (5.0, 3.4, 3.9), (8.0, 6.6, 7.4)]
)
def test_the_known_figures_at_a_repetition_time_of_7_ms(flip_angle, at_30, at_50):
    assert round(t1_bias_pct(30.0, flip_angle, 0.007), 1) == at_30
    assert round(t1_bias_pct(50.0, flip_angle, 0.007), 1) == at_50


@given(st.floats(0.5, 30), st.floats(0.003, 0.05))
def test_pure_water_and_pure_fat_have_none(flip_angle, repetition_time):
    assert t1_bias_pct(0.0, flip_angle, repetition_time) == pytest.approx(0)
    assert t1_bias_pct(100.0, flip_angle, repetition_time) == pytest.approx(0)


def test_a_long_repetition_time_has_none():
    assert t1_bias_pct(40.0, 5.0, 20.0) == pytest.approx(0, abs=1e-6)
