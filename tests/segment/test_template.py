"""Rays, template and surface fit together: what goes in along a ray comes out as depth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.segment.cut.body_cut import whole_spacings
from qmri.segment.cut.rasterise import rasterise
from qmri.segment.cut.template import RIM_EXPONENT, BodySurface, Template, rays_of
from qmri.spine.body_frame import frame_along, frames_of_chain

SIZES = st.floats(15, 30), st.floats(10, 22), st.floats(10, 22), st.floats(4, 18)


@given(*SIZES, st.floats(-8, 8))
def test_a_point_on_a_ray_lies_as_deep_as_the_ray_says(width, anterior, posterior, height, shift):
    rays = rays_of(Template(width, anterior, posterior, height))
    surface = rays.usual + 9.0
    distance = np.maximum(surface - shift, 0.5)
    points = rays.points(distance[..., None])[:, :, 0]
    body = BodySurface(frame_along(np.zeros(3), np.array([0, 0, 1.0]), 36.0), rays, surface)
    inner = np.minimum(shift, surface - 0.5)
    np.testing.assert_allclose(body.depth_mm(points.reshape(-1, 3)), inner.ravel(), atol=1e-6)


@given(*SIZES, st.floats(0, 2 * np.pi), st.floats(0.02, 50))
def test_the_surface_keeps_the_shape_of_the_template_between_rays(
    width, anterior, posterior, height, longitude, slope
):
    """Wall, corner and endplate: r^9 + z^9 = 1 in units of wall and height."""
    template = Template(width, anterior, posterior, height)
    rays = rays_of(template)
    body = BodySurface(frame_along(np.zeros(3), np.array([0, 0, 1.0]), 36.0), rays, rays.usual)
    r = (1 + slope**RIM_EXPONENT) ** (-1 / RIM_EXPONENT)
    radius = r * template.wall_radius(np.array([longitude]))[0]
    point = [radius * np.cos(longitude), radius * np.sin(longitude), slope * r * height]
    assert abs(body.depth_mm(np.array([point]))[0]) < 0.25


def test_the_wall_of_the_template_has_the_sizes_it_names():
    template = Template(26.0, 18.0, 15.0, 13.0)
    right, front, left, back = template.wall_radius(np.array([0, np.pi / 2, np.pi, 3 * np.pi / 2]))
    assert right == pytest.approx(left)
    assert front == pytest.approx(18.0, abs=1e-4)
    assert back == pytest.approx(15.0, abs=1e-4)
    assert 25.0 < right <= 26.0


@pytest.mark.parametrize(
    ("voxel", "tolerance"), [((1.0, 1.0, 1.0), 0.01), ((4.0, 1.3, 1.3), 0.03), ((1.3, 1.3, 5.0), 0.08)]
)
def test_the_label_map_holds_the_volume_of_the_surface(voxel, tolerance):
    template = Template(26.0, 17.0, 15.0, 13.0)
    rays = rays_of(template)
    body = BodySurface(
        frame_along(np.array([0.3, 0.2, -0.4]), np.array([0.1, -0.3, 1.0]), 36.0), rays, rays.usual
    )
    shape = tuple(int(80 / edge) for edge in voxel)
    affine = np.diag([*voxel, 1.0])
    affine[:3, 3] = -40
    labels = rasterise([body], [22], shape, affine)
    volume = np.sum(labels == 22) * np.prod(voxel)
    fine = np.random.default_rng(0).uniform(-40, 40, (200_000, 3))
    expected = np.mean(body.depth_mm(fine) > 0) * 80**3
    assert volume == pytest.approx(expected, rel=tolerance)


def test_bodies_that_overlap_share_no_voxel_and_divide_at_the_middle():
    rays = rays_of(Template(26.0, 17.0, 15.0, 13.0))
    bodies = [
        BodySurface(frame_along(np.array([0, 0, z]), np.array([0, 0, 1.0]), 36.0), rays, rays.usual)
        for z in (10.0, -10.0)
    ]
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -39
    labels = rasterise(bodies, [20, 21], (40, 40, 40), affine)
    heights = 2.0 * np.arange(40) - 39
    assert heights[np.any(labels == 20, axis=(0, 1))].min() > 0
    assert heights[np.any(labels == 21, axis=(0, 1))].max() < 0


def test_frames_are_right_handed_and_look_forward():
    points = np.array([[0, 0, 80.0], [2, 8, 45], [0, 10, 8], [1, 4, -30]])
    for frame in frames_of_chain(points):
        np.testing.assert_allclose(frame.axes @ frame.axes.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(frame.axes) == pytest.approx(1)
        assert frame.axes[0, 0] > 0.9
        assert frame.axes[1, 1] > 0.8
        assert frame.axes[2, 2] > 0.8
        np.testing.assert_allclose(frame.to_world(frame.to_local(points)), points, atol=1e-9)


def test_a_level_left_out_does_not_stretch_the_spacing():
    points = np.array([[0, 0, 72.0], [0, 0, 36], [0, 0, -36], [0, 0, -72]])
    assert [frame.spacing_mm for frame in frames_of_chain(points, [1, 2, 1])] == pytest.approx([36] * 4)


@pytest.mark.parametrize("crushed", [2, 3])
def test_a_body_nearer_to_its_neighbours_is_expected_as_wide_as_before(crushed):
    """Spacings that grow by 1 mm a level; one body loses 12 mm of height, and both its gaps 6 mm."""
    gaps = 30.0 + np.arange(5)
    whole = whole_spacings(frames_of_chain(chain(gaps)))
    lost = gaps.copy()
    lost[max(crushed - 1, 0) : crushed + 1] -= 6
    collapsed = frames_of_chain(chain(lost))
    assert np.allclose(whole_spacings(collapsed), whole, rtol=0.07)
    assert collapsed[crushed].spacing_mm < 0.92 * whole[crushed]


def chain(gaps):
    """Points on a straight spine, cranial to caudal."""
    heights = -np.concatenate([[0.0], np.cumsum(gaps)])
    return np.column_stack([np.zeros((len(heights), 2)), heights])
