"""The facts of every image of a dataset, from the elements of a classic or an enhanced file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from qmri.ingest.elements import (
    EMPTY,
    DamagedElementError,
    PrivateBlocks,
    integer,
    item,
    number,
    numbers,
    readable_text,
    text,
    texts,
    values,
    vector,
)
from qmri.ingest.header import Frame, Hints, PixelFormat, Sequence, ValueScale
from qmri.ingest.identity import patient_identity
from qmri.ingest.plane import Plane, check_plane

# Elements whose words would identify a person if they stood in a description as well.
PERSONAL = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "OtherPatientNames",
    "PatientAddress",
    "AccessionNumber",
    "InstitutionName",
    "StationName",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "NameOfPhysiciansReadingStudy",
    "StudyID",
    "StudyDate",
)
GE_ACQUISITION, GE_PARAMETERS, GE_RELATIONS = "GEMS_ACQU_01", "GEMS_PARM_01", "GEMS_RELA_01"
PHILIPS_CLASSIC, PHILIPS_ENHANCED = "PHILIPS MR IMAGING DD 001", "PHILIPS MR IMAGING DD 005"


def read_frames(path: Path, dataset: Dataset, pixels: PixelFormat, *, enhanced: bool) -> tuple[Frame, ...]:
    """Return the facts of every image of a file.

    Raises
    ------
    DamagedElementError
        If an element that numbers depend on holds something else than its kind of value.
    """
    whole = _File(dataset)
    sequence, patient = _sequence(whole), patient_identity(dataset)
    words = frozenset(word for name in PERSONAL for word in _words(readable_text(dataset, name)))
    per_frame = values(dataset, "PerFrameFunctionalGroupsSequence") if enhanced else ()
    if enhanced and len(per_frame) != pixels.frames:
        raise DamagedElementError("another number of functional groups than of frames")
    shared = item(dataset, "SharedFunctionalGroupsSequence")
    frames = []
    for index in range(pixels.frames):
        groups = _Groups(dataset, shared, per_frame[index]) if enhanced else _Groups(dataset)
        frames.append(
            Frame(
                path=path,
                index=index,
                study=text(dataset, "StudyInstanceUID"),
                series=text(dataset, "SeriesInstanceUID"),
                instance=text(dataset, "SOPInstanceUID"),
                patient=patient,
                modality=text(dataset, "Modality"),
                series_number=integer(dataset, "SeriesNumber"),
                instance_number=integer(dataset, "InstanceNumber"),
                time=_time(dataset, groups),
                plane=_plane(dataset, groups),
                echo_time_ms=_echo_time(groups),
                echo_number=integer(dataset, "EchoNumbers"),
                hints=_hints(whole, groups),
                sequence=_with_timing(sequence, groups) if enhanced else sequence,
                scale=_scale(dataset, groups),
                pixels=pixels,
                private_words=words,
            )
        )
    return tuple(frames)


@dataclass(frozen=True)
class _File:
    """A dataset, and where private elements lie in it."""

    dataset: Dataset

    @cached_property
    def private(self) -> PrivateBlocks:
        """Its private blocks."""
        return PrivateBlocks(self.dataset)

    @cached_property
    def vendor(self) -> str:
        """The manufacturer, upper case."""
        return text(self.dataset, "Manufacturer").upper()

    @property
    def may_be_ge(self) -> bool:
        """Whether GE's private elements are looked for: also where the vendor was taken out."""
        return self.vendor.startswith("GE") or not self.vendor


class _Groups:
    """The functional groups of a frame; of a classic image each of them is the image itself."""

    def __init__(self, dataset: Dataset, shared: Dataset = EMPTY, own: Dataset | None = None) -> None:
        self.dataset, self.shared, self.own = dataset, shared, own

    def get(self, name: str) -> Dataset:
        """Return a functional group: of the frame, else shared by all."""
        if self.own is None:
            return self.dataset
        return item(self.own, name) if name in self.own else item(self.shared, name)


def _echo_time(groups: _Groups) -> float | None:
    echo = groups.get("MREchoSequence")
    effective = number(echo, "EffectiveEchoTime")
    return number(echo, "EchoTime") if effective is None else effective


def _time(dataset: Dataset, groups: _Groups) -> str:
    content = groups.get("FrameContentSequence")
    moment = text(content, "FrameAcquisitionDateTime") or text(dataset, "AcquisitionDateTime")
    return moment or text(dataset, "AcquisitionDate") + text(dataset, "AcquisitionTime")


