"""The outline of a muscle goes to the edge that its water image shows, and stands where there is none."""

import numpy as np
import pytest
from scipy import ndimage

from qmri.segment.checks.label_agreement import dice
from qmri.segment.detect.refine import refined

SPACING = np.array([4.0, 1.75, 1.75])
SHAPE = (15, 40, 40)
LEAN, FAT = 0.8, 0.08


@pytest.fixture(scope="module")
def muscle():
    x, y, z = (np.arange(size) - size // 2 for size in SHAPE)
    radius = (x[:, None, None] * 4 / 20) ** 2 + (y[:, None] * 1.75 / 18) ** 2 + (z * 1.75 / 28) ** 2
    return radius < 1


def image(muscle, fat=0.0, around=FAT, seed=0):
    water = np.where(muscle, LEAN * (1 - fat) + FAT * fat, around)
    noise = np.random.default_rng(seed).normal(0, 0.03, SHAPE)
    return (ndimage.gaussian_filter(water, (0, 0.4, 0.4)) + noise).astype(np.float32)


NOBODY = np.zeros(SHAPE, dtype=bool)
# One pixel within the slice.
CROSS = ndimage.generate_binary_structure(2, 1)[None]


@pytest.mark.parametrize("change", [ndimage.binary_dilation, ndimage.binary_erosion])
@pytest.mark.parametrize("fat", [0.0, 0.3])
def test_an_outline_in_fat_is_drawn_to_the_edge(muscle, change, fat):
    guess = change(muscle, CROSS)
    found = refined(guess, image(muscle, fat), NOBODY, SPACING)
    assert dice(found, muscle) > 0.97 > dice(guess, muscle)


def test_shading_moves_no_outline(muscle):
    shade = np.linspace(0.5, 1.5, SHAPE[2]).astype(np.float32)
    found = refined(ndimage.binary_dilation(muscle, CROSS), image(muscle) * shade, NOBODY, SPACING)
    assert dice(found, muscle) > 0.97


def test_where_the_surroundings_are_as_bright_the_outline_stands(muscle):
    guess = ndimage.binary_dilation(muscle, CROSS)
    np.testing.assert_array_equal(refined(guess, image(muscle, around=LEAN), NOBODY, SPACING), guess)


def test_fat_within_the_muscle_stays_in_it(muscle):
    streak = np.zeros(SHAPE, dtype=bool)
    streak[6:9, 18:22, 14:26] = True
    water = image(muscle & ~streak)
    assert np.all(refined(muscle, water, NOBODY, SPACING)[streak])


def test_no_neighbour_loses_a_voxel(muscle):
    neighbour = np.zeros(SHAPE, dtype=bool)
    neighbour[:, 26:] = True
    own = muscle & ~neighbour
    found = refined(own, image(muscle | neighbour), neighbour, SPACING)
    assert not np.any(found & neighbour)


def test_no_muscle_stays_no_muscle():
    assert not refined(NOBODY, image(NOBODY), NOBODY, SPACING).any()
