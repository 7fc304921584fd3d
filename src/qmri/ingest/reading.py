"""Read the header of one file, classic or enhanced, into its images; pixels are not touched."""

from __future__ import annotations

import mmap
import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
    ParametricMapStorage,
)

from qmri.ingest.elements import (
    DamagedElementError,
    PrivateBlocks,
    integer,
    item,
    number,
    numbers,
    text,
    texts,
    values,
    vector,
)
from qmri.ingest.header import FileHeader, Frame, Hints, Patient, PixelFormat, Sequence, ValueScale
from qmri.ingest.plane import Plane, check_plane

ENHANCED = (EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage, ParametricMapStorage)
IMAGES = (MRImageStorage, *ENHANCED)
PIXEL_ELEMENTS = {0x7FE00010: "integer", 0x7FE00008: "float", 0x7FE00009: "double"}
MOST_FRAMES = 100_000
# Elements whose words could identify a person if they stood in a description as well.
PRIVATE_ELEMENTS = (
    0x00100010, 0x00100020, 0x00100030, 0x00101001, 0x00080050, 0x00080080, 0x00080090,
    0x00081010, 0x00081050, 0x00081070, 0x00081060, 0x00200010, 0x00080020, 0x00101040,
)  # fmt: skip
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


def _read(path: Path, file: mmap.mmap) -> FileHeader:
    start = file.read(PREAMBLE)
    file.seek(0)
    part10 = start[128:132] == b"DICM"
    if not part10 and not _looks_like_dicom(start):
        return FileHeader(path, "foreign")
    try:
        with pydicom.config.disable_value_validation():
            dataset = pydicom.dcmread(cast("BinaryIO", file), stop_before_pixels=True, force=not part10)
            offset = file.tell()
            return _sort_out(path, dataset, offset, _pixel_kind(file, dataset))
    except (InvalidDicomError, DamagedElementError) as error:
        return FileHeader(path, "damaged", reason=str(error).splitlines()[0][:80] if part10 else "")
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  pydicom raises whatever its parsing of damaged bytes runs into
        return FileHeader(path, "damaged", reason=type(error).__name__)


def _looks_like_dicom(start: bytes) -> bool:
    """Tell whether a file without preamble begins with an element of group 2 or 8."""
    return len(start) >= 8 and start[:2] in (b"\x02\x00", b"\x08\x00") and start[3] == 0 and start[2] < 0x60


def _pixel_kind(file: mmap.mmap, dataset: Dataset) -> str:
    """Return what holds the pixels, from the element at which the reading stopped."""
    if str(getattr(dataset.file_meta, "TransferSyntaxUID", "")) == DeflatedExplicitVRLittleEndian:
        file.seek(0)  # the deflated part cannot be read up to an element
        whole = pydicom.dcmread(cast("BinaryIO", file))
        return next((kind for tag, kind in PIXEL_ELEMENTS.items() if tag in whole), "")
    start = file.read(4)
    little = dataset.original_encoding[1] is not False
    order = "little" if little else "big"
    group = int.from_bytes(start[:2], order)  # type: ignore[arg-type]
    element = int.from_bytes(start[2:], order)  # type: ignore[arg-type]
    return PIXEL_ELEMENTS.get(group << 16 | element, "") if len(start) == 4 else ""


def _sort_out(path: Path, dataset: Dataset, offset: int, pixel_kind: str) -> FileHeader:
    patient = _patient(dataset)
    uid = text(dataset, 0x00080016)
    if not uid and not text(dataset, 0x00080060):
        meta = getattr(dataset, "file_meta", None)
        is_dicomdir = str(getattr(meta, "MediaStorageSOPClassUID", "")) == "1.2.840.10008.1.3.10"
        return FileHeader(path, "other" if is_dicomdir else "damaged", reason="no SOP class")
    if uid not in IMAGES or text(dataset, 0x00080060) != "MR":
        return FileHeader(path, "other", patient=patient)
    pixels = _pixel_format(dataset, offset, pixel_kind)
    if not pixel_kind or pixels.samples != 1 or text(dataset, 0x00280004) not in ("MONOCHROME2", ""):
        kind = "damaged" if not pixel_kind else "other"
        return FileHeader(path, kind, patient=patient, reason="no pixels" if not pixel_kind else "")
    if not text(dataset, 0x00080018) or not text(dataset, 0x0020000E) or not text(dataset, 0x0020000D):
        return FileHeader(path, "damaged", patient=patient, reason="no UIDs")
    enhanced = uid in ENHANCED
    if pixels.frames > 1 and not enhanced:
        return FileHeader(path, "other", patient=patient)
    words = frozenset(word for tag in PRIVATE_ELEMENTS for word in _words(text(dataset, tag)))
    private = PrivateBlocks(dataset)
    shared = _Shared(path, dataset, patient, pixels, _sequence(dataset, private), words)
    frames = tuple(
        _frame(shared, _Parts(dataset, private, index, enhanced)) for index in range(pixels.frames)
    )
    return FileHeader(path, "image", frames, patient)


