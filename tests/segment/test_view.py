"""What a view shows of a body is measured on its surface, in any orientation of the grid."""

import numpy as np
import pytest

from qmri.images.grid import right_axis
from qmri.segment.cut.template import BodySurface, rays_of
from qmri.segment.cut.weights import WATER_ALONE
from qmri.segment.naming.field_of_view import is_complete, room, width_mm
from qmri.spine.body_frame import frame_along


@pytest.fixture(scope="module")
def body():
    """Return an upright body at the origin."""
    rays = rays_of(WATER_ALONE.usual_body(36.0))
    return BodySurface(frame_along(np.zeros(3), np.array([0.0, 0.0, 1.0]), 36.0), rays, rays.usual)


def view(low, high, axes=(0, 1, 2), flip=(1, 1, 1), spacing=2.0):
    """Return shape and affine of a grid from ``low`` to ``high`` mm, its axes those of the world."""
    low, high, flip = (np.array(values, float)[list(axes)] for values in (low, high, flip))
    count = np.round((high - low) / spacing).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, world in enumerate(axes):
        affine[world, axis] = flip[axis] * spacing
        affine[world, 3] = (low if flip[axis] > 0 else high)[axis] + flip[axis] * spacing / 2
    return tuple(count), affine


def lower_end(body):
    return -float(body.points_mm()[..., 2].min())


@pytest.mark.parametrize(
    ("axes", "flip"), [((0, 1, 2), (1, 1, 1)), ((1, 2, 0), (-1, 1, -1)), ((2, 0, 1), (1, -1, -1))]
)
@pytest.mark.parametrize("below", [-6.0, 0.0, 10.0])
def test_the_room_below_is_the_distance_to_the_end_of_the_view(body, axes, flip, below):
    end = 2.0 * round((lower_end(body) + below) / 2)
    shape, affine = view((-40, -40, -end), (40, 40, 60), axes, flip)
    assert room(body, shape, affine) == pytest.approx(end - lower_end(body), abs=0.2)
    assert room(body, shape, affine, 1) == pytest.approx(60 - lower_end(body), abs=1.5)
    assert axes[right_axis(affine)] == 0
    assert width_mm(shape, affine) == pytest.approx(80)


def test_a_body_at_the_end_of_the_view_is_complete_only_with_some_room(body):
    for room_mm, complete in ((-4, False), (0, False), (4, True)):
        end = lower_end(body) + room_mm
        for low, high in ((-end, 60), (-60, end)):
            shape, affine = view((-40, -40, low), (40, 40, high), spacing=0.5)
            assert is_complete(body, shape, affine) is complete


@pytest.mark.parametrize(("middle", "complete"), [(0, True), (8, True), (11, False)])
def test_a_slab_of_seven_slices_shows_a_body_whose_midplane_it_holds(body, middle, complete):
    shape, affine = view((middle - 14, -40, -60), (middle + 14, 40, 60), spacing=1.0)
    assert is_complete(body, shape, affine) is complete


def test_a_body_cut_in_front_is_not_complete(body):
    shape, affine = view((-40, -40, -60), (40, 5, 60))
    assert not is_complete(body, shape, affine)
