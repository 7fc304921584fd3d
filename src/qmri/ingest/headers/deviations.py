"""Elements in which single images differ from the rest of their series: repaired if optional, else named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from qmri.ingest.headers.header import Frame
from qmri.ingest.headers.series_names import series_name

RARE_SHARE = 0.35
"""A value is odd if it is there at most this share of the times of the most frequent one."""
FEWEST_USUAL = 3
SERIES_SHARE = 0.1
"""Of an element that a series has once, at most this share of images may differ and be repaired."""

# Elements that all images of a series share, and that numbers can do without in single images.
SEQUENCE_ELEMENTS = {
    "vendor": "Manufacturer (0008,0070)",
    "model": "ManufacturerModelName (0008,1090)",
    "software": "SoftwareVersions (0018,1020)",
    "scanning_sequence": "ScanningSequence (0018,0020)",
    "name": "SequenceName (0018,0024) or (0019,xx9C)",
    "options": "ScanOptions (0018,0022)",
    "repetition_time_ms": "RepetitionTime (0018,0080)",
    "flip_angle_deg": "FlipAngle (0018,1314)",
    "imaging_frequency_mhz": "ImagingFrequency (0018,0084)",
    "field_strength_t": "MagneticFieldStrength (0018,0087)",
    "acquired_matrix": "AcquisitionMatrix (0018,1310)",
    "declared_echoes": "(0019,xx7E)",
    "filters": "(0043,xx97)",
    "deep_learning": "(0043,xxCA)",
    "locations": "(0021,xx4F)",
}
HINT_ELEMENTS = {
    "description": "SeriesDescription (0008,103E)",
    "protocol": "ProtocolName (0018,1030)",
}
# Elements that decide what an image is and where it lies.
DECISIVE: dict[str, Callable[[Frame], object]] = {
    "PixelRepresentation (0028,0103)": lambda frame: frame.pixels.signed,
    "ImageType (0008,0008)": lambda frame: (frame.hints.image_type, frame.hints.frame_type),
    "ComplexImageComponent (0008,9208)": lambda frame: frame.hints.component,
    "(0043,xx2F)": lambda frame: frame.hints.ge_component,
    "(0043,xx30)": lambda frame: frame.hints.ge_variant,
    "EchoTime (0018,0081)": lambda frame: frame.echo_time_ms,
    "EchoNumbers (0018,0086)": lambda frame: frame.echo_number,
    "SeriesNumber (0020,0011)": lambda frame: frame.series_number,
    "AcquisitionTime (0008,0032)": lambda frame: frame.time,
    "ImagePositionPatient (0020,0032)": lambda frame: frame.plane and frame.plane.position,
    "ImageOrientationPatient (0020,0037)": lambda frame: frame.plane and frame.plane.orientation,
    "PixelSpacing (0028,0030)": lambda frame: frame.plane and frame.plane.spacing,
    "FrameOfReferenceUID (0020,0052)": lambda frame: frame.plane and frame.plane.frame_of_reference,
    "Rows (0028,0010)": lambda frame: frame.pixels.rows,
    "Columns (0028,0011)": lambda frame: frame.pixels.columns,
    "RescaleSlope or RescaleIntercept (0028,1053)": lambda frame: (frame.scale.slope, frame.scale.intercept),
    "BitsStored (0028,0101)": lambda frame: frame.pixels.bits_stored,
}


def repaired(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[str, ...]]:
    """Return the images with the elements of their series where single images differ, and what was done."""
    by_series: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        by_series[frame.study, frame.series].append(index)
    result, warnings = list(frames), []
    for members in by_series.values():
        for part, elements in (("sequence", SEQUENCE_ELEMENTS), ("hints", HINT_ELEMENTS)):
            for field, element in elements.items():
                counts = Counter(getattr(getattr(result[index], part), field) for index in members)
                usual, count = counts.most_common(1)[0]
                odd = len(members) - count
                if not 0 < odd <= max(1, SERIES_SHARE * len(members)) or count < FEWEST_USUAL:
                    continue
                for index in members:
                    own = getattr(result[index], part)
                    if getattr(own, field) != usual:
                        result[index] = replace(result[index], **{part: replace(own, **{field: usual})})
                number = result[members[0]].series_number
                warnings.append(
                    f"{element} of {odd} of {len(members)} images of series {number} is not that of the "
                    "others, which was used"
                )
    return result, tuple(warnings)


def oddities(frames: Sequence[Frame]) -> tuple[str, ...]:
    """Return the decisive elements in which few images of a series differ from the others."""
    by_series: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    for frame in frames:
        by_series[frame.study, frame.series].append(frame)
    notes = []
    for members in by_series.values():
        for element, value in DECISIVE.items():
            counts = Counter(value(frame) for frame in members)
            most = max(counts.values())
            odd = sum(
                count for count in counts.values() if count < most and count <= max(1, RARE_SHARE * most)
            )
            if odd:
                where = f"{odd} of {len(members)} images of {series_name(members[0])}"
                notes.append(f"{element} of {where} is unlike the others")
    return tuple(notes)
