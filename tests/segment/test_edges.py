"""Edges along single rays whose tissues are known: where each is steepest, and what is none."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.segment.cut.body_cut import surroundings
from qmri.segment.cut.contrast import prepare
from qmri.segment.cut.edges import (
    STEP_MM,
    fat_edge,
    inside_dark_disc,
    share_rising,
    signal_edge_either_way,
    valley,
)
from qmri.segment.cut.refit import follow
from qmri.segment.cut.template import LONGITUDES, ROWS, BodySurface, rays_of
from qmri.segment.cut.weights import WATER_ALONE, Sides
from qmri.segment.detect.detector import SpineImages
from qmri.spine.body_frame import frame_along, frames_of_chain

AT_MM = np.arange(-20.0, 12.0, STEP_MM)
ENDPLATE, WALL = 0, int(np.argmin(np.abs(ROWS - 2)))
EXACT = replace(WATER_ALONE, rim_mm=Sides(0, 0, 0, 0, 0), fall_mm=(0.0, 0.0), oedema_fall_mm=(0.0, 0.0))
"""No reader's habit: the surface lies where the signal changes."""


def on_rays(*tissues):
    """Signal on every ray: ``(from mm, value)`` in order."""
    values = np.zeros(len(AT_MM))
    for start, value in tissues:
        values[start <= AT_MM] = value
    return np.broadcast_to(values, (len(ROWS), LONGITUDES, len(AT_MM))).copy()


def steepest(signal, disc, own=1.0, row=ENDPLATE, belief=None):
    grid = np.full((len(ROWS), LONGITUDES), own)
    edge = signal_edge_either_way(signal, grid, np.full((len(ROWS), 1), disc), 1.0, EXACT, belief=belief)
    return AT_MM[edge[row, 0].argmax()]


@pytest.mark.parametrize(
    ("own", "disc", "at_wall"),
    [(1.0, 1.6, False), (1.0, 0.4, False), (2.3, 1.4, False), (1.0, 1.6, True), (1.0, 0.3, True)],
    ids=["bright disc", "dark disc", "oedema", "muscle at a wall", "fat at a wall"],
)
def test_the_surface_lies_where_the_signal_leaves_that_of_the_body_either_way(own, disc, at_wall):
    signal = on_rays((-20, own), (0, disc))
    row = WALL if at_wall else ENDPLATE
    assert steepest(signal, disc, own, row) == pytest.approx(0, abs=STEP_MM)


def test_the_border_of_oedema_within_a_body_is_no_endplate_where_the_detector_sees_body():
    """Marrow, oedema brighter than the disc from 9 mm before the endplate, disc."""
    signal = on_rays((-20, 1.0), (-9, 2.3), (0, 1.6))
    belief = on_rays((-20, 0.9), (1, 0.0))
    assert steepest(signal, 1.6, belief=belief) == pytest.approx(0, abs=2 * STEP_MM)
    assert steepest(signal, 1.6) < -8


def test_a_detector_in_doubt_moves_no_edge():
    signal = on_rays((-20, 1.0), (0, 1.6))
    assert steepest(signal, 1.6, belief=on_rays((-20, 0.5))) == steepest(signal, 1.6)


@pytest.mark.parametrize("row", [ENDPLATE, WALL])
def test_the_surface_lies_further_outside_a_fall_where_the_body_is_full_of_oedema(row):
    """Oedema ends inside the cortex: brightness 2 moves the surface by the weights' own distance."""
    weights = replace(EXACT, oedema_fall_mm=(1.5, 2.0))
    signal, grid = on_rays((-20, 2.0), (0, 0.8)), np.ones((len(ROWS), LONGITUDES))
    disc = np.full((len(ROWS), 1), 0.8)
    usual, bright = (
        AT_MM[
            signal_edge_either_way(signal, 2 * grid, disc, 1.0, weights, brightness=times * grid)[
                row, 0
            ].argmax()
        ]
        for times in (1.0, 2.0)
    )
    assert bright - usual == (2.0 if row == WALL else 1.5)


