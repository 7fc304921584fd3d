"""A water-fat phantom and the DICOM that scanners would make of it, from the facts alone.

Nothing here uses qmri: the spectrum, the geometry and the headers are written down a second time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from qmri.outputs import FILES
from qmri.pipeline.stages.ingest import ingest

PLANTED = ("PLANTED^PATIENTNAME", "PLANTED-QZX-KYW", "19480213", "Planted Hospital", "PLANTED-ACC-99")
REN9_PPM = np.array([0.90, 1.30, 1.60, 2.02, 2.24, 2.75, 4.20, 5.19, 5.29])
REN9_AMPLITUDE = np.array([0.090, 0.584, 0.060, 0.085, 0.060, 0.015, 0.040, 0.010, 0.057])
WATER_PPM = 1.3 + 3.748 - 0.01085 * 37.0


@dataclass
class Phantom:
    """Fat fraction rises along x, R2* along y; air around it. Arrays (x, y, z)."""

    shape: tuple[int, int, int] = (32, 40, 6)
    spacing: tuple[float, float, float] = (1.6, 1.4, 4.0)
    orientation: tuple[float, ...] = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    position: tuple[float, float, float] = (-11.0, -30.0, 40.0)
    slice_step: int = 1
    frequency_mhz: float = 127.74
    echo_times_ms: tuple[float, ...] = (1.2, 2.2, 3.2, 4.2, 5.2, 6.2)
    noise: float = 8.0
    seed: int = 1
    sop: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in self.shape), indexing="ij")
        self.body = (x**2 + y**2) < 0.8
        self.pdff = np.where(self.body, 50.0 + 55.0 * x, 0.0).clip(0, 100)
        self.r2star = np.where(self.body, 80.0 + 55.0 * y, 0.0)
        self.field_hz = 40.0 * x - 25.0 * y * y + 10 * z
        self.total = np.where(self.body, 1000.0 + 100.0 * z, 0.0)
        self.rng = np.random.default_rng(self.seed)

    @property
    def water(self) -> np.ndarray:
        return self.total * (1 - self.pdff / 100)

    @property
    def fat(self) -> np.ndarray:
        return self.total * self.pdff / 100

    @property
    def normal(self) -> np.ndarray:
        return np.cross(self.orientation[:3], self.orientation[3:])

    def slice_position(self, index: int) -> np.ndarray:
        return np.array(self.position) + self.slice_step * index * self.spacing[2] * self.normal

    @property
    def affine(self) -> np.ndarray:
        """Voxel index to RAS+ mm, from the definition of the DICOM attributes."""
        lps = np.eye(4)
        lps[:3, 0] = np.array(self.orientation[:3]) * self.spacing[0]
        lps[:3, 1] = np.array(self.orientation[3:]) * self.spacing[1]
        lps[:3, 2] = self.slice_step * self.normal * self.spacing[2]
        lps[:3, 3] = self.position
        return np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps

    def echoes(self) -> np.ndarray:
        """Complex signal (x, y, z, echo), fat at negative frequency."""
        times = np.array(self.echo_times_ms) * 1e-3
        shifts = (REN9_PPM - WATER_PPM) * self.frequency_mhz
        amplitude = REN9_AMPLITUDE / REN9_AMPLITUDE.sum()
        fat_signal = (amplitude * np.exp(2j * np.pi * np.outer(times, shifts))).sum(axis=1)
        signal = self.water[..., None] + self.fat[..., None] * fat_signal
        signal = signal * np.exp((2j * np.pi * self.field_hz - self.r2star)[..., None] * times + 0.4j)
        noise = self.rng.normal(size=(2, *signal.shape)) * self.noise
        return signal + noise[0] + 1j * noise[1]


def base(phantom: Phantom, index: int, number: int, description: str, vendor: str) -> Dataset:
    """A classic MR image of a slice without pixels."""
    key = f"{phantom.seed} {number} {description}"
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, generate_uid()
    ds.Modality, ds.Manufacturer, ds.ManufacturerModelName = "MR", vendor, "PHANTOM"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.InstitutionName, ds.AccessionNumber = PLANTED
    ds.StudyDate, ds.StudyTime, ds.AcquisitionDate, ds.AcquisitionTime = (
        "20240229",
        "101112",
        "20240229",
        "101112",
    )
    ds.StudyInstanceUID = phantom.sop.setdefault("study", generate_uid())
    ds.SeriesInstanceUID = phantom.sop.setdefault(key, generate_uid())
    ds.FrameOfReferenceUID = phantom.sop.setdefault("frame", generate_uid())
    ds.SeriesNumber, ds.SeriesDescription = number, description
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    ds.ScanningSequence, ds.MRAcquisitionType = "GR", "3D"
    ds.RepetitionTime, ds.FlipAngle, ds.EchoTime = "7.2", "3", str(phantom.echo_times_ms[0])
    ds.ImagingFrequency = str(phantom.frequency_mhz)
    ds.MagneticFieldStrength = "3" if phantom.frequency_mhz > 100 else "1.5"
    ds.SliceThickness = ds.SpacingBetweenSlices = str(phantom.spacing[2])
    ds.ImagePositionPatient = [f"{v:.8g}" for v in phantom.slice_position(index)]
    ds.ImageOrientationPatient = [f"{v:.10g}" for v in phantom.orientation]
    ds.PixelSpacing = [str(phantom.spacing[1]), str(phantom.spacing[0])]
    return ds


def set_pixels(ds: Dataset, image: np.ndarray, *, signed: bool = True, bits: int = 16) -> Dataset:
    """Put an image (x, y) into a dataset."""
    ds.Columns, ds.Rows = image.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, int(signed)
    ds.PixelData = np.ascontiguousarray(np.rint(image).T.astype("<i2" if signed else "<u2")).tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def ge_private(ds: Dataset, component: int, echoes: int, variant: int = 0) -> None:
    """GE's private elements of an IDEAL-IQ image."""
    acquisition = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    acquisition.add_new(0x7E, "SS", echoes)
    acquisition.add_new(0x9C, "LO", "ideal3darc")
    parameters = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    parameters.add_new(0x2F, "SS", component)
    parameters.add_new(0x30, "SS", variant)


