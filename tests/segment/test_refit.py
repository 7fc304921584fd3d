"""A second cut starts from the shape of the first surface: its axis, its height and its wedge."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.segment.cut.refit import refit
from qmri.segment.cut.template import BodySurface, Template, rays_of
from qmri.spine.body_frame import frame_along

USUAL = Template(22.0, 17.0, 15.0, 13.0)


def surface_of(template, axis=(0.0, 0.0, 1.0)):
    rays = rays_of(template)
    return BodySurface(frame_along(np.zeros(3), np.array(axis), 36.0), rays, rays.usual)


@pytest.mark.parametrize("wedge", [-0.25, 0.0, 0.2])
def test_a_wedged_template_is_lower_in_front_by_its_slope(wedge):
    surface = surface_of(replace(USUAL, height=10.0, wedge=wedge))
    for forward in (-10.0, 0.0, 10.0):
        half = 10.0 + wedge * forward
        for side in (-1, 1):
            depth = surface.depth_mm(np.array([[0.0, forward, side * half]]))[0]
            assert depth == pytest.approx(0, abs=0.25)


@pytest.mark.parametrize("wedge", [-0.25, 0.0, 0.2])
@pytest.mark.parametrize("height", [6.0, 13.0])
def test_refit_finds_height_and_wedge_of_the_surface(wedge, height):
    _, fitted = refit(surface_of(replace(USUAL, height=height, wedge=wedge)), USUAL)
    assert fitted.wedge == pytest.approx(wedge, abs=0.03)
    assert fitted.height == pytest.approx(height, abs=0.5)


def test_refit_keeps_a_surface_that_is_as_usual():
    frame, fitted = refit(surface_of(USUAL), USUAL)
    assert np.allclose(frame.axes[2], [0, 0, 1], atol=0.02)
    assert fitted.wedge == pytest.approx(0, abs=0.01)
    sizes = ("width", "anterior", "posterior", "height")
    assert np.allclose([getattr(fitted, name) / getattr(USUAL, name) for name in sizes], 1, atol=0.05)


def test_a_plane_wedge_with_one_slanting_endplate_is_a_tilt_and_half_the_wedge():
    """The upper endplate alone slants: the axis takes half of it, the wedge the other half."""
    rays = rays_of(USUAL)
    slant = 0.3
    distance = rays.usual.copy()
    distance[:5] += slant * rays.origin[:5, :, 1]
    surface = BodySurface(frame_along(np.zeros(3), np.array([0.0, 0, 1]), 36.0), rays, distance)
    frame, fitted = refit(surface, USUAL)
    assert fitted.wedge == pytest.approx(slant / 2, abs=0.03)
    assert frame.axes[2][1] / frame.axes[2][2] == pytest.approx(-slant / 2, abs=0.03)
