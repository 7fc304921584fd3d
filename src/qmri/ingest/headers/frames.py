"""The facts of every image of a dataset, from the elements of a classic or an enhanced file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from qmri.ingest.headers.elements import (
    EMPTY,
    DamagedElementError,
    PrivateBlocks,
    element_name,
    item,
    readable_text,
    texts,
    values,
)
from qmri.ingest.headers.header import Frame, Hints, PixelFormat, Sequence, ValueScale
from qmri.ingest.headers.identity import patient_identity, private_words
from qmri.ingest.headers.optional_elements import Tolerant
from qmri.ingest.headers.plane import Plane, check_plane

GE_ACQUISITION, GE_PARAMETERS, GE_RELATIONS = "GEMS_ACQU_01", "GEMS_PARM_01", "GEMS_RELA_01"
PHILIPS_CLASSIC, PHILIPS_ENHANCED = "PHILIPS MR IMAGING DD 001", "PHILIPS MR IMAGING DD 005"


def read_frames(path: Path, dataset: Dataset, pixels: PixelFormat, *, enhanced: bool) -> tuple[Frame, ...]:
    """Return the facts of every image of a file.

    Raises
    ------
    DamagedElementError
        If an element that numbers depend on holds something else than its kind of value.
    """
    whole = _File(dataset, Tolerant())
    read, sequence, patient = whole.read, _sequence(whole), patient_identity(dataset)
    words = private_words(dataset)
    uids = {name: _uid(whole, name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
    per_frame = values(dataset, "PerFrameFunctionalGroupsSequence") if enhanced else ()
    if enhanced and len(per_frame) != pixels.frames:
        raise DamagedElementError(
            f"{len(per_frame)} items for {pixels.frames} frames",
            "PerFrameFunctionalGroupsSequence (5200,9230)",
        )
    shared = item(dataset, "SharedFunctionalGroupsSequence")
    frames = []
    for index in range(pixels.frames):
        groups = _Groups(dataset, shared, per_frame[index]) if enhanced else _Groups(dataset)
        frames.append(
            Frame(
                path=path,
                index=index,
                study=uids["StudyInstanceUID"],
                series=uids["SeriesInstanceUID"],
                instance=uids["SOPInstanceUID"],
                patient=patient,
                modality=readable_text(dataset, "Modality"),
                series_number=read.integer(dataset, "SeriesNumber"),
                instance_number=read.integer(dataset, "InstanceNumber"),
                time=_time(dataset, groups),
                plane=_plane(whole, groups),
                echo_time_ms=_echo_time(whole, groups),
                echo_number=read.integer(dataset, "EchoNumbers"),
                hints=_hints(whole, groups),
                sequence=_with_timing(sequence, whole, groups) if enhanced else sequence,
                scale=_scale(whole, groups),
                pixels=pixels,
                private_words=words,
                acquisition_number=read.integer(dataset, "AcquisitionNumber"),
                temporal_position=read.integer(dataset, "TemporalPositionIdentifier")
                if not enhanced
                else read.integer(groups.get("FrameContentSequence"), "TemporalPositionIndex"),
            )
        )
    if readable_text(dataset, "BurnedInAnnotation").upper() == "YES":
        read.notes.append("BurnedInAnnotation (0028,0301) is YES: text may stand over pixels")
    return tuple(replace(frame, notes=tuple(read.notes)) for frame in frames)


def _uid(whole: _File, name: str) -> str:
    """Return a UID; what lacks is noted, and distinguished by other elements."""
    found = whole.read.text(whole.dataset, name)
    if not found:
        whole.read.notes.append(f"{element_name(name)} is absent")
    return found


@dataclass(frozen=True)
class _File:
    """A dataset, what reads its elements, and where private elements lie in it."""

    dataset: Dataset
    read: Tolerant

    @cached_property
    def private(self) -> PrivateBlocks:
        """Its private blocks."""
        return PrivateBlocks(self.dataset)

    @cached_property
    def vendor(self) -> str:
        """The manufacturer, upper case."""
        return readable_text(self.dataset, "Manufacturer").upper()

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


def _echo_time(whole: _File, groups: _Groups) -> float | None:
    echo = groups.get("MREchoSequence")
    effective = whole.read.number(echo, "EffectiveEchoTime", needed=True)
    return whole.read.number(echo, "EchoTime", needed=True) if effective is None else effective


def _time(dataset: Dataset, groups: _Groups) -> str:
    content = groups.get("FrameContentSequence")
    moment = readable_text(content, "FrameAcquisitionDateTime") or readable_text(
        dataset, "AcquisitionDateTime"
    )
    return moment or readable_text(dataset, "AcquisitionDate") + readable_text(dataset, "AcquisitionTime")


def _plane(whole: _File, groups: _Groups) -> Plane | None:
    read = whole.read
    position = read.vector(groups.get("PlanePositionSequence"), "ImagePositionPatient", 3)
    orientation = read.vector(groups.get("PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    measures = groups.get("PixelMeasuresSequence")
    spacing = read.vector(measures, "PixelSpacing", 2)
    found = {
        "ImagePositionPatient": position,
        "ImageOrientationPatient": orientation,
        "PixelSpacing": spacing,
    }
    if position is None or orientation is None or spacing is None:
        lacking = [f"{element_name(name)} is absent" for name, value in found.items() if value is None]
        read.notes.extend(note for note in lacking if note not in read.notes)
        return None
    thickness = read.number(measures, "SpacingBetweenSlices") or read.number(measures, "SliceThickness")
    frame_of_reference = readable_text(whole.dataset, "FrameOfReferenceUID")
    plane = Plane(position, orientation, spacing, thickness, frame_of_reference)  # type: ignore[arg-type]
    fault = check_plane(plane)
    if fault:
        raise DamagedElementError(fault)
    return plane


def _hints(whole: _File, groups: _Groups) -> Hints:
    dataset = whole.dataset
    enhanced = groups.own is not None
    kind = groups.get("MRImageFrameTypeSequence")
    ge = whole.private.find(0x0043, GE_PARAMETERS) if whole.may_be_ge else None
    component = readable_text(kind, "ComplexImageComponent")
    return Hints(
        image_type=_upper(whole.read.texts(dataset, "ImageType")),
        frame_type=_upper(whole.read.texts(kind, "FrameType")) if enhanced else (),
        philips_type=_upper(_philips_type(whole, groups)) if whole.vendor.startswith("PHILIPS") else (),
        component=(component or readable_text(dataset, "ComplexImageComponent")).upper(),
        ge_component=None if ge is None else whole.read.integer(dataset, ge + 0x2F),
        ge_variant=None if ge is None else whole.read.integer(dataset, ge + 0x30),
        description=readable_text(dataset, "SeriesDescription"),
        protocol=readable_text(dataset, "ProtocolName"),
    )


def _philips_type(whole: _File, groups: _Groups) -> tuple[str, ...]:
    """Return Philips' own type: of an enhanced frame the ImageType it would have as a classic image."""
    if groups.own is None:
        return texts(whole.dataset, whole.private.find(0x2005, PHILIPS_CLASSIC) + 0x11)
    classic = item(groups.own, PrivateBlocks(groups.own).find(0x2005, PHILIPS_ENHANCED) + 0x0F)
    return texts(classic, "ImageType")[2:]


