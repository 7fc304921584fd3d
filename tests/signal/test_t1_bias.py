"""The T1 bias of a spoiled gradient echo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.signal import MARROW_T1_S, corrected_error, marrow_t1, t1_bias, without_t1_bias
from qmri.signal.t1_weighting import FLIP_ANGLE_SPREAD, MARROW_T1_SPREAD_S

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


def steady_state(t1, angle, repetition):
    recovered = np.exp(-repetition / t1)
    cosine = np.cos(np.radians(angle))
    return np.sin(np.radians(angle)) * (1 - recovered) / (1 - cosine * recovered)


@given(
    PDFF,
    ANGLE,
    REPETITION,
    st.tuples(st.floats(0.3, 2), st.floats(0.2, 0.5)).filter(lambda t1: t1[0] > t1[1]),
)
def test_what_the_steady_state_does_to_a_fat_fraction_is_taken_back(pdff, angle, repetition, t1):
    water, fat = (
        (100 - pdff) * steady_state(t1[0], angle, repetition),
        pdff * steady_state(t1[1], angle, repetition),
    )
    seen = 100 * fat / (fat + water)
    assert without_t1_bias(seen, angle, repetition, t1) == pytest.approx(pdff, abs=1e-6)
    assert seen - pdff == pytest.approx(t1_bias(pdff, angle, repetition, t1), abs=1e-9)


def test_the_corrected_median_is_the_median_of_corrected_values():
    seen = np.random.default_rng(0).normal(50, 20, 101)
    corrected = without_t1_bias(seen, 8.0, 7e-3, AT_3T)
    assert np.median(corrected) == pytest.approx(float(without_t1_bias(np.median(seen), 8.0, 7e-3, AT_3T)))


def sequence(angle):
    t1, spread = AT_3T, MARROW_T1_SPREAD_S[3.0]
    return {"flip_angle_deg": angle, "repetition_time_s": 7e-3, "t1_s": t1, "spread_s": spread}


@pytest.mark.parametrize("angle", [1.0, 3.0, 8.0])
def test_the_error_of_a_corrected_value_is_the_spread_over_patients(angle):
    rng, repetition, spread = np.random.default_rng(1), 7e-3, MARROW_T1_SPREAD_S[3.0]
    n = 20_000
    water, fat = (rng.normal(t1, sd, n) for t1, sd in zip(AT_3T, spread, strict=True))
    angles = angle * (1 + FLIP_ANGLE_SPREAD * rng.standard_normal(n))
    gain = steady_state(fat, angles, repetition) / steady_state(water, angles, repetition)
    seen = 100 * 0.5 * gain / (0.5 * gain + 0.5) + rng.normal(0, 1.5, n)
    found = without_t1_bias(seen, angle, repetition, AT_3T)
    stated = corrected_error(float(np.median(seen)), 1.5, **sequence(angle))
    assert stated == pytest.approx(found.std(), rel=0.06)


@pytest.mark.parametrize("angle", [3.0, 5.0, 8.0])
def test_the_error_of_a_corrected_value_is_larger_than_what_it_was_made_of(angle):
    assert corrected_error(40.0, 1.5, **sequence(angle)) > 1.5
