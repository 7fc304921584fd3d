"""Depth and heights of a simulated body in its midplane, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from qmri.simulate.anatomy import Body, Fracture
from qmri.simulate.anatomy.midplane import midplane
from qmri.simulate.anatomy.shapes import body_distance

BOX = Body(
    "L1", np.zeros(3), np.eye(3), 24.0, 16.0, 25.0, 25.0, 25.0, (25.0, 25.0, 25.0), waist=0.0, hollow_mm=0.0
)
WEDGE = replace(BOX, anterior_mm=18.0, middle_mm=21.5)


def test_without_a_hollow_the_heights_are_those_at_seven_tenths_of_the_half_depth():
    seen = midplane(WEDGE)
    assert (seen.front_mm, seen.back_mm) == pytest.approx((16.0, -16.0), abs=0.01)
    assert seen.heights_mm == pytest.approx([18.0, 21.5, 25.0], abs=0.1)
    assert seen.wedge_angle_deg == pytest.approx(2 * np.degrees(np.arctan(3.5 / 22.4)), abs=0.2)


def test_a_hollow_wall_moves_the_places_forward_and_a_driven_corner_back():
    hollow = midplane(replace(WEDGE, hollow_mm=2.0))
    assert hollow.back_mm == pytest.approx(midplane(WEDGE).back_mm + 2.0, abs=0.1)
    assert hollow.heights_mm[2] == pytest.approx(25.0 - 0.85 * 2.0 * 7.0 / 22.4, abs=0.1)
    driven = replace(BOX, fracture=Fracture("wedge", 0.0, retropulsed_mm=4.0))
    assert midplane(driven).back_mm == pytest.approx(midplane(BOX).back_mm - 2.0, abs=0.1)


@pytest.mark.parametrize("body", [BOX, WEDGE, replace(WEDGE, hollow_mm=2.0, taper=0.05)])
def test_the_walls_are_where_the_outline_is(body):
    seen = midplane(body)
    for wall, outward in ((seen.front_mm, 1), (seen.back_mm, -1)):
        inside, outside = (
            body_distance(body, *np.float32([[0.0], [wall + outward * step], [6.0]])) for step in (-1.5, 1.5)
        )
        assert inside < 0 < outside
