"""Found bodies are cut and named by what is told or seen."""

import numpy as np
import pytest

from qmri.config import SegmentSettings
from qmri.errors import QmriError
from qmri.segment.detector import Candidate, Detection, SpineImages
from qmri.segment.seeds import Seeds
from qmri.segment.spine import segment_detected

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
        return Detection(self.candidates, "told", self.sacrum_mm, 25.0)


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
