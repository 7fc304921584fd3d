"""The working grid, the peaks and the chain of the embedded network: facts that need no weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.images.grid import Grid
from qmri.segment.detect.chain import best_chain, fill_gaps, link_cost, missing_below, numbering
from qmri.segment.detect.channels import (
    CEILING,
    CENTRE_CHANNEL,
    OUTPUT_CHANNELS,
    SLICE_OFFSETS,
    SPACING_MM,
    NetworkClass,
    normalise,
    pad_in_plane,
    stack_slices,
)
from qmri.segment.detect.peaks import Peak, find_peaks
from qmri.segment.detect.working_grid import from_working, interpolation_matrix, to_working, working_grid


def peak(z, shares=(0.97, 0.01, 0.01, 0.01), score=0.9, y=0.0):
    return Peak(np.array([0.0, y, z]), score, np.array(shares))


LOWEST, S1 = (0.05, 0.9, 0.04, 0.01), (0.01, 0.04, 0.94, 0.01)


@given(st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_any_orientation_gives_the_same_working_image(order, flips):
    rng = np.random.default_rng(0)
    image = rng.random((7, 30, 26))
    affine = np.diag([4.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [-10.0, 5.0, 7.0]
    expected = to_working(working_grid(affine, image.shape), image)
    turned, other = image.transpose(order), np.eye(4)
    other[:3, :3], other[:3, 3] = affine[:3, :3][:, order], affine[:3, 3]
    for axis, flip in enumerate(flips):
        if flip:
            turned = np.flip(turned, axis)
            other[:3, 3] += other[:3, axis] * (turned.shape[axis] - 1)
            other[:3, axis] *= -1
    grid = working_grid(other, turned.shape)
    np.testing.assert_allclose(to_working(grid, turned), expected, atol=1e-6)
    np.testing.assert_allclose(grid.affine, affine, atol=1e-9)


@given(
    st.permutations([0, 1, 2]),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.sampled_from([(4.0, 1.4, 1.4), (1.0, 1.0, 1.0), (5.5, 0.7, 2.5)]),
)
def test_what_lies_on_the_working_grid_comes_back_to_its_place(order, flips, spacing):
    shape = tuple(int(60 / edge) for edge in np.array(spacing)[list(order)])
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)[:, order]
    affine[:3, 3] = [3.0, -20.0, 11.0]
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
            affine[:3, axis] *= -1
    grid = working_grid(affine, shape)
    x, y, z = np.moveaxis(grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    back = from_working(grid, 0.3 * x - y + 2 * z + 5, shape)
    x, y, z = np.moveaxis(Grid(shape, affine).to_mm(np.moveaxis(np.indices(shape), 0, -1)), -1, 0)
    inner = tuple(slice(size // 4, -(size // 4)) for size in shape)
    np.testing.assert_allclose(back[inner], (0.3 * x - y + 2 * z + 5)[inner], atol=0.25 * max(spacing))


@given(st.integers(2, 80), st.floats(0.4, 8.0), st.floats(1.0, 5.0))
def test_interpolation_keeps_constants(count, step, spacing):
    matrix = interpolation_matrix(count, step, max(1, round(count * step / spacing)), spacing)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-5)
    assert matrix.min() >= 0


@pytest.mark.parametrize("spacing", [(4.0, 1.4, 1.4), (3.0, 0.9, 0.9), (1.2, 1.2, 6.0), (1.0, 1.0, 1.0)])
def test_a_bright_point_stays_where_it_was(spacing):
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [3.0, -20.0, 11.0]
    shape = tuple(int(100 / edge) for edge in spacing)
    axes = [
        np.arange(size) * edge + start
        for size, edge, start in zip(shape, spacing, affine[:3, 3], strict=True)
    ]
    centre = np.array([50.0, 30.0, 60.0])
    square = sum(
        ((axis - c) ** 2).reshape([-1 if k == n else 1 for k in range(3)])
        for n, (axis, c) in enumerate(zip(axes, centre, strict=True))
    )
    grid = working_grid(affine, shape)
    seen = to_working(grid, np.exp(-square / (2 * 8.0**2)))
    np.testing.assert_allclose(np.linalg.norm(grid.affine[:3, :3], axis=0), SPACING_MM)
    weights = seen / seen.sum()
    index = np.stack([(weights * grid_index).sum() for grid_index in np.indices(seen.shape)])
    np.testing.assert_allclose(grid.to_mm(index), centre, atol=0.5)


def test_brightness_does_not_matter_and_bright_spots_are_cut_off():
    water = np.random.default_rng(1).random((5, 32, 32)).astype(np.float32)
    np.testing.assert_allclose(normalise(1000 * water, None), normalise(water, None), rtol=1e-5)
    water[2, 3, 3] = 1e6
    assert normalise(water, None).max() == pytest.approx(CEILING**0.5)
    assert not normalise(np.zeros_like(water), None).any()


def test_slices_off_the_end_repeat_the_last_one():
    channels = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    stack = stack_slices(channels, 1)
    assert stack.shape == (2 * len(SLICE_OFFSETS), 2, 2)
    np.testing.assert_array_equal(stack[0], channels[0, 0])
    np.testing.assert_array_equal(stack[4], channels[0, 1])
    np.testing.assert_array_equal(stack[-1], channels[1, 2])


def test_padding_reaches_the_multiple_and_adds_nothing():
    padded = pad_in_plane(np.ones((2, 3, 33, 64), dtype=np.float32))
    assert padded.shape == (2, 3, 64, 64)
    assert padded.sum() == 2 * 3 * 33 * 64


def test_peaks_are_found_in_order_with_their_class():
    affine = np.diag([*SPACING_MM, 1.0])
    grid = working_grid(affine, (15, 60, 90))
    maps = np.zeros((OUTPUT_CHANNELS, *grid.shape), dtype=np.float32)
    maps[NetworkClass.BODY, :, :, 30:] = 1.0
    maps[NetworkClass.S1, :, :, :30] = 1.0
    x, y, z = np.indices(grid.shape)
    for height in (70, 52, 20):
        bump = np.exp(-(((x - 7) / 3) ** 2) - ((y - 30) / 4) ** 2 - ((z - height) / 3.5) ** 2)
        maps[CENTRE_CHANNEL] = np.maximum(maps[CENTRE_CHANNEL], bump)
    peaks = find_peaks(maps, grid)
    np.testing.assert_allclose(
        [p.centre_mm for p in peaks], [[28, 60, 140], [28, 60, 104], [28, 60, 40]], atol=0.3
    )
    assert [int(np.argmax(p.shares)) for p in peaks] == [0, 0, 2]


def test_the_chain_skips_a_point_beside_the_spine():
    spine = [peak(z) for z in (90.0, 58.0, 27.0, -5.0)]
    beside = peak(60.0, y=-60.0, score=0.5)
    assert best_chain(sorted([*spine, beside], key=lambda p: -p.centre_mm[2])) == spine


def test_points_too_far_apart_or_upside_down_are_no_neighbours():
    assert np.isinf(link_cost(peak(0.0), peak(10.0)))
    assert np.isinf(link_cost(peak(200.0), peak(0.0)))
    assert link_cost(peak(30.0), peak(0.0)) == 0.0


def test_a_false_point_beside_the_upper_end_does_not_cost_the_uppermost_body():
    """As on a real spine: the bend at the first body is the false point's fault alone."""
    aside = Peak(np.array([24.0, 11.0, 143.0]), 0.32, np.array([0.97, 0.01, 0.01, 0.01]))
    bodies = [peak(z) for z in (130.0, 92.0, 54.0, 16.0)]
    assert best_chain([aside, *bodies]) == bodies


