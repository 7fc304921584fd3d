"""Heights of masks as readers make them, against shapes whose truth is a formula."""

import numpy as np
import pytest

from qmri.measure.shape.bodies import find_bodies
from qmri.measure.shape.morphometry import HEIGHTS_AT, measure_shape

WEDGE = {"L1": ("wedge", 0.3)}


def island(labels):
    labels[labels.shape[0] // 2, 2:4, 2:4] = 20


def hole(labels):
    index = np.argwhere(labels == 20).mean(axis=0).astype(int)
    labels[tuple(slice(i - 1, i + 2) for i in index)] = 0


def slice_too_high(labels):
    middle = labels.shape[0] // 2 + 1
    labels[middle] = np.maximum(labels[middle], np.roll(labels[middle], 3, axis=1))


def jagged(labels):
    rng = np.random.default_rng(0)
    inside = labels == 20
    near = np.roll(inside, 1, 2) ^ np.roll(inside, -1, 2)
    flipped = near & (rng.random(labels.shape) < 0.25)
    labels[flipped] = np.where(inside[flipped], 0, 20)


@pytest.mark.parametrize("tilt", [0.0, 25.0])
@pytest.mark.parametrize("loss", [{}, WEDGE], ids=["normal", "wedge"])
@pytest.mark.parametrize("trait", [island, hole, slice_too_high, jagged, None])
@pytest.mark.parametrize("slice_mm", [4.0, 6.5])
def test_a_lone_body_drawn_as_readers_draw_has_its_heights(make_spine, tilt, loss, trait, slice_mm):
    spine = make_spine(levels=("L1",), voxel_mm=(slice_mm, 1.4, 1.4), tilt_deg=tilt, loss=loss)
    if trait is not None:
        trait(spine.labels)
    shape = measure_shape(find_bodies(spine.labels, spine.affine)[0])
    assert shape.heights_mm(HEIGHTS_AT) == pytest.approx(spine.heights("L1"), abs=2.0)
