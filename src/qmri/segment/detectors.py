"""Which detector runs when no seeds are given."""

from __future__ import annotations

from qmri.segment.detector import Detector
from qmri.segment.search import SearchDetector


def choose_detector() -> Detector:
    """Return the detector of this installation."""
    return SearchDetector()