def ge_sources(
    phantom: Phantom, *, conjugate: bool = True, chop: bool = True, magnitude: bool = True
) -> list[Dataset]:
    """Magnitude, real and imaginary of every echo mixed in one series, conjugated and chopped."""
    echoes = phantom.echoes()
    echoes = echoes.conj() if conjugate else echoes
    if chop:
        echoes = echoes * np.where(np.arange(echoes.shape[2]) % 2, -1, 1)[:, None]
    parts = {0: np.abs(echoes), 2: echoes.real, 3: echoes.imag}
    images, instance = [], 0
    for index in range(echoes.shape[2]):
        for echo, time in enumerate(phantom.echo_times_ms):
            for component, values in parts.items():
                instance += 1
                if component == 0 and not magnitude:
                    continue
                ds = base(phantom, index, 5, "Sag 3D IDEAL IQ", "GE MEDICAL SYSTEMS")
                ds.InstanceNumber, ds.EchoTime, ds.EchoNumbers = instance, str(time), echo + 1
                ds.ScanOptions = ["EDR_GEMS", "IDEAL_GEMS"]
                ge_private(ds, component, len(phantom.echo_times_ms))
                images.append(set_pixels(ds, values[:, :, index, echo]))
    return images


def volume(
    phantom: Phantom, values: np.ndarray, number: int, description: str, vendor: str, **options: object
) -> list[Dataset]:
    """One image for each slice; options: image_type, slope, intercept, signed, private."""
    images = []
    for index in range(phantom.shape[2]):
        ds = base(phantom, index, number, description, vendor)
        ds.InstanceNumber = index + 1
        ds.ImageType = options.get("image_type", ["ORIGINAL", "PRIMARY", "OTHER"])
        if options.get("private"):
            ge_private(ds, 0, len(phantom.echo_times_ms), int(options.get("variant", 0)))
        if "slope" in options:
            ds.RescaleSlope, ds.RescaleIntercept = str(options["slope"]), str(options["intercept"])
            ds.RescaleType = "US"
        images.append(set_pixels(ds, values[:, :, index], signed=bool(options.get("signed", True))))
    return images


def noisy_pdff(phantom: Phantom) -> np.ndarray:
    """The fat fraction in percent with noise in air, as scanners write it."""
    return np.where(phantom.body, phantom.pdff, phantom.rng.uniform(-20, 120, phantom.shape))