@dataclass(frozen=True)
class _Shared:
    """What all images of a file share."""

    path: Path
    dataset: Dataset
    patient: Patient
    pixels: PixelFormat
    sequence: Sequence
    private_words: frozenset[str]


class _Parts:
    """The functional groups of a frame; for a classic image each of them is the image itself."""

    def __init__(self, dataset: Dataset, private: PrivateBlocks, index: int, enhanced: bool) -> None:
        self.dataset, self.private, self.index, self.enhanced = dataset, private, index, enhanced
        self.shared = item(dataset, 0x52009229) if enhanced else dataset
        self.own = Dataset()
        if enhanced:
            per_frame = values(dataset, 0x52009230)
            if len(per_frame) <= index or not isinstance(per_frame[index], Dataset):
                raise DamagedElementError("fewer functional groups than frames")
            self.own = per_frame[index]

    def group(self, tag: int) -> Dataset:
        """Return a functional group: of the frame, else shared by all."""
        if not self.enhanced:
            return self.dataset
        return item(self.own, tag) if tag in self.own else item(self.shared, tag)


def _frame(shared: _Shared, parts: _Parts) -> Frame:
    dataset = shared.dataset
    echo = parts.group(0x00189114)
    effective = number(echo, 0x00189082)
    echo_time = number(echo, 0x00180081) if effective is None else effective
    content = parts.group(0x00209111)
    acquired = text(content, 0x00189074) or text(dataset, 0x0008002A)
    acquired = acquired or text(dataset, 0x00080022) + text(dataset, 0x00080032)
    return Frame(
        path=shared.path,
        index=parts.index,
        study=text(dataset, 0x0020000D),
        series=text(dataset, 0x0020000E),
        instance=text(dataset, 0x00080018),
        patient=shared.patient,
        modality=text(dataset, 0x00080060),
        series_number=integer(dataset, 0x00200011),
        instance_number=integer(dataset, 0x00200013),
        time=acquired,
        plane=_plane(dataset, parts),
        echo_time_ms=echo_time,
        echo_number=integer(dataset, 0x00180086),
        hints=_hints(dataset, parts),
        sequence=_with_timing(shared.sequence, parts) if parts.enhanced else shared.sequence,
        scale=_scale(dataset, parts),
        pixels=shared.pixels,
        private_words=shared.private_words,
    )


def _plane(dataset: Dataset, parts: _Parts) -> Plane | None:
    position = vector(parts.group(0x00209113), 0x00200032, 3)
    orientation = vector(parts.group(0x00209116), 0x00200037, 6)
    measures = parts.group(0x00289110)
    spacing = vector(measures, 0x00280030, 2)
    if position is None or orientation is None or spacing is None:
        return None
    between, thickness = number(measures, 0x00180088), number(measures, 0x00180050)
    plane = Plane(position, orientation, spacing, between or thickness, text(dataset, 0x00200052))  # type: ignore[arg-type]
    fault = check_plane(plane)
    if fault:
        raise DamagedElementError(fault)
    return plane


def _hints(dataset: Dataset, parts: _Parts) -> Hints:
    kind = parts.group(0x00189226)
    vendor = text(dataset, 0x00080070).upper()
    ge = parts.private.find(0x0043, "GEMS_PARM_01") if _may_be_ge(vendor) else None
    return Hints(
        image_type=_upper(texts(dataset, 0x00080008)),
        frame_type=_upper(texts(kind, 0x00089007)) if parts.enhanced else (),
        philips_type=_upper(_philips_type(dataset, parts)) if vendor.startswith("PHILIPS") else (),
        component=(text(kind, 0x00089208) or text(dataset, 0x00089208)).upper(),
        ge_component=None if ge is None else integer(dataset, ge + 0x2F),
        ge_variant=None if ge is None else integer(dataset, ge + 0x30),
        description=text(dataset, 0x0008103E),
        protocol=text(dataset, 0x00181030),
    )


def _philips_type(dataset: Dataset, parts: _Parts) -> tuple[str, ...]:
    """Return Philips' own type: of an enhanced frame the ImageType it would have as a classic image."""
    if parts.enhanced:
        own = PrivateBlocks(parts.own)
        classic = item(parts.own, own.find(0x2005, "PHILIPS MR IMAGING DD 005") + 0x0F)
        return texts(classic, 0x00080008)[2:]
    return texts(dataset, parts.private.find(0x2005, "PHILIPS MR IMAGING DD 001") + 0x11)


def _sequence(dataset: Dataset, private: PrivateBlocks) -> Sequence:
    vendor = text(dataset, 0x00080070)
    own = _ge_facts(dataset, private) if _may_be_ge(vendor.upper()) else {}
    names = (own.pop("name", ""), text(dataset, 0x00180024), text(dataset, 0x00189005))
    filters = own.pop("filters", "") + text(dataset, 0x00189064)
    return Sequence(
        vendor=vendor,
        model=text(dataset, 0x00081090),
        software=text(dataset, 0x00181020),
        scanning_sequence=text(dataset, 0x00180020).upper(),
        name="\\".join(name for name in names if name),
        options=text(dataset, 0x00180022).upper(),
        repetition_time_ms=number(dataset, 0x00180080),
        flip_angle_deg=number(dataset, 0x00181314),
        imaging_frequency_mhz=_megahertz(number(dataset, 0x00180084)),
        field_strength_t=_tesla(number(dataset, 0x00180087)),
        acquired_matrix=_acquired_matrix(numbers(dataset, 0x00181310)),
        filters=filters,
        **own,
    )


