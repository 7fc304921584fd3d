"""Names that a reader gave and did not confirm are never verified, whatever the automatic result was."""

from types import SimpleNamespace

import numpy as np
import pytest

from qmri.pipeline.reading.loop import _as_before
from qmri.segment.naming.numbering import Naming
from qmri.segment.reader import edits
from qmri.segment.reader.correction import otherwise_named
from qmri.spine.levels import LEVEL_ID

LEVELS = ("T12", "L1", "L2", "L3", "L4", "L5")


@pytest.fixture
def labels():
    """Six bodies, cranial to caudal along z."""
    made = np.zeros((4, 4, 4 * len(LEVELS)), np.int16)
    for place, level in enumerate(reversed(LEVELS)):
        made[:, :, 4 * place : 4 * place + 3] = LEVEL_ID[level]
    return made


def naming_after(labels, changed):
    automatic = SimpleNamespace(labels=labels)
    decided = SimpleNamespace(naming_doubts=(), naming_probability=0.99)
    segmentation = SimpleNamespace(labels=changed, naming=Naming((), "labels"))
    return _as_before(segmentation, automatic, decided)


@pytest.mark.parametrize("shift", [-2, -1, 1, 2])
def test_shifted_names_are_in_doubt_in_both_directions(labels, shift):
    assert not naming_after(labels, edits.shift_names(labels, shift)).verified


def test_a_renamed_and_a_moved_name_are_in_doubt(labels):
    without = edits.delete(labels, "T12")
    assert not naming_after(labels, edits.rename(without, "L1", "T12")).verified
    elsewhere = np.where(labels == LEVEL_ID["L5"], LEVEL_ID["T12"], without).astype(np.int16)
    assert not naming_after(labels, elsewhere).verified


def test_painted_and_deleted_bodies_keep_the_names_as_sure_as_they_were(labels):
    painted = labels.copy()
    painted[:, :, 3] = LEVEL_ID["L5"]
    painted[:2, :, 8:11] = 0
    assert naming_after(labels, painted).verified
    assert naming_after(labels, edits.delete(labels, "L2")).verified
    assert otherwise_named(labels, labels) == []
