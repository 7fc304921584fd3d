"""Echo trains: what cannot separate water and fat is refused, what hardly can is told."""

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.fit.echoes import echo_train
from qmri.signal import GAMMA_MHZ_PER_T

FREQUENCY = 3 * GAMMA_MHZ_PER_T
EVEN = 1e-3 * (1.2 + np.arange(6))


def test_even_spacing_leaves_a_period_of_the_field():
    train = echo_train("ren9", EVEN, FREQUENCY)
    assert train.even
    assert train.period == pytest.approx(1000)
    assert train.warnings == ()


def test_rounded_headers_stay_even_and_jitter_does_not():
    rounded = np.round(1.234e-3 + 0.987e-3 * np.arange(6), 5)
    assert echo_train("ren9", rounded, FREQUENCY).even
    jitter = EVEN + 1e-3 * np.array([0, 0.05, 0, 0, 0, 0])
    uneven = echo_train("ren9", jitter, FREQUENCY)
    assert not uneven.even
    assert uneven.period == np.inf
    assert uneven.half_range > 600


@pytest.mark.parametrize("turns", [1, 2])
def test_whole_turns_of_fat_between_echoes_are_refused(turns):
    spacing = turns / abs(echo_train("ren9", EVEN, FREQUENCY).fat_shift)
    with pytest.raises(QmriError, match="fat makes whole turns"):
        echo_train("ren9", 1e-3 + spacing * np.arange(6), FREQUENCY)


def test_echoes_too_close_together_are_refused():
    with pytest.raises(QmriError, match="almost no turn"):
        echo_train("ren9", 1e-3 + 2e-5 * np.arange(6), FREQUENCY)


def test_nearly_whole_turns_are_fitted_with_a_warning():
    spacing = 1.1 / abs(echo_train("ren9", EVEN, FREQUENCY).fat_shift)
    train = echo_train("ren9", 1e-3 + spacing * np.arange(6), FREQUENCY)
    assert "separates water and fat poorly" in train.warnings[0]


@pytest.mark.parametrize(
    ("times", "frequency", "message"),
    [
        (EVEN[:2], FREQUENCY, "so few echoes"),
        (EVEN[::-1], FREQUENCY, "do not ascend"),
        ([1e-3, 2e-3, np.nan], FREQUENCY, "do not ascend"),
        (1e3 * EVEN, FREQUENCY, "give them in seconds"),
        (EVEN, 127.7e6, "not one of proton MRI"),
        (EVEN, 3.0, "not one of proton MRI"),
    ],
)
def test_echo_times_or_frequencies_that_cannot_be_are_refused(times, frequency, message):
    with pytest.raises(QmriError) as refusal:
        echo_train("ren9", times, frequency)
    assert message in str(refusal.value)


def test_some_of_the_echoes_are_a_train_of_their_own():
    train = echo_train("ren9", EVEN, FREQUENCY)
    part = train.part(np.array([False, True, True, True, False, True]))
    assert part.count == 4
    assert not part.even
    np.testing.assert_array_equal(part.model.fat_phasor, train.model.fat_phasor[[1, 2, 3, 5]])