def _megahertz(frequency: float | None) -> float | None:
    """Return a frequency in MHz; old software wrote Hz."""
    return frequency * 1e-6 if frequency is not None and frequency > 1e6 else frequency


def _tesla(field: float | None) -> float | None:
    """Return a field in T; old software wrote gauss."""
    return field * 1e-4 if field is not None and field > 100 else field


def _may_be_ge(vendor: str) -> bool:
    return vendor.startswith("GE") or not vendor


def _ge_facts(dataset: Dataset, private: PrivateBlocks) -> dict[str, Any]:
    """Return what GE writes into private elements."""
    acquisition = private.find(0x0019, "GEMS_ACQU_01")
    parameters = private.find(0x0043, "GEMS_PARM_01")
    echoes = integer(dataset, acquisition + 0x7E)
    if not echoes:
        second = number(dataset, acquisition + 0xA9)
        echoes = int(second) if second and 0 < second < 100 else None
    return {
        "name": text(dataset, acquisition + 0x9C),
        "filters": text(dataset, parameters + 0x97),
        "declared_echoes": echoes,
        "deep_learning": text(dataset, parameters + 0xCA),
        "locations": integer(dataset, private.find(0x0021, "GEMS_RELA_01") + 0x4F),
    }


def _with_timing(sequence: Sequence, parts: _Parts) -> Sequence:
    """Return the sequence with what an enhanced file says in functional groups."""
    timing, field_of_view = parts.group(0x00189112), parts.group(0x00189125)
    samples = integer(field_of_view, 0x00189058), integer(field_of_view, 0x00189231)
    frequency = number(parts.group(0x00189006), 0x00189098)
    return replace(
        sequence,
        repetition_time_ms=number(timing, 0x00180080),
        flip_angle_deg=number(timing, 0x00181314),
        imaging_frequency_mhz=sequence.imaging_frequency_mhz or frequency,
        acquired_matrix=(samples[0], samples[1]) if samples[0] and samples[1] else None,
    )


def _acquired_matrix(found: tuple[float, ...]) -> tuple[int, int] | None:
    """Return (frequency, phase) of (0018,1310): frequency rows, columns, phase rows, columns."""
    if len(found) != 4:
        return None
    frequency, phase = max(found[:2]), max(found[2:])
    return (int(frequency), int(phase)) if frequency > 0 and phase > 0 else None


def _scale(dataset: Dataset, parts: _Parts) -> ValueScale:
    transform = parts.group(0x00289145)
    mapping = item(dataset, 0x00409096)
    if parts.enhanced:
        mapping = parts.group(0x00409096) or mapping
    return ValueScale(
        slope=number(transform, 0x00281053),
        intercept=number(transform, 0x00281052),
        rescale_unit=text(transform, 0x00281054).upper(),
        real_slope=number(mapping, 0x00409225),
        real_intercept=number(mapping, 0x00409224),
        real_unit=text(item(mapping, 0x004008EA), 0x00080100),
    )


def _pixel_format(dataset: Dataset, offset: int, kind: str) -> PixelFormat:
    def whole(tag: int, default: int | None = None) -> int:
        value = integer(dataset, tag)
        if value is None:
            value = default
        if value is None or not 0 <= value <= 2**16:
            raise DamagedElementError("no shape of the image")
        return value

    meta = getattr(dataset, "file_meta", None)
    frames = whole(0x00280008, 1) or 1
    if frames > MOST_FRAMES:
        raise DamagedElementError("an impossible number of frames")
    allocated = whole(0x00280100, {"float": 32, "double": 64}.get(kind))
    stored = whole(0x00280101, allocated)
    return PixelFormat(
        rows=whole(0x00280010),
        columns=whole(0x00280011),
        frames=frames,
        samples=whole(0x00280002, 1),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=whole(0x00280102, max(stored - 1, 0)),
        signed=whole(0x00280103, 0) == 1,
        kind=kind,
        transfer_syntax=str(getattr(meta, "TransferSyntaxUID", "")),
        lossy=text(dataset, 0x00282110),
        offset=offset,
    )


def _patient(dataset: Dataset) -> Patient:
    identifier, name = text(dataset, 0x00100020), text(dataset, 0x00100010)
    return Patient(
        identifier.casefold(),
        re.sub(r"[\s^=,]+", " ", name).strip().casefold(),
        text(dataset, 0x00100030),
    )


def _words(content: str) -> list[str]:
    return [word for word in re.split(r"[^\w]+", content.casefold()) if len(word) >= 3]


def _upper(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.upper() for word in words)
