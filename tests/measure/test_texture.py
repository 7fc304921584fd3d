"""Texture features against the values that the IBSI publishes for its digital phantom."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmri.measure.marrow.texture import FEATURES, features, fixed_bins, merged_matrix, slice_texture

# The digital phantom of the IBSI (reference manual, section 5.1): four slices, 0 is outside the region.
PHANTOM = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)

# Published for "2D, slice-merged": contrast ACUI, dissimilarity 8S9J, inverse difference IB1Z,
# joint entropy TU9B, correlation NI2N, angular second moment 8ZQL.
PUBLISHED = {
    "contrast": 5.19,
    "dissimilarity": 1.40,
    "homogeneity": 0.683,
    "entropy": 2.24,
    "correlation": 0.0173,
    "energy": 0.352,
}


@pytest.mark.parametrize("name", FEATURES)
def test_features_of_the_digital_phantom_are_the_published_ones(name):
    value = slice_texture(PHANTOM, 0)[name]
    assert float(f"{value:.3g}") == PUBLISHED[name]


def test_a_uniform_region_has_no_contrast_and_no_entropy():
    row = slice_texture(np.full((2, 5, 5), 7), 0)
    assert (row["contrast"], row["entropy"], row["energy"], row["homogeneity"]) == (0, 0, 1, 1)


def test_a_checkerboard_by_hand():
    plane = np.indices((2, 2)).sum(axis=0) % 2 + 1
    matrix = merged_matrix(plane)
    # 2 horizontal and 2 vertical pairs differ, 2 diagonal pairs are equal: each counted both ways.
    assert matrix == pytest.approx(np.array([[2, 4], [4, 2]]) / 12)
    assert features(matrix)["contrast"] == pytest.approx(8 / 12)


def test_voxels_without_neighbours_make_no_texture():
    lonely = np.zeros((1, 5, 5), int)
    lonely[0, 0, 0] = lonely[0, 4, 4] = 3
    assert slice_texture(lonely, 0) == {}


@given(st.floats(0.5, 20), st.floats(-10, 120))
def test_a_bin_holds_its_width_from_zero(width, value):
    level = fixed_bins(np.array([value]), width, 100.0)[0]
    clipped = min(max(value, 0.0), np.nextafter(100.0, 0))
    assert (level - 1) * width <= clipped * (1 + 1e-12) + 1e-9
    assert clipped < level * width + 1e-9


def test_what_is_not_a_number_is_outside():
    assert fixed_bins(np.array([np.nan, 3.0]), 5.0, 100.0).tolist() == [0, 1]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_turning_the_slice_by_90_degrees_changes_nothing(seed):
    levels = np.random.default_rng(seed).integers(0, 5, (2, 6, 6))
    levels[:, 2:4, 2:4] = 3
    turned = slice_texture(np.rot90(levels, axes=(1, 2)), 0)
    assert turned == pytest.approx(slice_texture(levels, 0))