def ge_new_maps(phantom: Phantom, pdff_scale: float = 1.0) -> list[Dataset]:
    """New software: DIXON image types; water, fat and in-phase in one series."""
    vendor, name = "GE MEDICAL SYSTEMS", "Sag IDEAL IQ"
    images = []
    contents = {"WATER": phantom.water, "FAT": phantom.fat, "IN_PHASE": phantom.total}
    for variant, (word, values) in enumerate(contents.items()):
        kind = ["DERIVED", "PRIMARY", "DIXON", word]
        images += volume(
            phantom, values, 500, f"WATER: {name}", vendor, image_type=kind, private=True, variant=variant
        )
    for number, (word, prefix, values) in enumerate(
        [
            ("FAT_FRACTION", "FatFrac: ", noisy_pdff(phantom) * pdff_scale),
            ("R2_STAR_MAP", "R2*: ", phantom.r2star),
        ]
    ):
        kind = ["DERIVED", "PRIMARY", "DIXON", word]
        images += volume(phantom, values, 501 + number, prefix + name, vendor, image_type=kind, private=True)
    return images


def ge_legacy_maps(phantom: Phantom) -> list[Dataset]:
    """Old software: every ImageType is ORIGINAL; only descriptions tell the maps apart."""
    vendor, name = "GE MEDICAL SYSTEMS", "Sag IDEAL IQ"
    contents = [
        (5, "WATER:" + name, phantom.water * np.exp(-phantom.r2star * 1.2e-3)),
        (599, name, phantom.total),
        (15992, "T2*:Water:" + name, phantom.water),
        (15995, "FAT:" + name, phantom.fat),
        (15996, "R2*:" + name, phantom.r2star),
        (15998, "FatFrac(%):" + name, noisy_pdff(phantom)),
    ]
    return [
        ds
        for number, text, values in contents
        for ds in volume(phantom, values, number, text, vendor, private=True)
    ]


def siemens_maps(phantom: Phantom) -> list[Dataset]:
    """qDixon: separate series; the fat fraction in permille."""
    contents = [
        (21, "q-dixon_W", "WATER", phantom.water),
        (22, "q-dixon_F", "FAT", phantom.fat),
        (23, "q-dixon_FF", "FAT_FRACTION", noisy_pdff(phantom).clip(0, 100) * 10),
        (24, "q-dixon_R2*", "R2_STAR_MAP", phantom.r2star),
    ]
    return [
        ds
        for number, text, word, values in contents
        for ds in volume(
            phantom,
            values,
            number,
            text,
            "SIEMENS",
            image_type=["DERIVED", "PRIMARY", "M", word],
            signed=False,
        )
    ]


def siemens_sources(phantom: Phantom) -> list[Dataset]:
    """Magnitude and phase as separate series; phase -4096..4094; not conjugated."""
    echoes = phantom.echoes()
    images = []
    for number, word in ((31, "M"), (32, "P")):
        for echo, time in enumerate(phantom.echo_times_ms):
            values = (
                np.abs(echoes[..., echo])
                if word == "M"
                else (np.angle(echoes[..., echo]) / np.pi + 1) * 2047.5
            )
            scale = {"slope": 2, "intercept": -4096} if word == "P" else {}
            kind = ["ORIGINAL", "PRIMARY", word, "ND"]
            for ds in volume(
                phantom, values, number, "me_dixon", "SIEMENS", image_type=kind, signed=False, **scale
            ):
                ds.EchoTime, ds.EchoNumbers = str(time), echo + 1
                images.append(ds)
    return images


def philips_maps(phantom: Phantom) -> list[Dataset]:
    """mDIXON Quant: all types in one series, T2* instead of R2*, rescale of each type."""
    with np.errstate(divide="ignore"):
        t2star = np.where(phantom.r2star > 0, 1000.0 / phantom.r2star, 0.0)
    contents = [
        ("W", phantom.water / 0.5, 0.5, 0.0),
        ("F", phantom.fat / 0.25, 0.25, 0.0),
        ("FF", (noisy_pdff(phantom) + 100) / 0.07326, 0.07326, -100.0),
        ("T2_STAR", t2star / 0.025, 0.025, 0.0),
    ]
    return [
        ds
        for word, values, slope, intercept in contents
        for ds in volume(
            phantom,
            values,
            901,
            "mDIXON Quant",
            "Philips Medical Systems",
            image_type=["DERIVED", "PRIMARY", word, word, "DERIVED"],
            slope=slope,
            intercept=intercept,
            signed=False,
        )
    ]


