"""The facts of one image, read from its header without its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qmri.ingest.headers.identity import PatientIdentity
from qmri.ingest.headers.plane import Plane


@dataclass(frozen=True)
class PixelFormat:
    """How the pixels of a file are stored.

    Attributes
    ----------
    rows, columns, frames, samples
        Shape of the array.
    bits_allocated, bits_stored, high_bit, signed
        Layout of an integer pixel.
    kind
        "integer", "float" or "double", by the element that holds the pixels; empty if none does.
    transfer_syntax
        UID of the encoding; empty where the file does not say.
    lossy
        LossyImageCompression (0028,2110): "01" if there was loss, "00" if there was none, else empty.
    offset
        Byte position of the element that holds the pixels.
    padding
        Smallest and largest word that stands for no value, (0028,0120) and (0028,0121); None where absent.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    kind: str
    transfer_syntax: str
    lossy: str
    offset: int
    padding: tuple[int, int] | None = None


@dataclass(frozen=True)
class ValueScale:
    """How a stored value becomes a quantity.

    Attributes
    ----------
    slope, intercept
        Rescale (0028,1053) and (0028,1052); None where absent.
    rescale_unit
        RescaleType (0028,1054).
    real_slope, real_intercept, real_unit
        RealWorldValueMapping (0040,9096) and the code of its unit.
    """

    slope: float | None = None
    intercept: float | None = None
    rescale_unit: str = ""
    real_slope: float | None = None
    real_intercept: float | None = None
    real_unit: str = ""


@dataclass(frozen=True)
class Sequence:
    """How the image was acquired.

    Attributes
    ----------
    vendor, model, software
        Of the scanner.
    scanning_sequence, name, options
        (0018,0020); the vendor's name of the pulse sequence; (0018,0022).
    repetition_time_ms, flip_angle_deg, imaging_frequency_mhz, field_strength_t
        As in the header.
    acquired_matrix
        Samples along (frequency, phase).
    declared_echoes
        GE's own number of echoes, (0019,107E) or (0019,10A9).
    filters
        What is said about filters, GE (0043,1097) and (0018,9064).
    deep_learning
        GE (0043,10CA), the strength of Recon DL.
    locations
        GE (0021,104F), number of slices acquired.
    """

    vendor: str = ""
    model: str = ""
    software: str = ""
    scanning_sequence: str = ""
    name: str = ""
    options: str = ""
    repetition_time_ms: float | None = None
    flip_angle_deg: float | None = None
    imaging_frequency_mhz: float | None = None
    field_strength_t: float | None = None
    acquired_matrix: tuple[int, int] | None = None
    declared_echoes: int | None = None
    filters: str = ""
    deep_learning: str = ""
    locations: int | None = None


@dataclass(frozen=True)
class Hints:
    """What a header says about what an image shows.

    Attributes
    ----------
    image_type, frame_type, philips_type
        Words of (0008,0008), (0008,9007) and Philips' private type, upper case.
    component
        ComplexImageComponent (0008,9208).
    ge_component
        GE (0043,102F): 0 magnitude, 1 phase, 2 real, 3 imaginary.
    ge_variant
        GE (0043,1030), which may be all that tells two maps apart.
    description, protocol
        (0008,103E) and (0018,1030); free text, so never written to a result.
    """

    image_type: tuple[str, ...] = ()
    frame_type: tuple[str, ...] = ()
    philips_type: tuple[str, ...] = ()
    component: str = ""
    ge_component: int | None = None
    ge_variant: int | None = None
    description: str = ""
    protocol: str = ""


@dataclass(frozen=True, eq=False)
class Frame:
    """One image: a file of the classic kind, or one frame of an enhanced file.

    Attributes
    ----------
    path, index
        The file and the number of the frame in it, from 0.
    study, series, instance
        UIDs; for grouping alone, never written.
    patient
        Who was examined.
    modality, series_number, instance_number, time
        (0008,0060), (0020,0011), (0020,0013), and date and time of the acquisition.
    plane
        Where the image lies; None where the header does not say.
    echo_time_ms, echo_number
        Of this image.
    hints, sequence, scale, pixels
        See there.
    private_words
        Words that identify a person; taken out of what is shown of free text.
    acquisition_number, temporal_position
        (0020,0012) and (0020,0100), which tell repetitions apart.
    notes
        What was odd in the header and how it was taken; nothing of a person.
    """

    path: Path
    index: int
    study: str
    series: str
    instance: str
    patient: PatientIdentity
    modality: str
    series_number: int | None
    instance_number: int | None
    time: str
    plane: Plane | None
    echo_time_ms: float | None
    echo_number: int | None
    hints: Hints
    sequence: Sequence
    scale: ValueScale
    pixels: PixelFormat
    private_words: frozenset[str]
    acquisition_number: int | None = None
    temporal_position: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileHeader:
    """What a file was found to be.

    Attributes
    ----------
    path
        The file.
    kind
        "image"; "other" for DICOM that is no greyscale MR image; "damaged" for DICOM that cannot be
        read to the end of its header; "foreign" for everything else.
    frames
        The images; empty unless kind is "image".
    patient
        Who is named, where the file is DICOM of a patient.
    reason
        What was wrong with a damaged file; of other DICOM what it is.
    label
        Series and instance number of a damaged file, where it tells them.
    """

    path: Path
    kind: str
    frames: tuple[Frame, ...] = ()
    patient: PatientIdentity | None = None
    reason: str = ""
    label: str = ""
