"""What a file is, from its header alone: images, other DICOM, damaged or foreign."""

from __future__ import annotations

import logging
import mmap
import struct
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
    ParametricMapStorage,
)

from qmri.ingest.headers.elements import (
    DamagedElementError,
    element_name,
    integer,
    readable_text,
    text,
)
from qmri.ingest.headers.frames import read_frames
from qmri.ingest.headers.header import FileHeader, PixelFormat
from qmri.ingest.headers.identity import patient_identity
from qmri.ingest.headers.optional_elements import Tolerant

# It comments on odd headers, which are judged here; its own words would stand on the user's terminal.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

ENHANCED = (EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage, ParametricMapStorage)
IMAGES = (MRImageStorage, *ENHANCED)
PIXEL_ELEMENTS = {0x7FE00010: "integer", 0x7FE00008: "float", 0x7FE00009: "double"}
GREYSCALE = ("MONOCHROME1", "MONOCHROME2", "")
MODALITIES = ("OT", "SC", "PR", "CT", "US", "SR", "SEG", "REG")
PREAMBLE = 132


def read_file(path: Path) -> FileHeader:
    """Read what a file holds. Damage is a finding, not an error.

    Returns
    -------
    FileHeader
        With one frame for each image; see there for the kinds.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom comments on values; they are checked here
            if path.stat().st_size < PREAMBLE:
                return FileHeader(path, "foreign")
            # Mapped, no more can be read than there is: a damaged length would claim that much memory.
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _read(path, content)
    except OSError as error:
        return FileHeader(path, "damaged", reason=type(error).__name__)


@dataclass(frozen=True)
class _Parsed:
    """What pydicom makes of a file up to its pixels."""

    dataset: Dataset
    transfer_syntax: str
    media_class: str
    pixel_kind: str
    offset: int


def _read(path: Path, file: mmap.mmap) -> FileHeader:
    start = file.read(PREAMBLE)
    file.seek(0)
    part10 = start[128:132] == b"DICM"
    if not part10 and not _looks_like_dicom(start):
        return FileHeader(path, "foreign")
    with pydicom.config.disable_value_validation():
        try:
            parsed = _parse(file, part10)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  pydicom raises whatever its parsing of damage runs into
            return FileHeader(path, "damaged" if part10 else "foreign", reason=type(error).__name__)
        try:
            return _sort_out(path, parsed)
        except DamagedElementError as error:
            return FileHeader(path, "damaged", reason=str(error), label=_label(parsed.dataset))


def _label(dataset: Dataset) -> str:
    """Return which image a damaged file holds, as far as its header tells."""
    read = Tolerant()
    numbers = read.integer(dataset, "SeriesNumber"), read.integer(dataset, "InstanceNumber")
    series, instance = ("without number" if number is None else str(number) for number in numbers)
    return f"series {series}, instance {instance}"


def _looks_like_dicom(start: bytes) -> bool:
    """Tell whether a file without preamble begins with an element of group 2 or 8."""
    return len(start) >= 8 and start[:2] in (b"\x02\x00", b"\x08\x00") and start[3] == 0 and start[2] < 0x60


def _parse(file: mmap.mmap, part10: bool) -> _Parsed:
    dataset = pydicom.dcmread(cast("BinaryIO", file), stop_before_pixels=True, force=not part10)
    offset = file.tell()
    meta = dataset.file_meta
    syntax = str(meta.get("TransferSyntaxUID", ""))
    if syntax == DeflatedExplicitVRLittleEndian:
        file.seek(0)  # the deflated part cannot be read up to an element
        whole = pydicom.dcmread(cast("BinaryIO", file))
        kind = next((kind for tag, kind in PIXEL_ELEMENTS.items() if tag in whole), "")
    else:
        order = "<" if dataset.original_encoding[1] is not False else ">"
        start = file.read(4)
        group, element = struct.unpack(f"{order}HH", start) if len(start) == 4 else (0, 0)
        kind = PIXEL_ELEMENTS.get(group << 16 | element, "")
    return _Parsed(dataset, syntax, str(meta.get("MediaStorageSOPClassUID", "")), kind, offset)


def _sort_out(path: Path, parsed: _Parsed) -> FileHeader:
    dataset = parsed.dataset
    patient = patient_identity(dataset)
    uid = text(dataset, "SOPClassUID") or parsed.media_class
    modality = readable_text(dataset, "Modality").upper()
    if not uid and not modality:
        return FileHeader(path, "damaged", reason="SOPClassUID (0008,0016) is absent", label=_label(dataset))
    if uid not in IMAGES or (modality not in ("MR", "") and uid == ParametricMapStorage):
        reason = f"SOPClassUID (0008,0016) of {_storage_name(uid)}"
        return FileHeader(path, "other", patient=patient, reason=reason)
    if not parsed.pixel_kind:
        return FileHeader(path, "damaged", patient=patient, reason="no pixels", label=_label(dataset))
    pixels = _pixel_format(parsed)
    enhanced = uid in ENHANCED
    grey = pixels.samples == 1 and readable_text(dataset, "PhotometricInterpretation") in GREYSCALE
    if not grey or (pixels.frames > 1 and not enhanced):
        layout = (
            f"SamplesPerPixel (0028,0002) {pixels.samples}, NumberOfFrames (0028,0008) {pixels.frames} or "
            "PhotometricInterpretation (0028,0004) not of a single grey image"
        )
        return FileHeader(path, "other", patient=patient, reason=layout)
    frames = read_frames(path, dataset, pixels, enhanced=enhanced)
    if modality != "MR":
        shown = modality if modality in MODALITIES else "not MR" if modality else "absent"
        note = f"Modality (0008,0060) is {shown} in an MR image"
        frames = tuple(replace(frame, notes=(*frame.notes, note)) for frame in frames)
    return FileHeader(path, "image", frames, patient)


def _storage_name(uid: str) -> str:
    """Return what a SOP class holds, in DICOM's words."""
    name = pydicom.uid.UID(uid).name
    return name if name != uid else "an unknown class"  # an unknown one could be any text