def _plane(dataset: Dataset, groups: _Groups) -> Plane | None:
    position = vector(groups.get("PlanePositionSequence"), "ImagePositionPatient", 3)
    orientation = vector(groups.get("PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    measures = groups.get("PixelMeasuresSequence")
    spacing = vector(measures, "PixelSpacing", 2)
    if position is None or orientation is None or spacing is None:
        return None
    thickness = number(measures, "SpacingBetweenSlices") or number(measures, "SliceThickness")
    plane = Plane(position, orientation, spacing, thickness, text(dataset, "FrameOfReferenceUID"))  # type: ignore[arg-type]
    fault = check_plane(plane)
    if fault:
        raise DamagedElementError(fault)
    return plane


def _hints(whole: _File, groups: _Groups) -> Hints:
    dataset = whole.dataset
    enhanced = groups.own is not None
    kind = groups.get("MRImageFrameTypeSequence")
    ge = whole.private.find(0x0043, GE_PARAMETERS) if whole.may_be_ge else None
    return Hints(
        image_type=_upper(texts(dataset, "ImageType")),
        frame_type=_upper(texts(kind, "FrameType")) if enhanced else (),
        philips_type=_upper(_philips_type(whole, groups)) if whole.vendor.startswith("PHILIPS") else (),
        component=(text(kind, "ComplexImageComponent") or text(dataset, "ComplexImageComponent")).upper(),
        ge_component=None if ge is None else integer(dataset, ge + 0x2F),
        ge_variant=None if ge is None else integer(dataset, ge + 0x30),
        description=text(dataset, "SeriesDescription"),
        protocol=text(dataset, "ProtocolName"),
    )


def _philips_type(whole: _File, groups: _Groups) -> tuple[str, ...]:
    """Return Philips' own type: of an enhanced frame the ImageType it would have as a classic image."""
    if groups.own is None:
        return texts(whole.dataset, whole.private.find(0x2005, PHILIPS_CLASSIC) + 0x11)
    classic = item(groups.own, PrivateBlocks(groups.own).find(0x2005, PHILIPS_ENHANCED) + 0x0F)
    return texts(classic, "ImageType")[2:]


def _sequence(whole: _File) -> Sequence:
    dataset = whole.dataset
    own = _ge_facts(whole) if whole.may_be_ge else {}
    names = own.pop("name", ""), text(dataset, "SequenceName"), text(dataset, "PulseSequenceName")
    filters = own.pop("filters", "") + text(dataset, "KSpaceFiltering")
    return Sequence(
        vendor=text(dataset, "Manufacturer"),
        model=text(dataset, "ManufacturerModelName"),
        software=text(dataset, "SoftwareVersions"),
        scanning_sequence=text(dataset, "ScanningSequence").upper(),
        name="\\".join(name for name in names if name),
        options=text(dataset, "ScanOptions").upper(),
        repetition_time_ms=number(dataset, "RepetitionTime"),
        flip_angle_deg=number(dataset, "FlipAngle"),
        imaging_frequency_mhz=_megahertz(number(dataset, "ImagingFrequency")),
        field_strength_t=_tesla(number(dataset, "MagneticFieldStrength")),
        acquired_matrix=_acquired_matrix(numbers(dataset, "AcquisitionMatrix")),
        filters=filters,
        **own,
    )


def _ge_facts(whole: _File) -> dict[str, Any]:
    """Return what GE writes into private elements."""
    dataset, private = whole.dataset, whole.private
    acquisition = private.find(0x0019, GE_ACQUISITION)
    parameters = private.find(0x0043, GE_PARAMETERS)
    echoes = integer(dataset, acquisition + 0x7E)
    if not echoes:
        user_value = number(dataset, acquisition + 0xA9)
        echoes = int(user_value) if user_value and 0 < user_value < 100 else None
    return {
        "name": text(dataset, acquisition + 0x9C),
        "filters": text(dataset, parameters + 0x97),
        "declared_echoes": echoes,
        "deep_learning": text(dataset, parameters + 0xCA),
        "locations": integer(dataset, private.find(0x0021, GE_RELATIONS) + 0x4F),
    }


def _with_timing(sequence: Sequence, groups: _Groups) -> Sequence:
    """Return the sequence with what an enhanced file says in functional groups."""
    timing = groups.get("MRTimingAndRelatedParametersSequence")
    view = groups.get("MRFOVGeometrySequence")
    frequency_steps = integer(view, "MRAcquisitionFrequencyEncodingSteps")
    phase_steps = integer(view, "MRAcquisitionPhaseEncodingStepsInPlane")
    transmitter = number(groups.get("MRImagingModifierSequence"), "TransmitterFrequency")
    return replace(
        sequence,
        repetition_time_ms=number(timing, "RepetitionTime"),
        flip_angle_deg=number(timing, "FlipAngle"),
        imaging_frequency_mhz=sequence.imaging_frequency_mhz or transmitter,
        acquired_matrix=(frequency_steps, phase_steps) if frequency_steps and phase_steps else None,
    )


def _megahertz(frequency: float | None) -> float | None:
    """Return a frequency in MHz; old software wrote Hz."""
    return frequency * 1e-6 if frequency is not None and frequency > 1e6 else frequency


def _tesla(field: float | None) -> float | None:
    """Return a field in T; old software wrote gauss."""
    return field * 1e-4 if field is not None and field > 100 else field


def _acquired_matrix(found: tuple[float, ...]) -> tuple[int, int] | None:
    """Return samples along (frequency, phase) of (frequency rows, columns, phase rows, columns)."""
    if len(found) != 4:
        return None
    frequency, phase = max(found[:2]), max(found[2:])
    return (int(frequency), int(phase)) if frequency > 0 and phase > 0 else None


def _scale(dataset: Dataset, groups: _Groups) -> ValueScale:
    transform = groups.get("PixelValueTransformationSequence")
    mapping = item(dataset, "RealWorldValueMappingSequence")
    if groups.own is not None:
        mapping = groups.get("RealWorldValueMappingSequence") or mapping
    return ValueScale(
        slope=number(transform, "RescaleSlope"),
        intercept=number(transform, "RescaleIntercept"),
        rescale_unit=text(transform, "RescaleType").upper(),
        real_slope=number(mapping, "RealWorldValueSlope"),
        real_intercept=number(mapping, "RealWorldValueIntercept"),
        real_unit=text(item(mapping, "MeasurementUnitsCodeSequence"), "CodeValue"),
    )


def _words(content: str) -> list[str]:
    return [word for word in re.split(r"[^\w]+", content.casefold()) if len(word) >= 3]


def _upper(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.upper() for word in words)
