"""Heights of masks however the body lies, is cut or is worn, against shapes whose truth is a formula."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.morphometry import HEIGHTS_AT, measure_shape

LOSSES = pytest.mark.parametrize("loss", [{}, {"L1": ("wedge", 0.3)}, {"L1": ("biconcave", 0.3)}])
DEPTH, WIDTH, BEAK_MM = 32.0, 44.0, 3.0


def drawn(spine, *, voxel=(4.0, 1.4, 1.4), turn=0.0, bend=0.0, tilt=0.0, lip=0.0, view=(-30.0, 30.0)):
    """A body of a spine alone, turned about its axis, bent to the side and tilted forward by degrees.

    ``lip`` is how far beaks of 3 mm reach forward from both rims of the front, mm; ``view`` where the
    images end at the right and the left.
    """
    low, high = np.array([view[0], -34.0, -34.0]), np.array([view[1], 34.0, 34.0])
    shape = np.ceil((high - low) / voxel).astype(int)
    affine = np.diag([*voxel, 1.0])
    affine[:3, 3] = low + np.array(voxel) / 2 + 0.3
    grid = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    axes = Rotation.from_euler("xyz", [tilt, bend, turn], degrees=True).as_matrix()
    r, a, s = np.moveaxis(grid @ axes, -1, 0)
    u, v = a / (DEPTH / 2), r / (WIDTH / 2)
    top, bottom = spine.top("L1", u, v), spine.bottom(u, v)
    inside = (u**4 + v**4 < 1) & (s < top) & (s > bottom)
    if lip:
        near = (a > DEPTH / 2 - 2) & (a < DEPTH / 2 + lip) & (np.abs(r) < WIDTH / 4)
        edge = np.minimum(np.abs(s - spine.top("L1", 0.95)), np.abs(s - spine.bottom(0.95)))
        inside |= near & (edge < BEAK_MM / 2)
    return np.where(inside, 20, 0), affine


def measured(labels, affine):
    (body,) = find_bodies(labels, affine)
    return measure_shape(body)


def heights(labels, affine):
    shape = measured(labels, affine)
    assert all(shape.agreement)
    return shape.heights_mm(HEIGHTS_AT)


@LOSSES
@pytest.mark.parametrize("turn", [-20.0, 10.0])
def test_turned_about_its_axis(make_spine, loss, turn):
    spine = make_spine(levels=("L1",), loss=loss)
    shape = measured(*drawn(spine, turn=turn, tilt=10))
    assert all(shape.agreement)
    assert shape.heights_mm(HEIGHTS_AT) == pytest.approx(spine.heights("L1"), abs=1.5)
    assert shape.depth_mm == pytest.approx(DEPTH / np.cos(np.radians(turn)), abs=1.5)


@LOSSES
@pytest.mark.parametrize("bend", [-25.0, 15.0])
def test_bent_to_the_side(make_spine, loss, bend):
    spine = make_spine(levels=("L1",), loss=loss)
    assert heights(*drawn(spine, bend=bend, turn=5)) == pytest.approx(spine.heights("L1"), abs=1.2)


@LOSSES
@pytest.mark.parametrize("view", [(-10.0, 10.0), (-7.0, 30.0), (-30.0, 5.0)])
def test_cut_at_its_sides_by_the_view(make_spine, loss, view):
    spine = make_spine(levels=("L1",), loss=loss)
    assert heights(*drawn(spine, view=view, tilt=-15)) == pytest.approx(spine.heights("L1"), abs=1.2)


@LOSSES
@pytest.mark.parametrize("lip", [3.0, 6.0])
def test_with_lips_at_its_front(make_spine, loss, lip):
    """Beaks lengthen neither the depth nor the anterior height."""
    spine = make_spine(levels=("L1",), loss=loss)
    assert heights(*drawn(spine, lip=lip, tilt=10)) == pytest.approx(spine.heights("L1"), abs=2.0)


@LOSSES
@pytest.mark.parametrize("voxel", [(5.0, 0.8, 0.8), (1.0, 1.0, 1.0), (4.0, 0.9, 1.8), (1.5, 4.0, 1.5)])
def test_on_grids_of_any_proportion(make_spine, loss, voxel):
    spine = make_spine(levels=("L1",), loss=loss)
    tolerance = 1.2 if voxel[1] < 2 else 2.0
    assert heights(*drawn(spine, voxel=voxel, tilt=12)) == pytest.approx(spine.heights("L1"), abs=tolerance)


@LOSSES
@pytest.mark.parametrize("tilt", [0.0, 12.0, 25.0])
def test_across_thick_axial_slices_within_a_slice_or_not_given(make_spine, loss, tilt):
    spine = make_spine(levels=("L1",), loss=loss)
    shape = measured(*drawn(spine, voxel=(1.2, 1.2, 4.0), tilt=tilt))
    off = np.abs(shape.heights_mm(HEIGHTS_AT) - spine.heights("L1"))
    assert np.all(off[shape.agreement] < 4.0)
