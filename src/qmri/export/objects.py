"""The DICOM objects: a Segmentation of the bodies, and Parametric Maps of PDFF and R2*."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, generate_uid

from qmri import __version__
from qmri.export.codes import (
    ANATOMICAL_STRUCTURE,
    FAT_FRACTION,
    PER_SECOND,
    PERCENT,
    R2_STAR,
    VERTEBRA,
)
from qmri.export.source import SourceSeries
from qmri.spine.levels import LEVEL_ID, LEVEL_NAME, sort_levels

MAKER = "qmri"
FIRST_SERIES_NUMBER = 9700


@dataclass(frozen=True)
class Quantity:
    """What a Parametric Map shows.

    Attributes
    ----------
    name, explanation
        Short label and one phrase.
    code, unit
        Coded quantity and UCUM unit.
    window
        Values at the ends of the grey scale.
    number
        Added to the first series number.
    """

    name: str
    explanation: str
    code: Code
    unit: Code
    window: tuple[float, float]
    number: int


QUANTITIES = {
    "pdff": Quantity("PDFF", "Proton density fat fraction", FAT_FRACTION, PERCENT, (0, 100), 1),
    "r2star": Quantity("R2*", "Effective transverse relaxation rate", R2_STAR, PER_SECOND, (0, 250), 2),
}


def segmentation(
    source: SourceSeries,
    labels: NDArray[np.integer],
    colours: dict[str, tuple[int, int, int]],
    *,
    by_reader: bool,
) -> Dataset:
    """Return the vertebral bodies as a binary Segmentation, one segment for each level.

    Parameters
    ----------
    source
        The original slices.
    labels
        (x, y, z) label map with the ids of `qmri.spine.levels`.
    colours
        Level to red, green, blue.
    by_reader
        Whether a reader corrected the labels.
    """
    levels = sort_levels(LEVEL_NAME[int(number)] for number in np.unique(labels) if number)
    algorithm = hd.AlgorithmIdentificationSequence(
        name=MAKER, version=__version__, family=codes.DCM.ArtificialIntelligence
    )
    kind = hd.seg.SegmentAlgorithmTypeValues
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=level,
            segmented_property_category=ANATOMICAL_STRUCTURE,
            segmented_property_type=VERTEBRA[level],
            algorithm_type=kind.SEMIAUTOMATIC if by_reader else kind.AUTOMATIC,
            algorithm_identification=algorithm,
            tracking_id=f"{level} vertebral body",
            tracking_uid=_uid(source, "segment", level, labels.tobytes()),
            display_color=hd.color.CIELabColor.from_rgb(*colours[level]),
        )
        for number, level in enumerate(levels, start=1)
    ]
    frames = source.frames(labels)
    numbered = np.zeros(frames.shape, np.uint8)
    for number, level in enumerate(levels, start=1):
        numbered[frames == LEVEL_ID[level]] = number
    return _finished(
        hd.seg.Segmentation(
            source_images=list(source.slices),
            pixel_array=numbered,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=descriptions,
            content_label="VERTEBRAL_BODIES",
            content_description="Vertebral bodies, named by level",
            **_series(source, "segmentation", labels.tobytes(), 0),
        ),
        "Vertebral bodies (qmri)",
    )


def parametric_map(source: SourceSeries, values: NDArray[np.floating], quantity: Quantity) -> Dataset:
    """Return a map (x, y, z) as a Parametric Map of 32-bit floats, values unchanged."""
    frames = np.ascontiguousarray(source.frames(values), np.float32)
    known = frames[np.isfinite(frames)]
    ends = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    mapping = hd.pm.RealWorldValueMapping(
        lut_label=quantity.name,
        lut_explanation=quantity.explanation,
        unit=quantity.unit,
        value_range=ends,
        slope=1.0,
        intercept=0.0,
        quantity_definition=quantity.code,
    )
    low, high = quantity.window
    return _finished(
        hd.pm.ParametricMap(
            source_images=list(source.slices),
            pixel_array=frames,
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[mapping],
            voi_lut_transformations=[
                hd.VOILUTTransformation(window_center=(low + high) / 2, window_width=high - low)
            ],
            content_label=quantity.name.replace("*", "_STAR"),
            content_description=quantity.explanation,
            **_series(source, quantity.name, frames.tobytes(), quantity.number),
        ),
        f"{quantity.name} (qmri)",
    )


def _series(source: SourceSeries, kind: str, content: bytes, number: int) -> dict[str, Any]:
    """Return what every object tells of its series and its maker; the UIDs follow from the content."""
    return {
        "series_instance_uid": _uid(source, kind, "series", content),
        "sop_instance_uid": _uid(source, kind, "instance", content),
        "series_number": FIRST_SERIES_NUMBER + number,
        "instance_number": 1,
        "manufacturer": MAKER,
        "manufacturer_model_name": MAKER,
        "software_versions": __version__,
        "device_serial_number": __version__,
    }


def _finished(made: Dataset, description: str) -> Dataset:
    made.SeriesDescription = description
    made.BodyPartExamined = "SPINE"
    return made


def _uid(source: SourceSeries, *parts: str | bytes) -> UID:
    sources: Sequence[str] = [str(header.SOPInstanceUID) for header in source.slices]
    words = [part if isinstance(part, str) else hashlib.sha256(part).hexdigest() for part in parts]
    return generate_uid(entropy_srcs=[*sources, *words, __version__])