def test_a_missing_body_is_noticed():
    assert missing_below([peak(z) for z in (130.0, 100.0, 70.0, 10.0, -20.0)]) == [0, 0, 1, 0]
    assert missing_below([peak(z) for z in (130.0, 100.0, 10.0, -20.0, -50.0)]) == [0, 2, 0, 0]
    assert missing_below([peak(z) for z in (130.0, 100.0, 70.0, 40.0)]) == [0, 0, 0]


def test_a_spacing_that_grows_downwards_has_no_gap():
    heights = -np.cumsum([22.0, 23.0, 25.0, 28.0, 31.0, 34.0, 37.0, 38.0])
    assert not any(missing_below([peak(z) for z in heights]))


def test_the_uppermost_link_is_not_longer_than_those_below():
    assert missing_below([peak(z) for z in (140.0, 100.0, 70.0, 38.5, 5.0)]) == [1, 0, 0, 0]
    assert missing_below([peak(z) for z in (130.0, 100.0, 70.0, 38.5, 0.0)]) == [0, 0, 0, 0]


def test_a_point_that_slid_towards_its_neighbour_leaves_no_gap():
    heights = -np.cumsum([30.0, 30.0, 29.5, 14.8, 39.7, 30.0])
    assert not any(missing_below([peak(z) for z in heights]))


def test_a_missing_body_is_assumed_halfway_between_its_neighbours():
    filled = fill_gaps([peak(130.0), peak(100.0), peak(40.0, y=4.0), peak(10.0), peak(-20.0, LOWEST)])
    assert [body.assumed for body in filled] == [False, False, True, False, False, False]
    np.testing.assert_allclose(filled[2].centre_mm, [0.0, 2.0, 70.0])
    assert filled[2].score == 0.0


def test_the_assumed_body_may_be_the_one_on_the_sacrum():
    filled = fill_gaps([peak(150.0), peak(120.0), peak(90.0), peak(60.0), peak(0.0, S1)])
    result = numbering(filled, temperature=1.0, declined=0.05)
    assert filled[int(result.lowest.argmax())].assumed


def test_numbering_finds_the_body_on_the_sacrum():
    result = numbering([peak(90), peak(60), peak(30, LOWEST), peak(0, S1)], temperature=1.0, declined=0.05)
    assert int(result.lowest.argmax()) == 2
    assert result.lowest[2] > 0.95
    assert result.above[2] > 0.95 > 0.05 > result.above[3]


def test_without_a_sacrum_no_body_is_named():
    result = numbering([peak(90), peak(60), peak(30)], temperature=1.0, declined=0.05)
    assert result.none > 0.9
    assert result.above.min() > 0.9


def test_a_higher_temperature_makes_the_numbering_less_certain():
    chain = [peak(90), peak(60), peak(30, LOWEST), peak(0, S1)]
    shares = [numbering(chain, temperature, 0.05).lowest[2] for temperature in (1.0, 2.0, 4.0)]
    assert shares == sorted(shares, reverse=True)


@given(st.lists(st.tuples(*[st.floats(0.01, 1.0)] * 4), min_size=1, max_size=9), st.floats(0.5, 5.0))
def test_the_hypotheses_of_a_numbering_sum_to_one(shares, temperature):
    chain = [peak(-30.0 * n, np.array(s) / sum(s)) for n, s in enumerate(shares)]
    result = numbering(chain, temperature)
    assert result.lowest.sum() + result.none == pytest.approx(1.0)
    assert np.all(np.diff(result.above) <= 1e-9)


def test_an_empty_chain_has_no_numbering():
    result = numbering([])
    assert result.lowest.size == 0
    assert result.none == 1.0
    assert best_chain([]) == []
