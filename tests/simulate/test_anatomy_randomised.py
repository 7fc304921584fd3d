"""The domain-randomised generator: whatever it draws is a possible scan with its truth."""

import numpy as np
import pytest

from qmri.simulate.anatomy import Tissue
from qmri.simulate.randomised import draw_scan
from qmri.simulate.randomised.artefacts import add_noise, swap_region
from qmri.simulate.randomised.contrast import LEAST_CONTRAST, draw_tissue_signals
from qmri.simulate.randomised.spines import STYLES, draw_random_spine


@pytest.fixture(scope="module")
def scans():
    return [draw_scan(np.random.default_rng([7, number]), slices=9) for number in range(24)]


def test_scans_are_finite_magnitudes_on_the_grid_of_their_truth(scans):
    for scan in scans:
        assert np.isfinite(scan.water).all()
        assert scan.water.min() >= 0
        assert scan.water.shape == scan.rendering.labels.shape
        assert scan.fat is None or scan.fat.shape == scan.water.shape


def test_a_scan_depends_on_its_seed_alone(scans):
    again = draw_scan(np.random.default_rng([7, 3]), slices=9)
    np.testing.assert_array_equal(again.water, scans[3].water)
    assert not np.array_equal(scans[4].water.shape, scans[3].water.shape) or not np.array_equal(
        scans[4].water, scans[3].water
    )


def test_bodies_are_in_view_with_and_without_fat(scans):
    assert all(np.any(scan.rendering.labels) for scan in scans)
    assert {scan.fat is None for scan in scans} == {True, False}


def test_every_style_is_drawn():
    rng = np.random.default_rng(1)
    assert {draw_random_spine(rng)[1] for _ in range(100)} == set(STYLES)


@pytest.mark.parametrize("seed", range(20))
def test_marrow_and_disc_never_look_the_same(seed):
    table = draw_tissue_signals(np.random.default_rng(seed))
    differences = np.abs(np.subtract(table[Tissue.MARROW], table[Tissue.DISC]))
    assert differences.max() > LEAST_CONTRAST


def test_noise_without_signal_has_the_rayleigh_mean():
    noise = add_noise(np.random.default_rng(0), np.zeros((40, 40, 40), dtype=np.float32), 2.0)
    assert noise.mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2), rel=0.01)


def test_a_swap_keeps_the_sum_of_water_and_fat():
    rng = np.random.default_rng(0)
    water, fat = (rng.random((6, 20, 20)).astype(np.float32) for _ in range(2))
    swapped = swap_region(rng, water, fat)
    np.testing.assert_allclose(swapped[0] + swapped[1], water + fat, rtol=1e-5)
    share = np.mean(swapped[0] != water)
    assert 0 < share < 0.5
