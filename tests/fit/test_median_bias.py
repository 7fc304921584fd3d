"""R2*: a median that noise does not move, and a refusal where the decay is too fast for the echoes."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.fit import Reason, fit_water_fat
from qmri.fit.chunks import thread_pool
from qmri.fit.echoes import echo_train
from qmri.fit.precision.median_bias import skew
from qmri.fit.solve.common_phase import Sums
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.solution import solve
from qmri.fit.voxels import Signals
from qmri.signal import GAMMA_MHZ_PER_T

AT_3_T = 1e-3 * (1.2 + np.arange(6))
AT_1_5_T = 1e-3 * (1.2 + 1.8 * np.arange(6))


def region(echo_times, field_strength, pdff, r2star, snr, shape=(24, 24, 20), seed=1):
    """A homogeneous region with a field that bends."""
    model = echo_train("ren9", echo_times, field_strength * GAMMA_MHZ_PER_T).model
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    field = 25 * field_strength * (x * y + 0.5 * z)
    clean = model.forward(np.full(shape, 1 - pdff / 100), pdff / 100, r2star, field, 0.4 + 0.3 * x)
    noise = np.random.default_rng(seed).normal(scale=1 / snr, size=(2, *clean.shape))
    return (clean + noise[0] + 1j * noise[1]).astype(np.complex64)


@pytest.mark.parametrize("snr", [30, 10])
@pytest.mark.parametrize(("echo_times", "field_strength"), [(AT_3_T, 3.0), (AT_1_5_T, 1.5)])
def test_the_median_of_a_region_does_not_depend_on_the_noise(echo_times, field_strength, snr):
    signal = region(echo_times, field_strength, 50.0, 120.0, snr)
    result = fit_water_fat(signal, echo_times, field_strength * GAMMA_MHZ_PER_T)
    error = result.r2star - 120.0
    standard_error = 1.2533 * float(np.std(error)) / np.sqrt(error.size)
    assert abs(np.median(error)) < 1.0 + 2 * standard_error


@pytest.mark.parametrize("snr", [30, 15])
def test_the_mean_less_the_shift_does_not_depend_on_the_noise(snr):
    result = fit_water_fat(region(AT_3_T, 3.0, 60.0, 130.0, snr), AT_3_T, 3 * GAMMA_MHZ_PER_T)
    mean = np.mean(result.r2star - result.r2star_shift)
    standard_error = float(np.std(result.r2star)) / np.sqrt(result.r2star.size)
    assert abs(mean - 130.0) < 1.0 + 2 * standard_error
    assert np.mean(result.r2star) > mean


def test_the_shift_is_what_many_noisy_fits_show():
    """Against the median of the fits themselves, at a noise at which second order is enough."""
    train, n, sd = echo_train("ren9", AT_1_5_T, 1.5 * GAMMA_MHZ_PER_T), 40_000, 0.05
    clean = train.model.forward(np.full(n, 0.4), 0.6, 150.0, 20.0, 0.3).T
    noise = np.random.default_rng(0).normal(scale=sd, size=(2, *clean.shape))
    signals = Signals((clean + noise[0] + 1j * noise[1]).astype(np.complex64))
    start = Start(np.full(n, 20, np.float32), np.full(n, 150, np.float32))
    with thread_pool(1) as pool:
        fitted = solve(Method.of(train, pool), signals, start)
    place = (np.float32([value]) for value in (0.4, 0.6, 150.0))
    expected = -float(skew(Sums.of(train), *place).shift[0]) * sd**2
    assert expected < -1
    assert np.median(fitted.r2star) - 150 == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("r2star", [1000.0, 1500.0])
def test_a_decay_that_the_echoes_do_not_carry_has_no_value(phantoms, r2star):
    phantom = phantoms.body((56, 44, 12), r2star_max=r2star)
    result = fit_water_fat(phantom.signal(), AT_3_T, 3 * GAMMA_MHZ_PER_T, mask=phantom.mask)
    organ = phantom.mask & (phantom.r2star == r2star)
    assert np.mean(result.reason[organ] == Reason.R2STAR_AT_LIMIT) > 0.5
    assert np.mean(np.isnan(result.r2star[organ])) > 0.9
    assert np.mean(np.isnan(result.r2star[phantom.mask & ~organ])) < 0.01


@pytest.mark.parametrize(
    ("r2star", "echo_times", "field_strength"),
    [(1000.0, AT_3_T, 3.0), (2000.0, AT_3_T, 3.0), (3000.0, AT_3_T, 3.0), (800.0, AT_1_5_T, 1.5)],
)
def test_a_volume_that_decays_too_fast_as_a_whole_has_no_value_and_says_why(
    phantoms, r2star, echo_times, field_strength
):
    """Neighbours are no help there, and phase errors that noise suggests are wrong everywhere."""
    phantom = phantoms.body((48, 40, 10))
    iron = replace(phantom, r2star=np.full(phantom.r2star.shape, r2star))
    signal = iron.signal(tuple(echo_times), field_strength)
    result = fit_water_fat(signal, echo_times, field_strength * GAMMA_MHZ_PER_T, mask=iron.mask)
    assert np.mean(np.isnan(result.r2star[iron.mask])) > 0.95
    words = " ".join(result.decisions.warnings)
    assert "half the echo rate" in words or "no more than noise" in words
    assert result.decisions.echo_phase_deg is None


def test_little_signal_alone_is_no_fast_decay():
    marrow = fit_water_fat(region(AT_3_T, 3.0, 60.0, 150.0, 10), AT_3_T, 3 * GAMMA_MHZ_PER_T)
    assert np.mean(marrow.reason == Reason.FITTED) > 0.99


@pytest.mark.parametrize("first_ms", [1.15, 2.3])
@pytest.mark.parametrize("pdff", [0.0, 100.0])
def test_three_echoes_and_one_species_state_their_deviation(first_ms, pdff):
    echo_times = 1e-3 * (first_ms + 2.3 * np.arange(3))
    signal = region(echo_times, 1.5, pdff, 50.0, 30)
    result = fit_water_fat(signal, echo_times, 1.5 * GAMMA_MHZ_PER_T, phase_sign="standard")
    for name, truth in (("pdff", pdff), ("r2star", 50.0)):
        error, stated = getattr(result, name) - truth, getattr(result, f"{name}_sd")
        assert np.sqrt(np.mean(stated**2)) / np.std(error) == pytest.approx(1, abs=0.07)
    assert result.decisions.mode == "complex"
