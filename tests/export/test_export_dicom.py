"""DICOM that goes back: the same voxels, the right codes, the right slices, and a validator's word."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from small_records import outcome

from qmri.pipeline.records.decisions import ReaderDecisions

hd = pytest.importorskip("highdicom")

from qmri.cli import main  # noqa: E402
from qmri.errors import QmriError  # noqa: E402
from qmri.export.codes import VERTEBRA  # noqa: E402
from qmri.export.source import find_source  # noqa: E402
from qmri.images.nifti import Volume, write_volume  # noqa: E402
from qmri.outputs import exam_directory, file_path  # noqa: E402
from qmri.pipeline.records.stage import run_stage  # noqa: E402

NAME = "sub-01_ses-pre"
SHAPE = (7, 6, 4)
PATIENT = "Planted^Surname"
# Columns of the volume's axes in RAS+: sagittal slices, oblique, of 1.5 x 1.5 x 4 mm.
TILT = np.deg2rad(12)
ALONG_ROW = np.array([0.0, np.cos(TILT), -np.sin(TILT)])  # LPS
ALONG_COLUMN = np.array([0.0, -np.sin(TILT), -np.cos(TILT)])
NORMAL = np.cross(ALONG_ROW, ALONG_COLUMN)
ORIGIN = np.array([-12.5, 20.25, 133.0])


def affine() -> np.ndarray:
    """Voxel (column, row, slice) to RAS+ mm."""
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2] = 1.5 * ALONG_ROW, 1.5 * ALONG_COLUMN, 4.0 * NORMAL
    lps[:3, 3] = ORIGIN
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps


def write_series(folder: Path, *, number: int = 5, echoes: int = 2, shift_mm: float = 0.0) -> None:
    """Write slices in a shuffled order, each with several echoes."""
    folder.mkdir(parents=True, exist_ok=True)
    uids = {"StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": f"1.2.3.4.{number}"}
    instance = 0
    for place in (2, 0, 3, 1):
        for echo in range(echoes):
            instance += 1
            image = pydicom.Dataset()
            image.SOPClassUID, image.SOPInstanceUID = (
                MRImageStorage,
                generate_uid(entropy_srcs=[f"{number}.{instance}"]),
            )
            for key, value in uids.items():
                setattr(image, key, value)
            image.FrameOfReferenceUID = "1.2.3.4.99"
            image.PatientName, image.PatientID = PATIENT, "0815"
            image.PatientBirthDate, image.PatientSex = "19500101", "F"
            image.StudyDate, image.StudyTime, image.StudyID = "20200101", "120000", "1"
            image.AccessionNumber = image.ReferringPhysicianName = image.PositionReferenceIndicator = ""
            image.Modality, image.SeriesNumber, image.InstanceNumber = "MR", number, instance
            image.Manufacturer = "maker"
            image.ImageOrientationPatient = [*ALONG_ROW, *ALONG_COLUMN]
            image.ImagePositionPatient = [round(v, 6) for v in ORIGIN + 4.0 * place * NORMAL + shift_mm]
            image.PixelSpacing, image.SliceThickness = [1.5, 1.5], 4.0
            image.Rows, image.Columns = SHAPE[1], SHAPE[0]
            image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
            image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
            image.EchoTime, image.EchoNumbers = 1.0 + echo, echo + 1
            image.PixelData = np.full(SHAPE[1::-1], 100 * echo, np.uint16).tobytes()
            image.file_meta = FileMetaDataset()
            image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            image.save_as(folder / f"im{instance:03d}", enforce_file_format=True)


@pytest.fixture
def study(tmp_path):
    """Results of an examination and its series; voxel values tell where they lie."""
    results = tmp_path / "results"
    rng = np.random.default_rng(1)
    maps = {"pdff": rng.uniform(-5, 105, SHAPE), "r2star": rng.uniform(10, 300, SHAPE)}
    maps["pdff"][0, 0, 0] = np.nan
    labels = np.zeros(SHAPE, np.int16)
    labels[1:5, 0:2, 1:3], labels[2:6, 3:5, 0:3] = 22, 23

    def fit(aside):
        for key, data in maps.items():
            write_volume(file_path(aside, NAME, key), Volume(data, affine()), dtype=np.float32)
        return outcome("fit")

    def segment(aside):
        write_volume(file_path(aside, NAME, "labels"), Volume(labels, affine()), dtype=np.int16)
        return outcome("segment", reader=ReaderDecisions(file="manual", sha256="0"))

    run_stage("fit", NAME, exam_directory(results, NAME, "fit"), fit)
    run_stage("segment", NAME, exam_directory(results, NAME, "segment"), segment)
    write_series(tmp_path / "dicom")
    return tmp_path, maps, labels


def export(folder: Path, out: str = "out") -> int:
    words = ["export", "--dicom", "--exam", NAME, "--results", folder / "results"]
    words += ["--series", folder / "dicom", "--out", folder / out]
    return main([str(word) for word in words])


def on_the_grid(dataset, frame: int) -> tuple[np.ndarray, ...]:
    """Voxels of the volume at the pixels of a frame, by the geometry that the file itself tells."""
    own = dataset.PerFrameFunctionalGroupsSequence[frame]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    position = np.array(own.PlanePositionSequence[0].ImagePositionPatient, float)
    row, column = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    r, c = np.indices((dataset.Rows, dataset.Columns))
    lps = position + r[..., None] * column * between_rows + c[..., None] * row * between_columns
    ras = lps * [-1, -1, 1]
    index = (ras - affine()[:3, 3]) @ np.linalg.inv(affine()[:3, :3]).T
    assert np.abs(index - np.rint(index)).max() < 0.01
    return tuple(np.rint(index).astype(int).transpose(2, 0, 1))


def test_maps_read_back_to_the_same_voxels(study):
    folder, maps, _ = study
    assert export(folder) == 0
    for key, code, unit in (("pdff", "129100", "%"), ("r2star", "126395", "/s")):
        written = pydicom.dcmread(folder / "out" / f"{key}.dcm")
        back = np.full(SHAPE, np.inf, np.float32)
        for frame, pixels in enumerate(written.pixel_array):
            back[on_the_grid(written, frame)] = pixels
        np.testing.assert_array_equal(back, maps[key].astype(np.float32))
        mapping = written.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
        assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == unit
        assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == code
        assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)


def test_segments_read_back_to_the_same_labels(study):
    folder, _, labels = study
    assert export(folder) == 0
    written = hd.seg.segread(folder / "out" / "vertebral_bodies.dcm")
    assert [written.get_segment_description(n).segment_label for n in (1, 2)] == ["L3", "L4"]
    for number, level in ((1, "L3"), (2, "L4")):
        description = written.get_segment_description(number)
        assert description.segmented_property_type.value == VERTEBRA[level].value
        assert description.algorithm_type.value == "SEMIAUTOMATIC"
    back = np.zeros(SHAPE, np.int16)
    for frame, pixels in enumerate(written.pixel_array):
        own = written.PerFrameFunctionalGroupsSequence[frame]
        segment = own.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        at = tuple(axis[pixels > 0] for axis in on_the_grid(written, frame))
        back[at] = {1: 22, 2: 23}[segment]
    np.testing.assert_array_equal(back, labels)


def test_the_files_refer_to_the_original_and_carry_its_identity(study):
    folder, _, _ = study
    assert export(folder) == 0
    originals = {str(pydicom.dcmread(path).SOPInstanceUID) for path in (folder / "dicom").iterdir()}
    for path in (folder / "out").iterdir():
        written = pydicom.dcmread(path)
        assert (str(written.PatientName), written.StudyInstanceUID) == (PATIENT, "1.2.3.4")
        assert written.FrameOfReferenceUID == "1.2.3.4.99"
        (referenced,) = written.ReferencedSeriesSequence
        assert referenced.SeriesInstanceUID == "1.2.3.4.5"
        told = {item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence}
        assert len(told) == SHAPE[2]
        assert told <= originals


def test_the_same_results_have_the_same_uids_and_others_have_others(study):
    folder, _, labels = study
    assert export(folder, "a") == export(folder, "b") == 0

    def uids(out):
        return {path.name: pydicom.dcmread(path).SOPInstanceUID for path in (folder / out).iterdir()}

    assert uids("a") == uids("b")
    assert len(set(uids("a").values())) == 3
    changed = labels.copy()
    changed[6, 5, 3] = 24
    path = file_path(exam_directory(folder / "results", NAME, "segment"), NAME, "labels")
    write_volume(path, Volume(changed, affine()), dtype=np.int16)
    assert export(folder, "c") == 0
    assert uids("c")["vertebral_bodies.dcm"] != uids("a")["vertebral_bodies.dcm"]
    assert uids("c")["pdff.dcm"] == uids("a")["pdff.dcm"]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_an_independent_validator_finds_no_error(study):
    folder, _, _ = study
    assert export(folder) == 0
    for path in (folder / "out").iterdir():
        told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        errors = [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]
        assert not errors, (path.name, told.stdout + told.stderr)


def test_the_results_folder_stays_free_of_the_patient(study, capsys):
    folder, _, _ = study
    assert export(folder, "results/dicom") == 1
    assert "identity" in capsys.readouterr().err
    assert export(folder) == 0
    assert not any(PATIENT.encode() in p.read_bytes() for p in (folder / "results").rglob("*") if p.is_file())


def test_the_series_with_the_slices_is_found_among_others(study):
    folder, _, _ = study
    write_series(folder / "dicom" / "other", number=2, shift_mm=1.1)
    source = find_source(folder / "dicom", SHAPE, affine())
    assert {int(header.SeriesNumber) for header in source.slices} == {5}
    volume = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    np.testing.assert_array_equal(source.frames(volume), volume.transpose(2, 1, 0))


def test_the_voxel_order_of_the_volume_does_not_matter(study):
    folder, _, _ = study
    flipped = affine() @ np.diag([1, -1, 1, 1])
    flipped[:3, 3] += affine()[:3, 1] * (SHAPE[1] - 1)
    volume = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    plain = find_source(folder / "dicom", SHAPE, affine()).frames(volume)
    np.testing.assert_array_equal(
        find_source(folder / "dicom", SHAPE, flipped).frames(volume[:, ::-1]), plain
    )


@pytest.mark.parametrize("shift", [(0.4, 0, 0), (0, 30.0, 0)])
def test_a_series_elsewhere_is_refused(study, shift):
    moved = affine()
    moved[:3, 3] += shift
    with pytest.raises(QmriError, match="no series in the folder has the slices"):
        find_source(study[0] / "dicom", SHAPE, moved)


def test_a_folder_without_dicom_is_refused(tmp_path):
    with pytest.raises(QmriError, match="no DICOM image"):
        find_source(tmp_path, SHAPE, affine())


def test_multiframe_originals_are_refused_for_what_they_are(shared_data, tmp_path):
    shutil.copy(shared_data / "dicom" / "philips_enhanced.dcm", tmp_path)
    with pytest.raises(QmriError, match="multi-frame"):
        find_source(tmp_path, SHAPE, affine())


def test_every_level_has_a_code():
    assert len({VERTEBRA[level].value for level in VERTEBRA if level not in ("T13", "L6")}) == 24
