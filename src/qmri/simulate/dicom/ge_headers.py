"""Headers of GE spoiled gradient echo images, as far as a reader could look at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage
from pydicom.valuerep import DSfloat

from qmri.images.grid import Grid
from qmri.simulate.dicom.scanner import UID_ROOT, Protocol, Registration, hashed_uid
from qmri.simulate.imaging.geometry import image_orientation, image_position, slice_location


@dataclass(frozen=True)
class Series:
    """A series of an scan.

    Attributes
    ----------
    number
        SeriesNumber.
    description
        SeriesDescription.
    key
        Words from which its UIDs are hashed; unique in the study.
    """

    number: int
    description: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """One image of a series.

    Attributes
    ----------
    pixels
        int16 array (column, row).
    index
        Index of the slice in the grid.
    instance
        InstanceNumber.
    image_type
        ImageType.
    component
        (0043,102F): 0 magnitude, 2 real, 3 imaginary.
    echo
        Index of the echo whose EchoTime stands in the header (for a map: a stale copy).
    variant
        (0043,1030), by which GE tells the maps of one series apart.
    window
        WindowCenter and WindowWidth.
    largest
        LargestImagePixelValue, right or a stale copy.
    """

    pixels: NDArray[np.int16]
    index: int
    instance: int
    image_type: tuple[str, ...]
    window: tuple[float, float]
    largest: int
    component: int = 0
    echo: int = 0
    variant: int = 0


@dataclass(frozen=True)
class Scan:
    """What all images of an examination share.

    Attributes
    ----------
    key
        Words from which its UIDs are hashed.
    implicit_vr
        Whether the files leave out the value representations, as old archives do.
    """

    registration: Registration
    protocol: Protocol
    grid: Grid
    key: tuple[str, ...]
    implicit_vr: bool = False


def make_dataset(scan: Scan, series: Series, frame: Frame) -> Dataset:
    """Return the complete dataset of an image."""
    dataset = Dataset()
    _describe_file(dataset, scan, series, frame)
    _describe_person(dataset, scan.registration)
    _describe_acquisition(dataset, scan.protocol, frame)
    _describe_geometry(dataset, scan, frame)
    _describe_pixels(dataset, frame)
    _add_private(dataset, scan.protocol, frame)
    return dataset


def _describe_file(dataset: Dataset, scan: Scan, series: Series, frame: Frame) -> None:
    instance = hashed_uid(*series.key, f"instance {frame.instance}")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if scan.implicit_vr else ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"{UID_ROOT}1")
    meta.ImplementationVersionName = "QMRI_SIMULATE"
    dataset.file_meta = meta
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = list(frame.image_type)
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = instance
    dataset.Modality = "MR"
    dataset.StudyInstanceUID = hashed_uid(*scan.key, "study")
    dataset.SeriesInstanceUID = hashed_uid(*series.key, "series")
    dataset.FrameOfReferenceUID = hashed_uid(*scan.key, "frame of reference")
    dataset.SeriesNumber = series.number
    dataset.SeriesDescription = series.description
    dataset.InstanceNumber = frame.instance
    dataset.AcquisitionNumber = 1


def _describe_person(dataset: Dataset, who: Registration) -> None:
    dataset.PatientName = who.name
    dataset.PatientID = who.identifier
    dataset.PatientBirthDate = who.birth_date
    dataset.PatientSex = who.sex
    dataset.PatientAge = who.age
    dataset.PatientAddress = who.address
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = who.study_date
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = who.study_time
    dataset.AccessionNumber = who.accession
    dataset.StudyID = who.study_id
    dataset.StudyDescription = "SPINE"
    dataset.InstitutionName = who.institution
    dataset.ReferringPhysicianName = who.referring
    dataset.OperatorsName = who.operator
    dataset.StationName = who.station


def _describe_acquisition(dataset: Dataset, protocol: Protocol, frame: Frame) -> None:
    dataset.Manufacturer = "GE MEDICAL SYSTEMS"
    dataset.ManufacturerModelName = protocol.model
    dataset.SoftwareVersions = list(protocol.software)
    dataset.DeviceSerialNumber = "0000000INVENTED"
    dataset.ProtocolName = protocol.name
    dataset.BodyPartExamined = "LSPINE"
    dataset.ScanningSequence = "GR"
    dataset.SequenceVariant = ["SS", "SK"]
    dataset.ScanOptions = ["EDR_GEMS", "IDEAL_GEMS"]
    dataset.MRAcquisitionType = "3D"
    dataset.RepetitionTime = _decimal(1e3 * protocol.repetition_time_s)
    dataset.EchoTime = _decimal(1e3 * protocol.echo_times_s[frame.echo])
    dataset.EchoNumbers = frame.echo + 1
    # Of an interleaved train GE writes the echoes of one shot, so the tag does not tell their number.
    dataset.EchoTrainLength = max(1, len(protocol.echo_times_s) // 2)
    dataset.NumberOfAverages = _decimal(1.0)
    dataset.ImagingFrequency = _decimal(protocol.imaging_frequency_mhz)
    dataset.ImagedNucleus = "1H"
    dataset.MagneticFieldStrength = _decimal(protocol.field_t)
    dataset.PixelBandwidth = _decimal(1302.08)
    dataset.FlipAngle = _decimal(protocol.flip_angle_deg)
    frequency, phase = protocol.acquired_matrix
    dataset.AcquisitionMatrix = [0, frequency, phase, 0]
    dataset.InPlanePhaseEncodingDirection = "ROW"
    dataset.PatientPosition = "HFS"


def _describe_geometry(dataset: Dataset, scan: Scan, frame: Frame) -> None:
    grid = scan.grid
    column_mm, row_mm, slice_mm = grid.voxel_size_mm
    dataset.SliceThickness = dataset.SpacingBetweenSlices = _decimal(slice_mm)
    dataset.ImagePositionPatient = [_decimal(value) for value in image_position(grid, frame.index)]
    dataset.ImageOrientationPatient = [_decimal(value) for value in image_orientation(grid)]
    dataset.SliceLocation = _decimal(slice_location(grid, frame.index))
    dataset.StackID = "1"
    dataset.InStackPositionNumber = frame.index + 1
    dataset.PixelSpacing = [_decimal(row_mm), _decimal(column_mm)]


def _describe_pixels(dataset: Dataset, frame: Frame) -> None:
    columns, rows = frame.pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.SmallestImagePixelValue = 0
    dataset.LargestImagePixelValue = frame.largest
    dataset.WindowCenter, dataset.WindowWidth = (_decimal(value) for value in frame.window)
    dataset.PixelData = np.ascontiguousarray(frame.pixels.T, dtype="<i2").tobytes()
    dataset["PixelData"].VR = "OW"


def _add_private(dataset: Dataset, protocol: Protocol, frame: Frame) -> None:
    identity = dataset.private_block(0x0009, "GEMS_IDEN_01", create=True)
    identity.add_new(0x02, "SH", "GEHC")
    identity.add_new(0x04, "SH", "SIGNA")
    acquisition = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    acquisition.add_new(0x7E, "SS", len(protocol.echo_times_s))
    acquisition.add_new(0x9C, "LO", "ideal3darc")
    acquisition.add_new(0x9E, "LO", "EFGRE3D")
    parameters = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    parameters.add_new(0x2F, "SS", frame.component)
    parameters.add_new(0x30, "SS", frame.variant)


def _decimal(value: float) -> DSfloat:
    return DSfloat(float(value), auto_format=True)
