"""Water, fat and decay of voxels, from tissues whose numbers are known."""

import numpy as np
import pytest

from qmri.simulate.anatomy import Rendering, SpineRecipe, Tissue, draw_spine
from qmri.simulate.imaging.geometry import sagittal_grid
from qmri.simulate.imaging.physics import draw_marrow, voxel_truth
from qmri.simulate.imaging.tissue_signal import TISSUE_SIGNALS

GRID = sagittal_grid((12, 14, 4), (2.0, 2.0, 4.0), (0.0, 0.0, 0.0))


def truth_of(fractions, seed=0, field_t=3.0):
    spine = draw_spine(np.random.default_rng(0), SpineRecipe(top_level="L1"))
    body = np.zeros(GRID.shape, dtype=np.int16)
    body[:, :7], body[:, 7:] = 1, 2
    marrow = draw_marrow(tuple(b.level for b in spine.bodies), 60, np.random.default_rng(1))
    full = {tissue: np.full(GRID.shape, share, dtype=np.float32) for tissue, share in fractions.items()}
    rendering = Rendering(full, body, body, body.astype(np.uint8), np.zeros(GRID.shape, dtype=np.float32))
    rng = np.random.default_rng(seed)
    return marrow, voxel_truth(
        spine, rendering, GRID, marrow, field_t=field_t, imaging_frequency_mhz=127.7, rng=rng
    )


def test_partial_volume_adds_signals_and_weights_rates_by_signal():
    fat, muscle = TISSUE_SIGNALS[Tissue.SUBCUTANEOUS_FAT], TISSUE_SIGNALS[Tissue.MUSCLE]
    _, truth = truth_of({Tissue.SUBCUTANEOUS_FAT: 0.25, Tissue.MUSCLE: 0.75})
    amounts = np.array([0.25 * fat.signal, 0.75 * muscle.signal])
    expected = amounts @ [fat.pdff_pct, muscle.pdff_pct] / amounts.sum()
    np.testing.assert_allclose(truth.pdff, expected)
    rates = [kind.r2_per_s + kind.r2_prime_per_s for kind in (fat, muscle)]
    np.testing.assert_allclose(truth.r2star, amounts @ rates / amounts.sum())


def test_marrow_has_the_fat_of_its_own_level():
    marrow, truth = truth_of({Tissue.MARROW: 1.0})
    assert np.median(truth.pdff[:, :7]) == pytest.approx(marrow.pdff_pct["L1"], abs=3.0)
    assert np.median(truth.pdff[:, 7:]) == pytest.approx(marrow.pdff_pct["L2"], abs=3.0)
    assert 2.0 < truth.pdff[:, :7].std() < 6.0


def test_decay_grows_with_the_field():
    _, low = truth_of({Tissue.MARROW: 1.0}, field_t=1.5)
    _, high = truth_of({Tissue.MARROW: 1.0}, field_t=3.0)
    assert 1.5 < np.median(high.r2star) / np.median(low.r2star) < 2.0


def test_air_has_no_signal_and_no_numbers_that_are_not():
    _, truth = truth_of({Tissue.AIR: 1.0})
    assert not truth.pdff.any()
    assert not truth.r2star.any()
    assert np.isfinite(truth.field).all()


def test_marrow_of_a_population_is_plausible():
    levels = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")
    old, young = (
        [draw_marrow(levels, age, np.random.default_rng(seed)) for seed in range(60)] for age in (72, 25)
    )
    at_l2 = np.array([marrow.pdff_pct["L2"] for marrow in old])
    assert 42 < at_l2.mean() < 56
    assert 25 < np.mean([marrow.pdff_pct["L2"] for marrow in young]) < 34
    rise = np.mean([marrow.pdff_pct["L4"] - marrow.pdff_pct["L1"] for marrow in old]) / 3
    assert rise == pytest.approx(1.2, abs=0.4)
    r2star = 25 + np.array([marrow.r2_prime_per_s["L2"] for marrow in old])
    assert 60 < r2star.min() < r2star.max() < 180
    assert np.corrcoef(at_l2, r2star)[0, 1] < -0.2
