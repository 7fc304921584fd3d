"""The muscles of the network's second answer: sides, specks, wide views."""

import numpy as np
import pytest

from qmri.segment.detect import session
from qmri.segment.detect.channels import MUSCLE_CHANNELS, OUTPUT_CHANNELS, NetworkClass
from qmri.segment.detect.muscles import label_muscles, midline_of, without_specks
from qmri.segment.detect.network_maps import NetworkMaps
from qmri.segment.detect.working_grid import working_grid
from qmri.spine.tissue_labels import LEFT, MUSCLE_ID, RIGHT

SHAPE = (21, 40, 60)
WORKING = np.diag([4.0, 2.0, 2.0, 1.0])
MULTIFIDUS, PSOAS = 1, 3


def maps_with(midline: np.ndarray) -> np.ndarray:
    """Maps in which the canal follows a midline, given for each row as an index along the first axis."""
    maps = np.zeros((OUTPUT_CHANNELS, *SHAPE), dtype=np.float32)
    for row, middle in enumerate(np.round(midline).astype(int)):
        maps[NetworkClass.CANAL, middle - 1 : middle + 2, 18:24, row] = 1.0
        maps[NetworkClass.BODY, middle - 4 : middle + 5, 24:38, row] = 1.0
    return maps


def muscles_with(number: int, *boxes: tuple[slice, slice, slice]) -> np.ndarray:
    muscles = np.zeros((MUSCLE_CHANNELS, *SHAPE), dtype=np.float32)
    muscles[0] = 1.0
    for box in boxes:
        muscles[(number, *box)], muscles[(0, *box)] = 1.0, 0.0
    return muscles


def labels_of(maps: np.ndarray, muscles: np.ndarray, affine=WORKING, shape=SHAPE) -> np.ndarray:
    flat = np.ones(shape, dtype=np.float32)
    return label_muscles(NetworkMaps(maps, muscles, working_grid(affine, shape)), flat, affine)


def test_the_midline_is_that_of_the_canal_along_a_bent_spine():
    course = 10.0 + 4.0 * np.sin(np.arange(SHAPE[2]) / 20)
    found = midline_of(maps_with(course))
    assert np.abs(found - course).max() < 1.0


def test_without_a_column_there_is_no_midline_and_no_muscle():
    maps = np.zeros((OUTPUT_CHANNELS, *SHAPE), dtype=np.float32)
    assert midline_of(maps) is None
    box = (slice(2, 8), slice(5, 20), slice(10, 50))
    assert not labels_of(maps, muscles_with(MULTIFIDUS, box)).any()


def test_right_and_left_are_those_of_the_patient():
    maps = maps_with(np.full(SHAPE[2], 10.0))
    right, left = (slice(12, 19), slice(4, 16), slice(10, 50)), (slice(2, 8), slice(4, 16), slice(10, 50))
    labels = labels_of(maps, muscles_with(PSOAS, right, left))
    assert np.all(labels[13:18, 5:15, 11:49] == MUSCLE_ID["psoas", RIGHT])
    assert np.all(labels[3:7, 5:15, 11:49] == MUSCLE_ID["psoas", LEFT])
    mirrored = labels_of(maps, muscles_with(PSOAS, right, left), np.diag([-4.0, 2.0, 2.0, 1.0]))
    np.testing.assert_array_equal(mirrored, labels[::-1])


def test_one_mass_across_the_midline_is_parted_there():
    maps = maps_with(np.full(SHAPE[2], 10.0))
    labels = labels_of(maps, muscles_with(MULTIFIDUS, (slice(5, 16), slice(2, 14), slice(5, 55))))
    right, left = (np.argwhere(labels == MUSCLE_ID["multifidus", side])[:, 0] for side in (RIGHT, LEFT))
    assert right.min() >= 10 >= left.max()
    assert abs(len(right) - len(left)) <= len(left) / 3


def test_specks_go_and_a_second_large_part_stays():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[2:8, 2:20, 2:30] = mask[12:16, 2:20, 2:30] = True
    kept = without_specks(mask, 30.0)
    np.testing.assert_array_equal(kept, mask)
    mask[19, 35:37, 55:57] = True
    np.testing.assert_array_equal(without_specks(mask, 30.0), kept)


class Stub:
    """Stands in for the network: bone in some sagittal slices, muscle in more, told by the input's value."""

    def __init__(self, *, with_muscles: bool) -> None:
        self.seen: list[int] = []
        self._with_muscles = with_muscles

    def run(self, _, inputs):
        stack = inputs["stack"]
        number = np.rint(stack[:, 4, 0, 0] * 100).astype(int)
        self.seen += number.tolist()
        shape = (len(stack), 1, *stack.shape[2:])
        maps = np.zeros((len(stack), OUTPUT_CHANNELS, *stack.shape[2:]), dtype=np.float32)
        muscles = np.zeros((len(stack), MUSCLE_CHANNELS, *stack.shape[2:]), dtype=np.float32)
        bone = ((number >= 24) & (number <= 36)).reshape(-1, 1, 1, 1) * np.ones(shape)
        muscle = ((number >= 14) & (number <= 46)).reshape(-1, 1, 1, 1) * np.ones(shape)
        maps[:, [NetworkClass.BODY]], maps[:, [NetworkClass.POSTERIOR]] = bone, 1 - bone
        muscles[:, [1]], muscles[:, [0]] = muscle, 1 - muscle
        return [maps, muscles] if self._with_muscles else [maps]


@pytest.fixture
def wide():
    """A volume of 60 slices, each with its number as its value."""
    return np.ones((2, 60, 32, 32), dtype=np.float32) * (np.arange(60) / 100)[None, :, None, None]


@pytest.fixture
def stub(monkeypatch):
    def use(*, with_muscles: bool) -> Stub:
        one = Stub(with_muscles=with_muscles)
        monkeypatch.setattr(session, "_session", lambda weights: one)
        return one

    return use


def test_in_a_wide_view_muscles_are_whole_and_bodies_are_as_without_them(wide, stub):
    seen = stub(with_muscles=True)
    both = session.predict(wide)
    ran = len(seen.seen)
    stub(with_muscles=False)
    bodies = session.predict(wide)
    np.testing.assert_array_equal(both.maps, bodies.maps)
    there = both.muscles[1].any(axis=(1, 2))
    np.testing.assert_array_equal(np.flatnonzero(there), np.arange(14, 47))
    assert ran == len(set(seen.seen)) < 50


def test_weights_without_muscles_find_none(wide, stub):
    stub(with_muscles=False)
    assert not session.predict(wide[:, :20]).muscles[1:].any()
    assert not session.predict(wide).muscles[1:].any()


def test_what_is_taken_for_canal_beside_the_spine_does_not_move_the_midline():
    course = np.full(SHAPE[2], 10.0)
    maps = maps_with(course)
    maps[NetworkClass.CANAL, 17:20, 8:14, 20:30] = 1.0
    assert np.abs(midline_of(maps) - course).max() < 0.3
    maps[NetworkClass.CANAL] = 0.0
    maps[NetworkClass.CANAL, 17:20, 8:20, 5:55] = 1.0
    assert np.abs(midline_of(maps) - course).max() < 0.3


def test_without_bodies_nothing_that_looks_like_a_canal_makes_a_midline():
    maps = maps_with(np.full(SHAPE[2], 10.0))
    maps[NetworkClass.BODY] = 0.0
    assert midline_of(maps) is None
