"""The names of the bodies that a detector found, and the evidence for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qmri.config import SegmentSettings
from qmri.segment.cut.body_cut import BodyCut
from qmri.segment.detect.detector import Detection, SpineImages
from qmri.segment.naming.field_of_view import is_complete, room, width_mm
from qmri.segment.naming.level_evidence import doubts_of_sacrum, doubts_of_slab
from qmri.segment.naming.numbering import Naming, name_from_lowest_level, name_from_sacrum, view_below


def name_detected(
    images: SpineImages,
    detection: Detection,
    cuts: Sequence[BodyCut],
    settings: SegmentSettings,
    lowest_level: str | None,
) -> Naming:
    """Name what a detector found and what was cut from it; otherwise as for `segment_detected`."""
    view = (images.water.shape, images.affine)
    if lowest_level is None:
        naming = name_from_sacrum(detection, settings.naming_probability)
    else:
        naming = name_from_lowest_level(
            lowest_level,
            detection,
            [is_complete(cut.surface, *view) for cut in cuts],
            view_below(detection, *view),
            settings.naming_probability,
            room_mm=[room(cut.surface, *view) for cut in cuts],
        )
    return replace(
        naming,
        doubts=(*naming.doubts, *doubts_of_sacrum(detection), *doubts_of_slab(detection, width_mm(*view))),
    )


def detection_evidence(detection: Detection, naming: Naming) -> dict[str, object]:
    """Return what a detector found and how each body was named, for the record; JSON values."""
    return {
        "detector": detection.detector,
        "candidates": [
            {
                "level": level,
                "centre_mm": [round(value, 1) for value in candidate.centre_mm],
                "score": round(candidate.score, 3),
                "lowest_probability": round(candidate.lowest_probability, 4),
            }
            for candidate, level in zip(detection.candidates, naming.levels, strict=True)
        ],
        "sacrum_seen": detection.sacrum_mm is not None,
        **detection.evidence,
    }
