"""The misfit is judged against a noise of its own: quiet data pass, echoes that the model misses are told."""

import numpy as np
import pytest

from qmri.fit import fit_water_fat
from qmri.signal import GAMMA_MHZ_PER_T

TIMES = 1e-3 * (1.2 + np.arange(6))
FREQUENCY = 3 * GAMMA_MHZ_PER_T


@pytest.fixture(scope="module")
def trunk(phantoms):
    return phantoms.body((48, 40, 10))


def fit(trunk, signal):
    return fit_water_fat(signal, TIMES, FREQUENCY, voxel_size=trunk.voxel_size, mask=trunk.mask)


@pytest.mark.parametrize("snr", [10, 30, 100])
def test_quiet_data_are_described_and_the_noise_is_that_put_in(trunk, snr):
    decisions = fit(trunk, trunk.signal(snr=snr)).decisions
    assert decisions.describes
    assert decisions.rchi2_median < 1
    assert decisions.reference_noise_sd == pytest.approx(1 / snr, rel=0.08)
    assert decisions.warnings == ()


@pytest.mark.parametrize("air", [True, False])
def test_an_echo_of_half_its_size_is_told_with_air_and_without(trunk, air):
    signal = trunk.signal() * np.where(np.arange(6) == 1, 0.5, 1.0)
    decisions = fit(trunk, signal if air else np.where(trunk.mask[..., np.newaxis], signal, 0)).decisions
    assert not decisions.describes
    assert decisions.rchi2_median > 3
    assert int(np.argmax(decisions.echo_disagreement)) == 1
    assert decisions.reference_noise_sd < 1.3 / 30
    assert any("does not describe" in text and "echo 2" in text for text in decisions.warnings)


def test_an_echo_that_moved_is_told(trunk):
    signal = trunk.signal()
    signal[..., 3] = np.roll(signal[..., 3], 3, axis=1)
    decisions = fit(trunk, signal).decisions
    assert any("does not describe" in text and "echo 4" in text for text in decisions.warnings)
