"""The energy table against the projection that it stands for."""

import numpy as np
import pytest

from qmri.fit.candidates.field_grid import candidate_table
from qmri.fit.echoes import echo_train
from qmri.signal import GAMMA_MHZ_PER_T
from qmri.signal.variable_projection import energies, features

TIMES = {"even": 1e-3 * (1.2 + np.arange(6)), "uneven": 1e-3 * np.array([1.1, 2.3, 3.1, 4.6])}


@pytest.mark.parametrize("spacing", TIMES)
def test_the_product_is_the_energy_of_the_projection(spacing):
    train = echo_train("ren9", TIMES[spacing], 3 * GAMMA_MHZ_PER_T)
    table = candidate_table(train)
    rng = np.random.default_rng(0)
    signal = (rng.normal(size=(train.count, 5)) + 1j * rng.normal(size=(train.count, 5))).astype(np.complex64)
    found, rate_index = energies(table, features(signal))
    expected = np.empty((table.r2star.size, 5, table.field.size))
    for i, rate in enumerate(table.r2star):
        basis = np.stack([np.ones(train.count), train.model.fat_phasor], axis=1)
        basis = basis * np.exp(-float(rate) * train.times)[:, np.newaxis]
        for j, field in enumerate(table.field):
            turned = signal * np.exp(-2j * np.pi * float(field) * train.times)[:, np.newaxis]
            fitted = basis @ np.linalg.lstsq(basis, turned, rcond=None)[0]
            expected[i, :, j] = np.sum(np.abs(fitted) ** 2, axis=0)
    np.testing.assert_allclose(found, expected.max(axis=0), rtol=2e-5)
    near_best = np.take_along_axis(expected, rate_index[np.newaxis].astype(int), axis=0)[0]
    np.testing.assert_allclose(near_best, expected.max(axis=0), rtol=2e-5)


def test_the_grid_closes_on_itself_where_the_field_is_periodic():
    train = echo_train("ren9", TIMES["even"], 3 * GAMMA_MHZ_PER_T)
    table = candidate_table(train)
    assert table.field[-1] - table.field[1] == pytest.approx(train.period)
    np.testing.assert_allclose(table.weights[..., 0], table.weights[..., -2], atol=1e-4)
    np.testing.assert_allclose(table.weights[..., 1], table.weights[..., -1], atol=1e-4)


def test_the_energy_never_exceeds_that_of_the_signal():
    train = echo_train("ren9", TIMES["even"], 3 * GAMMA_MHZ_PER_T)
    signal = train.model.forward(0.5, 0.5, 100.0, np.linspace(-400, 400, 9)).T.astype(np.complex64)
    found, _ = energies(candidate_table(train), features(signal))
    total = np.sum(np.abs(signal) ** 2, axis=0)
    assert np.all(found <= total[:, np.newaxis] * (1 + 1e-5))
    assert np.all(found.max(axis=1) > 0.99 * total)
