"""The T1 bias of a spoiled gradient echo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.signal import MARROW_T1_S, marrow_t1, t1_bias

AT_3T = MARROW_T1_S[3.0]
PDFF, ANGLE, REPETITION = st.floats(0, 100), st.floats(0.5, 90), st.floats(0.003, 0.05)


@pytest.mark.parametrize(
    ("angle", "pdff", "bias"),
    [(3, 30, 1.4), (3, 50, 1.6), (5, 30, 3.4), (5, 50, 3.9), (8, 30, 6.6), (8, 50, 7.4)],
)
def test_the_known_figures_at_a_repetition_time_of_7_ms(angle, pdff, bias):
    assert t1_bias(pdff, angle, 7e-3, AT_3T) == pytest.approx(bias, abs=0.06)


@given(ANGLE, REPETITION)
def test_pure_water_and_pure_fat_have_none(angle, repetition):
    assert t1_bias(0.0, angle, repetition, AT_3T) == pytest.approx(0)
    assert t1_bias(100.0, angle, repetition, AT_3T) == pytest.approx(0)


@given(PDFF, ANGLE, REPETITION, st.floats(0.1, 3))
def test_equal_t1_have_none(pdff, angle, repetition, t1):
    assert t1_bias(pdff, angle, repetition, (t1, t1)) == pytest.approx(0, abs=1e-9)


@given(PDFF, REPETITION)
def test_a_small_flip_angle_has_none(pdff, repetition):
    assert t1_bias(pdff, 1e-3, repetition, AT_3T) == pytest.approx(0, abs=1e-4)


@given(PDFF)
def test_a_long_repetition_time_has_none(pdff):
    assert t1_bias(pdff, 90.0, 20.0, AT_3T) == pytest.approx(0, abs=1e-6)


@given(st.floats(1, 99), REPETITION)
def test_at_90_degrees_it_is_that_of_saturation_recovery(pdff, repetition):
    water, fat = 1 - np.exp(-repetition / np.array(AT_3T))
    seen = 100 * pdff * fat / (pdff * fat + (100 - pdff) * water)
    assert t1_bias(pdff, 90.0, repetition, AT_3T) == pytest.approx(seen - pdff)


@pytest.mark.parametrize(
    ("field", "frequency", "known"),
    [
        (3.0, None, True),
        (2.89, None, True),
        (None, 127.7, True),
        (3.0, 63.9, True),
        (1.5, None, False),
        (None, 63.9, False),
        (7.0, None, False),
        (None, None, False),
    ],
)
def test_t1_is_known_at_3_t_alone(field, frequency, known):
    assert marrow_t1(field, frequency) == (AT_3T if known else None)
