"""Found bodies are cut and named by what is told or seen."""

import numpy as np
import pytest

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.detect.detector import Candidate, Detection, SpineImages
from qmri.segment.reader.seeds import Seeds
from qmri.segment.segmentation import segment_detected

SETTINGS = SegmentSettings()


class Told:
    """A detector that says what it was told."""

    def __init__(self, centres, chances, sacrum_mm=None):
        self.sacrum_mm = sacrum_mm
        self.candidates = tuple(
            Candidate(tuple(map(float, centre)), 1.0, chance)
            for centre, chance in zip(centres, chances, strict=True)
        )

    def detect(self, images):
        return Detection(self.candidates, "told", self.sacrum_mm, 25.0, sacrum_whole=True)


def test_levels_follow_from_what_is_told(toy_spine):
    below = tuple(map(float, 2 * toy_spine.centres_mm[-1] - toy_spine.centres_mm[-2]))
    detector = Told(toy_spine.centres_mm, [0, 0, 0, 0, 0.9], below)
    seen = segment_detected(toy_spine.images, detector, SETTINGS)
    assert [body.name for body in seen.bodies] == ["L1", "L2", "L3", "L4", "L5"]
    assert seen.naming.verified
    lower = segment_detected(
        toy_spine.images, Told(toy_spine.centres_mm, [0] * 5), SETTINGS, lowest_level="L3"
    )
    assert [body.name for body in lower.bodies] == ["T11", "T12", "L1", "L2", "L3"]
    anchor = Seeds(("T12",), toy_spine.centres_mm[1:2] + 2)
    named = segment_detected(toy_spine.images, detector, SETTINGS, anchor=anchor)
    assert [body.name for body in named.bodies] == ["T11", "T12", "L1", "L2", "L3"]
    assert not named.naming.verified


def test_an_image_without_a_spine_is_refused(toy_spine):
    nothing = SpineImages(np.zeros((40, 60, 12), np.float32), toy_spine.images.affine)
    with pytest.raises(QmriError, match="no vertebral body"):
        segment_detected(nothing, Told([], []), SETTINGS)


@pytest.mark.parametrize("below", [-9.0, -6.0, -2.0, 4.0])
def test_a_view_that_ends_at_l5_gives_no_wrong_name_without_doubt(toy_spine, below):
    # The array axes point to back, up and right; the view ends this far below the lowest voxel of L5.
    affine = toy_spine.images.affine.copy()
    first = int(np.argwhere(toy_spine.labels == 24)[:, 1].min() - round(below / affine[2, 1]))
    affine[:3, 3] += affine[:3, 1] * first
    images = SpineImages(toy_spine.images.water[:, first:], affine)
    told = "L5" if below >= 0 else "L4"
    detector = Told(toy_spine.centres_mm, [0] * 5)
    detector.sacrum_mm = None
    result = segment_detected(images, detector, SETTINGS, lowest_level=told)
    right = next(body.name for body in result.bodies if abs(body.centre_mm[2] + 36) < 8) == "L4"
    assert right or not result.naming.verified
    assert below > -9 or right


def test_a_thin_slab_is_named_and_a_bent_spine_in_it_waits(toy_spine):
    # Seven slices of 4 mm around the midline.
    images, last = toy_spine.images, toy_spine.images.water.shape[2]
    first = last // 2 - 3
    affine = images.affine.copy()
    affine[:3, 3] += affine[:3, 2] * first
    slab = SpineImages(images.water[:, :, first : first + 7], affine)
    below = tuple(map(float, 2 * toy_spine.centres_mm[-1] - toy_spine.centres_mm[-2]))
    straight = segment_detected(slab, Told(toy_spine.centres_mm, [0, 0, 0, 0, 0.9], below), SETTINGS, "L5")
    assert [body.name for body in straight.bodies] == ["L1", "L2", "L3", "L4", "L5"]
    assert straight.naming.verified
    assert all(body.complete for body in straight.bodies[1:])
    bent = toy_spine.centres_mm + np.array([[-6, 0, 0], [3, 0, 0], [6, 0, 0], [3, 0, 0], [-6, 0, 0]])
    seen = segment_detected(slab, Told(bent, [0, 0, 0, 0, 0.9], below), SETTINGS, "L5")
    assert not seen.naming.verified
    assert any("slab" in doubt for doubt in seen.naming.doubts)
