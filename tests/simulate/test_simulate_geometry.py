"""The headers of a grid say where its voxels are (DICOM PS3.3 C.7.6.2.1.1)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qmri.simulate.imaging.geometry import (
    RAS_TO_LPS,
    image_orientation,
    image_position,
    sagittal_grid,
    slice_location,
)

angles = st.tuples(*[st.floats(-40.0, 40.0)] * 3)


@given(angles, st.tuples(*[st.floats(-200.0, 200.0)] * 3))
def test_headers_give_the_affine_back(oblique_deg, centre_mm):
    grid = sagittal_grid((7, 9, 5), (1.3, 1.7, 4.0), centre_mm, oblique_deg=oblique_deg)
    orientation = np.reshape(image_orientation(grid), (2, 3))
    np.testing.assert_allclose(orientation @ orientation.T, np.eye(2), atol=1e-12)
    for column, row, index in [(0, 0, 0), (6, 0, 4), (2, 8, 1)]:
        lps = (
            np.asarray(image_position(grid, index))
            + orientation[0] * 1.3 * column
            + orientation[1] * 1.7 * row
        )
        np.testing.assert_allclose(RAS_TO_LPS @ lps, grid.to_mm([column, row, index]), atol=1e-9)


@given(angles)
def test_points_return_to_their_index(oblique_deg):
    grid = sagittal_grid((7, 9, 5), (1.3, 1.7, 4.0), (10.0, -20.0, 30.0), oblique_deg=oblique_deg)
    index = np.array([[0.0, 0.0, 0.0], [3.0, 4.0, 2.0], [6.2, 1.1, 4.9]])
    np.testing.assert_allclose(grid.to_index(grid.to_mm(index)), index, atol=1e-9)
    np.testing.assert_allclose(grid.to_mm([3.0, 4.0, 2.0]), [10.0, -20.0, 30.0], atol=1e-9)


def test_a_straight_grid_is_sagittal_as_ge_writes_it():
    grid = sagittal_grid((4, 6, 3), (1.5, 1.5, 4.0), (0.0, 0.0, 0.0))
    assert image_orientation(grid) == [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]
    spacing = np.diff([slice_location(grid, index) for index in range(3)])
    np.testing.assert_allclose(spacing, 4.0)
