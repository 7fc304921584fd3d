"""The files of the three forms, read back by pydicom alone."""

import numpy as np
import pydicom
import pytest

from qmri.simulate.dicom.ge_dicom import ScannerMaps, echo_images, legacy_maps, new_style_maps, write_files
from qmri.simulate.dicom.ge_headers import Scan
from qmri.simulate.dicom.scanner import Protocol, Registration
from qmri.simulate.imaging.geometry import image_position, sagittal_grid

SHAPE = (5, 7, 4)


@pytest.fixture
def scan():
    who = Registration(
        name="NOBODY^TEST",
        identifier="TEST-1",
        birth_date="19480213",
        age="076Y",
        address="Nowhere 1",
        study_date="20240229",
        study_time="101112",
        accession="ACC1",
        study_id="1",
        institution="No Hospital",
        referring="NO^DOCTOR",
        operator="NO^ONE",
        station="NOSTATION",
    )
    protocol = Protocol(
        "Sag IDEAL IQ", 3.0, 127.74, (0.0012, 0.0022, 0.0032), 0.0074, 3.0, (7, 5), "SIGNA", ("29",)
    )
    grid = sagittal_grid(SHAPE, (1.5, 1.6, 4.0), (1.0, 2.0, 3.0), oblique_deg=(3.0, 0.0, 5.0))
    return Scan(who, protocol, grid, ("test",))


@pytest.fixture
def maps(rng):
    return ScannerMaps(
        *(1000.0 * rng.random(SHAPE) for _ in range(4)),
        pdff=-3.0 + 110.0 * rng.random(SHAPE),
        r2star=150.0 * rng.random(SHAPE),
    )


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def read(folder):
    return [pydicom.dcmread(path) for path in sorted(folder.rglob("*")) if path.is_file()]


def index_of(scan, dataset):
    positions = [image_position(scan.grid, index) for index in range(SHAPE[2])]
    return int(np.argmin(np.linalg.norm(np.asarray(positions) - dataset.ImagePositionPatient, axis=1)))


def test_sources_are_conjugated_chopped_and_complete(scan, rng, tmp_path):
    echoes = rng.standard_normal((*SHAPE, 3)) + 1j * rng.standard_normal((*SHAPE, 3))
    assert write_files(tmp_path, echo_images(scan, echoes), "sources", rng) == 3 * 3 * 4
    read_back = np.zeros((*SHAPE, 3, 4))
    for dataset in read(tmp_path):
        component = dataset[0x0043, 0x102F].value
        read_back[:, :, index_of(scan, dataset), dataset.EchoNumbers - 1, component] = dataset.pixel_array.T
        assert dataset.EchoTime == pytest.approx(1.2 + dataset.EchoNumbers - 1)
        assert dataset[0x0019, 0x107E].value == 3
    stored = read_back[..., 2] + 1j * read_back[..., 3]
    np.testing.assert_allclose(np.abs(stored), read_back[..., 0], atol=1.0)
    signs = np.array([1.0, -1.0, 1.0, -1.0])[:, np.newaxis]
    ratio = np.conj(stored) * signs / echoes
    np.testing.assert_allclose(ratio, np.median(ratio.real), rtol=0.05, atol=0.05 * np.median(ratio.real))


def test_instance_numbers_do_not_follow_the_stack(scan, rng, maps, tmp_path):
    write_files(tmp_path, legacy_maps(scan, maps), "legacy", rng)
    first = [dataset for dataset in read(tmp_path) if dataset.InstanceNumber == 1]
    assert {dataset.InStackPositionNumber for dataset in first} == {3}


def test_legacy_maps_are_told_apart_by_description_alone(scan, rng, maps, tmp_path):
    write_files(tmp_path, legacy_maps(scan, maps), "legacy", rng)
    datasets = read(tmp_path)
    assert {tuple(dataset.ImageType) for dataset in datasets} == {("ORIGINAL", "PRIMARY", "OTHER")}
    assert {"WATER:Sag IDEAL IQ", "Sag IDEAL IQ", "T2*:Water:Sag IDEAL IQ", "FatFrac(%):Sag IDEAL IQ"} < {
        dataset.SeriesDescription for dataset in datasets
    }
    assert not any("RescaleSlope" in dataset for dataset in datasets)
    fraction = [dataset for dataset in datasets if dataset.SeriesDescription.startswith("FatFrac")]
    for dataset in fraction:
        assert (dataset.WindowCenter, dataset.WindowWidth) == (50, 299)
        index = index_of(scan, dataset)
        np.testing.assert_array_equal(dataset.pixel_array.T, np.rint(maps.pdff[:, :, index]))


def test_new_style_maps_name_their_content_in_the_image_type(scan, rng, maps, tmp_path):
    write_files(tmp_path, new_style_maps(scan, maps), "maps", rng)
    datasets = read(tmp_path)
    assert {dataset.ImageType[3] for dataset in datasets} == {
        "WATER", "FAT", "IN_PHASE", "OUT_PHASE", "FAT_FRACTION", "R2_STAR_MAP",
    }  # fmt: skip
    signals = [dataset for dataset in datasets if dataset.SeriesNumber == 500]
    assert {dataset.ImageType[3] for dataset in signals} == {"WATER", "FAT", "IN_PHASE", "OUT_PHASE"}


def test_the_same_scan_has_the_same_bytes(scan, maps, tmp_path):
    for folder in ("a", "b"):
        write_files(tmp_path / folder, new_style_maps(scan, maps), "legacy", np.random.default_rng(3))
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.MRDC.*"))
    assert len(files) == 24
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