def _pixel_format(parsed: _Parsed) -> PixelFormat:
    dataset, kind = parsed.dataset, parsed.pixel_kind

    def whole(name: str, default: int | None = None) -> int:
        value = integer(dataset, name)
        if value is None:
            value = default
        if value is None or not 0 <= value <= 2**16:
            raise DamagedElementError("absent" if value is None else f"{value}", element_name(name))
        return value

    frames = whole("NumberOfFrames", 1) or 1
    allocated = whole("BitsAllocated", {"float": 32, "double": 64}.get(kind))
    stored = whole("BitsStored", allocated)
    return PixelFormat(
        rows=whole("Rows"),
        columns=whole("Columns"),
        frames=frames,
        samples=whole("SamplesPerPixel", 1),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=whole("HighBit", max(stored - 1, 0)),
        signed=whole("PixelRepresentation", 0) == 1,
        kind=kind,
        transfer_syntax=parsed.transfer_syntax,
        lossy=text(dataset, "LossyImageCompression"),
        offset=parsed.offset,
        padding=_padding(dataset, stored, signed=whole("PixelRepresentation", 0) == 1),
    )


def _padding(dataset: Dataset, bits: int, *, signed: bool) -> tuple[int, int] | None:
    """Return the range of values that stand for none, with their sign; None where none can be read."""
    try:
        value = integer(dataset, "PixelPaddingValue")
        limit = integer(dataset, "PixelPaddingRangeLimit")
    except DamagedElementError:
        return None
    if value is None or not 0 < bits <= 64:
        return None

    def stored(number: int) -> int:
        full = 1 << bits
        low = number % full
        return low - full if signed and low >= full // 2 else low

    return stored(value), stored(value if limit is None else limit)
