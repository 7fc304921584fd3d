"""A reader's labels come back voxel by voxel however an editor turned them, or not at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmri.errors import QmriError
from qmri.images.nifti import Volume
from qmri.segment.reader.reader_labels import accept_labels

AFFINE = np.array([[0, 0, 4.0, -20], [-1.5, 0, 0, 30], [0, -1.5, 0, 90], [0, 0, 0, 1]])
SHAPE = (20, 40, 9)
IMAGES = Volume(np.zeros(SHAPE, np.float32), AFFINE)


def drawn():
    labels = np.zeros(SHAPE, np.int16)
    labels[5:15, 5:12, 2:6] = 20
    labels[5:15, 16:24, 3:7] = 21
    return labels


def turned(labels, order, flips, pad):
    """The same voxels with other axes, and the affine that says so."""
    step = np.zeros((4, 4))
    step[3, 3] = 1
    for new, old in enumerate(order):
        step[old, new] = -1 if flips[new] else 1
        step[old, 3] = labels.shape[old] - 1 if flips[new] else 0
    data = np.transpose(labels, order)
    for axis, flip in enumerate(flips):
        if flip:
            data = np.flip(data, axis)
    shift = np.eye(4)
    shift[:3, 3] = -pad
    return Volume(np.pad(data, pad), AFFINE @ step @ shift)


@given(st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3), st.integers(0, 3))
def test_turned_flipped_and_extended_grids_are_undone(order, flips, pad):
    reader = turned(drawn(), order, flips, pad)
    np.testing.assert_array_equal(accept_labels(reader, IMAGES).labels, drawn())


def test_sacrum_and_discs_are_left_out_and_told():
    labels = drawn()
    labels[0:3, 0, 0] = (26, 120, 126)
    accepted = accept_labels(Volume(labels, AFFINE), IMAGES)
    assert accepted.dropped == (26, 120, 126)
    np.testing.assert_array_equal(np.unique(accepted.labels), [0, 20, 21])


def test_whole_numbers_stored_as_float_are_accepted():
    accepted = accept_labels(Volume(drawn().astype(np.float32), AFFINE), IMAGES)
    np.testing.assert_array_equal(accepted.labels, drawn())


def shifted(mm):
    affine = AFFINE.copy()
    affine[0, 3] += mm
    return affine


@pytest.mark.parametrize(
    ("labels", "affine", "problem"),
    [
        (drawn() * 0, AFFINE, "no vertebral body"),
        (drawn() * 10, AFFINE, "no level"),
        (drawn() + 0.5, AFFINE, "not whole numbers"),
        (drawn()[..., None, None], AFFINE, "not a volume"),
        (drawn(), shifted(2.0), "another grid"),
        (drawn(), np.eye(4), "another grid"),
        (drawn(), AFFINE @ np.diag([2.0, 2.0, 1.0, 1.0]), "another grid"),
        (drawn(), shifted(400.0), "outside the images"),
    ],
)
def test_what_does_not_fit_is_refused(labels, affine, problem):
    with pytest.raises(QmriError, match=problem):
        accept_labels(Volume(labels, affine), IMAGES)