def _sequence(whole: _File) -> Sequence:
    dataset, read = whole.dataset, whole.read
    own = _ge_facts(whole) if whole.may_be_ge else {}
    names = own.pop("name", ""), read.text(dataset, "SequenceName"), read.text(dataset, "PulseSequenceName")
    filters = own.pop("filters", "") + read.text(dataset, "KSpaceFiltering")
    return Sequence(
        vendor=readable_text(dataset, "Manufacturer"),
        model=readable_text(dataset, "ManufacturerModelName"),
        software=readable_text(dataset, "SoftwareVersions"),
        scanning_sequence=read.text(dataset, "ScanningSequence").upper(),
        name="\\".join(name for name in names if name),
        options=read.text(dataset, "ScanOptions").upper(),
        repetition_time_ms=read.number(dataset, "RepetitionTime"),
        flip_angle_deg=read.number(dataset, "FlipAngle"),
        imaging_frequency_mhz=_megahertz(read.number(dataset, "ImagingFrequency")),
        field_strength_t=_tesla(read.number(dataset, "MagneticFieldStrength")),
        acquired_matrix=_acquired_matrix(read.numbers(dataset, "AcquisitionMatrix")),
        filters=filters,
        **own,
    )


def _ge_facts(whole: _File) -> dict[str, Any]:
    """Return what GE writes into private elements."""
    dataset, private, read = whole.dataset, whole.private, whole.read
    acquisition = private.find(0x0019, GE_ACQUISITION)
    parameters = private.find(0x0043, GE_PARAMETERS)
    echoes = read.integer(dataset, acquisition + 0x7E)
    if not echoes:
        user_value = read.number(dataset, acquisition + 0xA9)
        echoes = int(user_value) if user_value and 0 < user_value < 100 else None
    return {
        "name": read.text(dataset, acquisition + 0x9C),
        "filters": read.text(dataset, parameters + 0x97),
        "declared_echoes": echoes,
        "deep_learning": read.text(dataset, parameters + 0xCA),
        "locations": read.integer(dataset, private.find(0x0021, GE_RELATIONS) + 0x4F),
    }


def _with_timing(sequence: Sequence, whole: _File, groups: _Groups) -> Sequence:
    """Return the sequence with what an enhanced file says in functional groups."""
    read, timing = whole.read, groups.get("MRTimingAndRelatedParametersSequence")
    view = groups.get("MRFOVGeometrySequence")
    frequency_steps = read.integer(view, "MRAcquisitionFrequencyEncodingSteps")
    phase_steps = read.integer(view, "MRAcquisitionPhaseEncodingStepsInPlane")
    transmitter = read.number(groups.get("MRImagingModifierSequence"), "TransmitterFrequency")
    return replace(
        sequence,
        repetition_time_ms=read.number(timing, "RepetitionTime"),
        flip_angle_deg=read.number(timing, "FlipAngle"),
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


def _scale(whole: _File, groups: _Groups) -> ValueScale:
    read, transform = whole.read, groups.get("PixelValueTransformationSequence")
    mapping = item(whole.dataset, "RealWorldValueMappingSequence")
    if groups.own is not None:
        mapping = groups.get("RealWorldValueMappingSequence") or mapping
    return ValueScale(
        slope=read.number(transform, "RescaleSlope", needed=True),
        intercept=read.number(transform, "RescaleIntercept", needed=True),
        rescale_unit=read.text(transform, "RescaleType").upper(),
        real_slope=read.number(mapping, "RealWorldValueSlope", needed=True),
        real_intercept=read.number(mapping, "RealWorldValueIntercept", needed=True),
        real_unit=read.text(item(mapping, "MeasurementUnitsCodeSequence"), "CodeValue"),
    )


def _upper(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.upper() for word in words)
