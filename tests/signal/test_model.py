"""The water-fat signal: golden numbers and limits. Water at 4.7 ppm, as the golden numbers have it."""

import numpy as np
import pytest

from qmri.signal import GAMMA_MHZ_PER_T, WaterFatModel, cramer_rao

ECHO_TIMES = np.arange(1.2, 6.3) * 1e-3
MODEL = WaterFatModel.at("ren9", ECHO_TIMES, 3 * GAMMA_MHZ_PER_T, water_ppm=4.7)


def test_golden_signal():
    expected = [
        -0.040835 - 0.013753j,
        0.226733 + 0.643998j,
        0.204341 + 0.070100j,
        -0.206585 + 0.331903j,
        0.091698 + 0.228045j,
        -0.222600 + 0.028677j,
    ]
    np.testing.assert_allclose(MODEL.forward(0.4, 0.6, 100.0, 50.0, 0.3), expected, atol=1e-6)


def test_at_echo_time_zero_water_and_fat_add_up():
    signal = WaterFatModel.at("hamilton6", [0.0], 127.7).forward(0.3, 0.7, 400.0, 120.0, 0.5)
    assert signal[0] == pytest.approx(np.exp(0.5j))


def test_magnitude_of_pure_water_decays_and_nothing_else():
    signal = MODEL.forward(2.0, 0.0, 50.0, 333.0, 1.0)
    np.testing.assert_allclose(np.abs(signal), 2 * np.exp(-50 * ECHO_TIMES))


def test_parameters_broadcast_and_the_echoes_come_last():
    assert MODEL.forward(np.ones((4, 1)), np.zeros(3), 50.0).shape == (4, 3, 6)


def test_complex_signals_carry_phases_of_their_own():
    together = MODEL.forward(0.4, 0.6, 30.0, 10.0, 0.7)
    apart = MODEL.forward(0.4 * np.exp(0.7j), 0.6 * np.exp(0.7j), 30.0, 10.0)
    np.testing.assert_allclose(together, apart)


@pytest.mark.parametrize(("pdff", "pdff_sd", "r2star_sd"), [(30, 2.09, 18.4), (60, 1.56, 29.6)])
def test_bound_at_snr_30_as_published_with_the_golden_numbers(pdff, pdff_sd, r2star_sd):
    bound = cramer_rao(MODEL, 1 - pdff / 100, pdff / 100, 100.0, 1 / 30)
    assert bound.pdff == pytest.approx(pdff_sd, rel=0.03)
    assert bound.r2star == pytest.approx(r2star_sd, rel=0.03)


def test_bound_is_proportional_to_the_noise():
    once, twice = (cramer_rao(MODEL, 0.5, 0.5, 80.0, sd) for sd in (0.01, 0.02))
    assert twice.pdff == pytest.approx(2 * once.pdff)
    assert twice.field == pytest.approx(2 * once.field)


def test_derivatives_are_those_of_the_signal():
    at = np.array([0.4, 0.7, 80.0, 35.0, 0.4])
    steps = np.array([1e-5, 1e-5, 1e-3, 1e-3, 1e-5])
    numeric = np.stack(
        [
            (MODEL.forward(*(at + step)) - MODEL.forward(*(at - step))) / (2 * step.sum())
            for step in np.diag(steps)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(MODEL.jacobian(*at), numeric, atol=1e-8)