def test_a_disc_as_bright_as_the_body_ends_it_with_a_rise_and_a_dark_one_with_a_fall():
    assert np.array_equal(share_rising(np.array([1.0, 1.0, 2.0]), np.array([1.2, 0.5, 1.2])), [1, 0, 0])


def test_dark_disc_inside_is_counted_in_millimetres_and_bright_disc_is_not():
    own, at = np.ones((len(ROWS), LONGITUDES)), int(np.searchsorted(AT_MM, 6.0))
    for disc, expected in ((0.3, 6.0), (1.5, 0.0)):
        inside = inside_dark_disc(on_rays((-20, 1.0), (0, disc)), own, np.full((len(ROWS), 1), disc))
        assert inside[ENDPLATE, 0, at] == pytest.approx(expected, abs=2 * STEP_MM)
        assert inside[WALL].max() == 0


def test_cortex_is_a_valley_and_a_step_is_none():
    cortex = valley(on_rays((-20, 1.0), (-1, 0.2), (1, 1.5)), 1.0)[0, 0]
    assert AT_MM[cortex.argmax()] == pytest.approx(0, abs=1.5)
    assert cortex.max() > 0.4
    assert valley(on_rays((-20, 1.0), (0, 2.0)), 1.0).max() == 0


def test_fat_falls_at_an_endplate_and_leaves_the_body_s_own_either_way_at_a_wall():
    signal = on_rays((-20, 1.0))
    for row, beyond, is_edge in ((ENDPLATE, 0.0, True), (ENDPLATE, 0.9, False), (WALL, 0.9, True)):
        edge = fat_edge(signal, on_rays((-20, 0.4), (0, beyond)), 0.4)[row, 0]
        assert (edge.max() > 0.3) == is_edge
        if is_edge:
            assert AT_MM[edge.argmax()] == pytest.approx(0, abs=STEP_MM)


def test_surroundings_are_the_signal_of_muscle_and_disc_over_that_of_the_bodies():
    """Bodies of 100 every 36 mm on an axis, discs of 150 between them, muscle of 120 beside them."""
    voxel, shape = 2.0, (80, 60, 110)
    affine = np.diag([voxel, voxel, voxel, 1.0])
    x, y, z = np.moveaxis(np.moveaxis(np.indices(shape), 0, -1) * voxel, -1, 0)
    centres = np.array([[80.0, 60.0, 180 - 36.0 * k] for k in range(5)])
    near = np.abs(z[..., None] - centres[:, 2]).min(axis=-1)
    beside = np.hypot((x - 80) / 24, (y - 60) / 17) > 1
    water = np.where(beside, 120.0, np.where(near < 13, 100.0, 150.0))
    contrast = prepare(SpineImages(water, affine))
    muscle, disc = surroundings(contrast, frames_of_chain(centres), WATER_ALONE)
    assert muscle == pytest.approx(1.2, rel=0.05)
    assert disc == pytest.approx(1.5, rel=0.05)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_second_cut_starts_so_far_on_the_way_to_the_first_surface(share):
    frame = frame_along(np.zeros(3), np.array([0.0, 0.0, 1.0]), 36.0)
    rays = rays_of(WATER_ALONE.usual_body(36.0))
    first = BodySurface(frame, rays, rays.usual - 3.0)
    moved = follow(rays, frame, first, share)
    assert np.allclose(rays.usual - moved.usual, 3.0 * share, atol=0.1)


def test_hand_drawn_widths_are_wider_where_muscle_and_discs_outshine_marrow():
    dark, bright = (WATER_ALONE.beside(*ratio).usual_body(36.0) for ratio in ((0.8, 1.5), (1.3, 1.5)))
    assert bright.width > dark.width
    assert bright.height == dark.height
