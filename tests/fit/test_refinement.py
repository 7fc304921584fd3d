"""The closed-form fit, its derivatives and its variances, against brute force and the Cramer-Rao bound."""

import numpy as np
import pytest

from qmri.fit.chunks import thread_pool
from qmri.fit.echoes import echo_train
from qmri.fit.solve.common_phase import Sums, common_phase_fit
from qmri.fit.solve.method import Method, Start
from qmri.fit.solve.refine import FieldPrior, information
from qmri.fit.solve.solution import solve
from qmri.fit.voxels import Signals
from qmri.signal import GAMMA_MHZ_PER_T, cramer_rao

TRAIN = echo_train("ren9", 1e-3 * (1.2 + np.arange(6)), 3 * GAMMA_MHZ_PER_T)
SUMS = Sums.of(TRAIN)


def noisy_signals(n=64, sd=0.02, seed=3):
    rng = np.random.default_rng(seed)
    fat = rng.uniform(0, 1, n)
    field, r2star = rng.uniform(-300, 300, n), rng.uniform(10, 300, n)
    clean = TRAIN.model.forward(1 - fat, fat, r2star, field, rng.uniform(-3, 3, n)).T
    noise = rng.normal(scale=sd, size=(2, *clean.shape))
    signals = Signals((clean + noise[0] + 1j * noise[1]).astype(np.complex64))
    return signals, Start(field.astype(np.float32), r2star.astype(np.float32)), fat


def test_no_other_phase_captures_more_energy():
    signals, place, _ = noisy_signals(n=8)
    fit = common_phase_fit(SUMS, signals, *place)
    decay = np.exp(-np.multiply.outer(place.r2star, TRAIN.times))
    turned = signals.echoes.T * np.exp(-2j * np.pi * np.multiply.outer(place.field, TRAIN.times))
    best = np.zeros(place.field.size)
    for phase in np.linspace(0, np.pi, 181):
        for voxel in range(best.size):
            basis = (decay[voxel] * np.stack([np.ones(6), TRAIN.model.fat_phasor])).T
            stacked = np.concatenate([basis.real, basis.imag])
            data = turned[voxel] * np.exp(-1j * phase)
            data = np.concatenate([data.real, data.imag])
            amounts = np.linalg.lstsq(stacked, data, rcond=None)[0]
            best[voxel] = max(best[voxel], np.sum((stacked @ amounts) ** 2))
    assert np.all(fit.energy >= best * (1 - 1e-5))


def test_the_gradient_is_that_of_the_captured_energy():
    signals, place, _ = noisy_signals()
    info = information(common_phase_fit(SUMS, signals, *place))
    h_field, h_rate = np.float32(2.0), np.float32(4.0)

    def energy(d_field, d_rate):
        return common_phase_fit(SUMS, signals, place.field + d_field, place.r2star + d_rate).energy

    by_field = (energy(h_field, 0) - energy(-h_field, 0)) / (4 * h_field)
    by_rate = (energy(0, h_rate) - energy(0, -h_rate)) / (4 * h_rate)
    np.testing.assert_allclose(info.gradient_field, by_field, atol=2e-5)
    np.testing.assert_allclose(info.gradient_r2star, by_rate, atol=2e-5)


@pytest.mark.parametrize("pdff", [0.0, 35.0, 80.0, 100.0])
def test_variances_are_the_cramer_rao_bound(pdff):
    fat = pdff / 100
    clean = TRAIN.model.forward(1 - fat, fat, 90.0, 35.0, 0.4).astype(np.complex64)[:, np.newaxis]
    start = Start(np.float32([35.0]), np.float32([90.0]))
    with thread_pool(1) as pool:
        solution = solve(Method.of(TRAIN, pool), Signals(clean), start)
    bound = cramer_rao(TRAIN.model, 1 - fat, fat, 90.0, 1.0)
    assert np.sqrt(solution.pdff_variance[0]) == pytest.approx(bound.pdff, rel=1e-3)
    assert np.sqrt(solution.r2star_variance[0]) == pytest.approx(bound.r2star, rel=1e-3)
    assert np.sqrt(solution.field_variance[0]) == pytest.approx(bound.field, rel=1e-3)


def test_a_phase_of_fat_in_each_voxel_is_that_of_all():
    signals, place, _ = noisy_signals()
    common = common_phase_fit(Sums.of(TRAIN, 0.5), signals, *place)
    own = Signals(signals.echoes, np.full(place.field.size, 0.5, dtype=np.float32))
    each = common_phase_fit(SUMS, own, *place)
    np.testing.assert_allclose(each.fat, common.fat, atol=1e-5)
    np.testing.assert_allclose(each.moments, common.moments, atol=1e-5)


def test_from_far_away_the_solution_is_the_same():
    signals, place, fat = noisy_signals(sd=0.005)
    with thread_pool(1) as pool:
        method = Method.of(TRAIN, pool)
        near = solve(method, signals, place)
        far = solve(method, signals, Start(place.field + 25, np.full_like(place.r2star, 400)))
    np.testing.assert_allclose(far.pdff, near.pdff, atol=0.02)
    np.testing.assert_allclose(near.pdff, 100 * fat, atol=4)


def test_a_strong_expectation_of_the_field_is_obeyed_and_a_weak_one_is_not():
    signals, place, _ = noisy_signals()
    expected = place.field + np.float32(20)
    with thread_pool(1) as pool:
        method = Method.of(TRAIN, pool)
        free = solve(method, signals, place)
        for weight, target in ((1e3, expected), (1e-12, free.field)):
            prior = FieldPrior(expected, np.full_like(expected, weight))
            np.testing.assert_allclose(solve(method, signals, place, prior).field, target, atol=0.05)
