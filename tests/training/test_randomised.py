"""The domain-randomised generator: whatever it draws is a possible scan with its truth."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from randomised import EVERYTHING, Ingredients, draw_scan
from randomised.artefacts import add_noise, swap_region
from randomised.contrast import LEAST_CONTRAST, disc_brightness, draw_tissue_signals
from randomised.sacrum import FUSED_MM, vary_sacrum
from randomised.scan import draw_grid
from randomised.spines import SHARES, draw_random_spine

from qmri.simulate.anatomy import Tissue, draw_spine


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
    assert {draw_random_spine(rng)[1] for _ in range(100)} == set(SHARES)


@pytest.mark.parametrize("seed", range(20))
def test_marrow_and_disc_never_look_the_same(seed):
    table = draw_tissue_signals(np.random.default_rng(seed))
    differences = np.abs(np.subtract(table[Tissue.MARROW], table[Tissue.DISC]))
    assert differences.max() > LEAST_CONTRAST


def test_discs_differ_in_brightness_and_half_of_the_sacral_remnants_are_darker():
    whole = replace(EVERYTHING, crude=False, transitional=False)
    spine, _ = draw_random_spine(np.random.default_rng(0), whole)
    column = (*spine.bodies, *spine.sacrum)
    gaps = [(upper.centre_mm[2] + lower.centre_mm[2]) / 2 for upper, lower in pairwise(column)]
    remnant = len(spine.bodies)
    darker = dark = 0
    for seed in range(60):
        affine = np.eye(4)
        affine[2, 3] = gaps[0]
        assert disc_brightness(np.random.default_rng(seed), spine, affine, (2, 3, 1)).shape == (2, 3, 1)
        at = []
        for gap in gaps[: remnant + 1]:
            affine[2, 3] = gap
            at.append(float(disc_brightness(np.random.default_rng(seed), spine, affine, (1, 1, 1))[0, 0, 0]))
        assert 0.02 < min(at[:remnant]) <= max(at[:remnant]) < 1.71
        dark += min(at[:remnant]) < 0.29
        darker += at[remnant] < 0.7 * np.mean(at[:remnant])
    assert 10 < darker < 40
    assert 2 < dark < 20


def test_some_sagittal_views_are_slabs_and_some_end_within_l5():
    spine, _ = draw_random_spine(np.random.default_rng(0), replace(EVERYTHING, crude=False))
    lowest = spine.bodies[-1]
    slabs = cut = 0
    for seed in range(200):
        grid = draw_grid(np.random.default_rng(seed), spine, 15)
        width = grid.shape[0] * np.linalg.norm(grid.affine[:3, 0])
        slabs += width < 50
        bottom = grid.affine[:3] @ [*((np.array(grid.shape[:2]) - 1) / 2), -0.5, 1]
        cut += abs(bottom[2] - lowest.centre_mm[2]) < lowest.middle_mm / 3
    assert 30 < slabs < 100
    assert 8 < cut < 50


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


@pytest.fixture(scope="module")
def sacra():
    """Pairs of an ordinary spine and the same with another sacrum."""
    pairs = []
    for seed in range(40):
        rng = np.random.default_rng([5, seed])
        spine = draw_spine(rng)
        pairs.append((spine, vary_sacrum(rng, spine)))
    return pairs


def test_another_sacrum_begins_where_the_old_one_did(sacra):
    for old, new in sacra:
        ends = [body.centre_mm + body.middle_mm / 2 * body.axes[2] for body in (old.sacrum[0], new.sacrum[0])]
        np.testing.assert_allclose(ends[0], ends[1], atol=1e-9)
        assert new.bodies == old.bodies


def gap_mm(upper, lower):
    """Distance between facing endplates along the mean axis of two bodies."""
    along = upper.axes[2] + lower.axes[2]
    lower_end = upper.centre_mm - upper.middle_mm / 2 * upper.axes[2]
    upper_end = lower.centre_mm + lower.middle_mm / 2 * lower.axes[2]
    return (lower_end - upper_end) @ along / np.linalg.norm(along)


def test_sacral_bodies_follow_each_other(sacra):
    for _, new in sacra:
        for upper, lower in pairwise(new.sacrum[:3]):
            assert gap_mm(upper, lower) > -FUSED_MM
            assert np.degrees(np.arccos(np.clip(upper.axes[2] @ lower.axes[2], -1, 1))) < 50


def test_the_remnant_disc_is_thinner_than_the_disc_above_s1(sacra):
    above = [gap_mm(new.bodies[-1], new.sacrum[0]) for _, new in sacra]
    below = [gap_mm(*new.sacrum[:2]) for _, new in sacra]
    assert np.median(below) < 0.5 * np.median(above)


def test_s1_is_as_square_as_a_lumbar_body_or_tapered(sacra):
    tapers = np.array([new.sacrum[0].taper for _, new in sacra])
    assert np.mean(tapers < 0.13) == pytest.approx(0.4, abs=0.25)
    assert tapers.max() > 0.3
    heights = [new.sacrum[0].middle_mm / new.bodies[-1].middle_mm for _, new in sacra]
    assert min(heights) < 0.9 < 1.1 < max(heights)


@pytest.mark.parametrize("name", [field.name for field in fields(Ingredients)])
def test_an_ingredient_can_be_left_out(name):
    less = replace(EVERYTHING, **{name: False})
    scans = [draw_scan(np.random.default_rng([3, seed]), slices=7, ingredients=less) for seed in range(12)]
    assert all(np.isfinite(scan.water).all() for scan in scans)
    if name == "fat":
        assert all(scan.fat is None for scan in scans)
    if name in {"disease", "crude", "transitional"}:
        left_out = {"disease": "diseased"}.get(name, name)
        assert left_out not in {scan.style for scan in scans}
    if name == "views":
        np.testing.assert_allclose([np.linalg.norm(scan.affine[:3, 0]) for scan in scans], 4.0)


@pytest.mark.parametrize("seed", range(6))
def test_other_muscles_change_nothing_but_muscles(seed):
    varied, plain = (
        draw_random_spine(np.random.default_rng(seed), replace(EVERYTHING, muscles=muscles))[0]
        for muscles in (True, False)
    )
    for one, other in zip(varied.bodies, plain.bodies, strict=True):
        np.testing.assert_array_equal(one.centre_mm, other.centre_mm)
        assert one.heights_mm == other.heights_mm
    assert varied.trunk == plain.trunk


def test_muscles_are_absent_straight_and_lobed_in_some_spines():
    spines = [draw_random_spine(np.random.default_rng([3, number]))[0] for number in range(80)]
    counts = [len(spine.muscles.each) for spine in spines]
    assert min(counts) == 0
    assert max(counts) > 8
    straight = [np.ptp(muscle.ahead_mm) < 1e-9 for spine in spines for muscle in spine.muscles.each[:1]]
    assert 0 < sum(straight) < len(straight)
    fat = [muscle.fat.max() for spine in spines for muscle in spine.muscles.each]
    assert min(fat) < 0.02
    assert max(fat) > 0.6