def enhanced(images: Iterable[Dataset], mapping: Callable[[Dataset], Sequence] | None = None) -> Dataset:
    """The same images as frames of one Enhanced MR file."""
    images = list(images)
    first = images[0]
    ds = copy.deepcopy(first)
    ds.SOPClassUID, ds.SOPInstanceUID = EnhancedMRImageStorage, generate_uid()
    moved = """
        ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness SpacingBetweenSlices EchoTime
        RepetitionTime FlipAngle ImagingFrequency RescaleSlope RescaleIntercept RescaleType EchoNumbers
    """.split()  # noqa: SIM905
    for name in moved:
        if name in ds:
            delattr(ds, name)
    ds.NumberOfFrames = len(images)
    ds.ImageType = ["DERIVED", "PRIMARY", "DIXON", "MIXED"]
    frames = []
    for image in images:
        frame = Dataset()
        frame.PlanePositionSequence = _one(ImagePositionPatient=image.ImagePositionPatient)
        frame.PlaneOrientationSequence = _one(ImageOrientationPatient=image.ImageOrientationPatient)
        frame.PixelMeasuresSequence = _one(
            PixelSpacing=image.PixelSpacing,
            SliceThickness=image.SliceThickness,
            SpacingBetweenSlices=image.SpacingBetweenSlices,
        )
        frame.MREchoSequence = _one(EffectiveEchoTime=float(image.EchoTime))
        component = {"P": "PHASE"}.get(image.ImageType[2], "MAGNITUDE")
        frame.MRImageFrameTypeSequence = _one(FrameType=image.ImageType, ComplexImageComponent=component)
        frame.MRTimingAndRelatedParametersSequence = _one(
            RepetitionTime=image.RepetitionTime, FlipAngle=image.FlipAngle
        )
        frame.MRImagingModifierSequence = _one(TransmitterFrequency=float(image.ImagingFrequency))
        if mapping is not None:
            frame.RealWorldValueMappingSequence = mapping(image)
        if "RescaleSlope" in image:
            frame.PixelValueTransformationSequence = _one(
                RescaleSlope=image.RescaleSlope, RescaleIntercept=image.RescaleIntercept, RescaleType="US"
            )
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    ds.SharedFunctionalGroupsSequence = Sequence([Dataset()])
    ds.PixelData = b"".join(image.PixelData for image in images)
    return ds


def real_world(slope: float, intercept: float, unit: str) -> Sequence:
    """A RealWorldValueMappingSequence."""
    code = _one(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit)
    return _one(
        RealWorldValueSlope=slope,
        RealWorldValueIntercept=intercept,
        LUTLabel="map",
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=4095,
        MeasurementUnitsCodeSequence=code,
    )


def _one(**values: object) -> Sequence:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return Sequence([item])


def write(folder: Path, images: Iterable[Dataset], syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write images under names that tell nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    images = list(images)
    order = np.random.default_rng(7).permutation(len(images))
    start = len(list(folder.iterdir()))
    for ds, number in zip(images, order, strict=True):
        ds.file_meta.TransferSyntaxUID = syntax
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(folder / f"IM{start + number:05d}", enforce_file_format=True)
    return folder


@pytest.fixture(scope="session")
def dicom() -> SimpleNamespace:
    """The builders above."""
    return SimpleNamespace(
        Phantom=Phantom,
        PLANTED=PLANTED,
        enhanced=enhanced,
        ge_legacy_maps=ge_legacy_maps,
        ge_new_maps=ge_new_maps,
        ge_sources=ge_sources,
        philips_maps=philips_maps,
        real_world=real_world,
        set_pixels=set_pixels,
        siemens_maps=siemens_maps,
        siemens_sources=siemens_sources,
        volume=volume,
        write=write,
    )


@pytest.fixture
def ingested(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """Ingest a folder; give the arrays, the affine, the decisions and the warnings."""

    def run(folder: Path, overrides: str | None = None) -> SimpleNamespace:
        out = tmp_path / "ingested"
        out.mkdir()
        path = None
        if overrides is not None:
            path = tmp_path / "overrides.yaml"
            path.write_text(overrides)
        outcome = ingest(folder, "sub-01_ses-01", out, overrides=path)
        result = SimpleNamespace(decisions=outcome.decisions, warnings=outcome.warnings, out=out, affine=None)
        for key, output in FILES.items():
            file = out / f"sub-01_ses-01_{output.suffix}"
            if file.suffix == ".gz" and file.exists():
                image = nib.Nifti1Image.from_filename(file)
                setattr(result, key, np.asarray(image.dataobj))
                result.affine = image.affine
        return result

    return run
