"""Damage of one file or header, thousands of times: the phantom comes out, or a refusal; never a crash.

The files that are not touched keep their headers between the cases, so that a case costs milliseconds.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from qmri.errors import QmriError
from qmri.ingest.folder.reading import read_file
from qmri.ingest.folder.scan import check_one_patient, collect
from qmri.ingest.pixels.decoding import decode
from qmri.ingest.pixels.load import load
from qmri.ingest.selection.overrides import Overrides
from qmri.ingest.selection.selection import make_plan
from qmri.ingest.values.acquisition_facts import acquisition_warnings, read_acquisition
from qmri.ingest.values.complex_data import combine, undo_chopping, undo_sign
from qmri.ingest.values.pdff_scale import rescaled, scale_pdff
from qmri.ingest.values.r2star_scale import scale_r2star

STRANGE = [
    "",
    "0",
    "-1",
    "1e30",
    "nan",
    "inf",
    "9" * 40,
    "\\",
    "1\\2",
    "FAT",
    "WATER",
    "é",
    "*",
    "2",
    "16",
    "1.5",
]
NUMBERS = [0, 1, 2, 3, 7, 12, 14, 32767]


class Folder:
    """A folder of images whose headers are kept; one of its files can be replaced."""

    def __init__(self, path: Path) -> None:
        self.headers = {file: read_file(file) for file in sorted(path.iterdir())}
        self.files = list(self.headers)
        self.content = {file: file.read_bytes() for file in self.files}
        self.scratch = path.parent / f"{path.name}_scratch"
        self.scratch.mkdir()

    def with_replaced(self, file: Path, content: bytes):
        """Return the scan in which one file has another content."""
        damaged = self.scratch / "damaged"
        damaged.write_bytes(content)
        headers = dict(self.headers)
        headers[file] = read_file(damaged)
        return collect(headers.values())


def read_maps(scan):
    """Ingest maps; return PDFF, R2* and the affine."""
    check_one_patient(scan)
    plan = make_plan(scan, Overrides())
    facts = read_acquisition(plan.echoes, plan.maps, Overrides())
    loaded = load(plan.echoes, plan.maps, scan.copies)
    acquisition_warnings(facts, plan.echoes, plan.maps)
    values = scale_pdff(loaded.maps, Overrides()).values
    r2star = scale_r2star(loaded.maps, Overrides(), values)
    return values, (r2star.values if r2star else None), plan.maps.grid.affine


def read_echoes(scan):
    """Ingest echoes; return the complex signal, the affine and the facts."""
    check_one_patient(scan)
    plan = make_plan(scan, Overrides())
    facts = read_acquisition(plan.echoes, plan.maps, Overrides())
    loaded = load(plan.echoes, plan.maps, scan.copies)
    parts = {kind.value: rescaled(stored) for kind, stored in loaded.echoes.items()}
    times = np.array(facts.echo_times_s)
    signed = undo_sign(combine(parts, "").values, times, facts.imaging_frequency_mhz, "")
    return undo_chopping(signed.values).values, plan.echoes.grid.affine, facts


def in_phantom_order(values, affine, phantom):
    """Return an array with its slices in the phantom's order; the place of each must be right."""
    expected = phantom.affine
    if np.allclose(affine[:3, 2], -expected[:3, 2], atol=1e-3):
        values = values[:, :, ::-1]
        affine = affine.copy()
        affine[:3, 3] += affine[:3, 2] * (phantom.shape[2] - 1)
        affine[:3, 2] *= -1
    np.testing.assert_allclose(affine, expected, atol=0.15)
    return values


def mutated_header(content: bytes, rng) -> bytes:
    """Return a file in which one element is changed, emptied or removed."""
    ds = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
    elements = [element for element in ds if element.tag != 0x7FE00010]
    element = elements[rng.integers(len(elements))]
    choice = rng.integers(4)
    if choice == 0:
        del ds[element.tag]
    elif choice == 1:
        element.value = None
    elif isinstance(element.value, int) or element.VR in ("US", "SS"):
        element.value = int(rng.choice(NUMBERS))
    else:
        text = STRANGE[rng.integers(len(STRANGE))]
        ds[element.tag] = pydicom.DataElement(element.tag, "LO", text)
    buffer = pydicom.filebase.DicomBytesIO()
    ds.save_as(buffer, enforce_file_format=False)
    return buffer.getvalue()


def mutated_bytes(content: bytes, rng) -> bytes:
    """Return a file with damage that bytes can have: flipped, cut, put in, taken out."""
    data = bytearray(content)
    header = content.index(b"\xe0\x7f\x10\x00")
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(header))
        kind = rng.integers(4)
        if kind == 0:
            data[at] = int(rng.integers(256))
        elif kind == 1:
            del data[len(data) - int(rng.integers(1, len(data))) :]
            header = min(header, len(data))
        elif kind == 2:
            data[at:at] = rng.bytes(int(rng.integers(1, 9)))
        else:
            del data[at : at + int(rng.integers(1, 9))]
        if header < 2:
            break
    return bytes(data)


@pytest.fixture(scope="module")
def phantom(dicom):
    return dicom.Phantom(shape=(14, 12, 3), noise=0.0, echo_times_ms=(1.2, 2.2, 3.2, 4.2, 5.2))


@pytest.fixture(scope="module")
def maps(dicom, phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "maps"
    return Folder(dicom.write(folder, dicom.ge_new_maps(phantom)))


@pytest.fixture(scope="module")
def echoes(dicom, phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "echoes"
    return Folder(dicom.write(folder, dicom.ge_sources(phantom, magnitude=False)))


def check_maps(scan, phantom) -> bool:
    """Tell whether maps were accepted; accepted maps must be the phantom."""
    try:
        pdff, r2star, affine = read_maps(scan)
    except QmriError:
        return False
    body = phantom.body
    np.testing.assert_allclose(in_phantom_order(pdff, affine, phantom)[body], phantom.pdff[body], atol=0.51)
    if r2star is not None:
        np.testing.assert_allclose(
            in_phantom_order(r2star, affine, phantom)[body], phantom.r2star[body], atol=0.51
        )
    return True


@pytest.mark.parametrize("mutate", [mutated_header, mutated_bytes])
def test_a_damaged_map_is_refused_or_harmless(maps, phantom, mutate):
    rng = np.random.default_rng(20 + (mutate is mutated_bytes))
    accepted = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom comments while the damage is made
        for _ in range(1000):
            file = maps.files[rng.integers(len(maps.files))]
            damaged = mutate(maps.content[file], rng)
            accepted += check_maps(maps.with_replaced(file, damaged), phantom)
    assert 0 < accepted < 1000


@pytest.mark.parametrize("mutate", [mutated_header, mutated_bytes])
def test_a_damaged_echo_is_refused_or_harmless(echoes, phantom, mutate):
    rng = np.random.default_rng(30 + (mutate is mutated_bytes))
    clean, _, _ = read_echoes(collect(echoes.headers.values()))
    accepted = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(300):
            file = echoes.files[rng.integers(len(echoes.files))]
            damaged = mutate(echoes.content[file], rng)
            try:
                signal, affine, facts = read_echoes(echoes.with_replaced(file, damaged))
            except QmriError:
                continue
            accepted += 1
            found = in_phantom_order(signal, affine, phantom)
            sign = np.sign(np.vdot(clean, found).real)
            np.testing.assert_allclose(found * sign, clean, atol=1e-3)
            np.testing.assert_allclose(facts.echo_times_s, np.array(phantom.echo_times_ms) * 1e-3)
            assert facts.imaging_frequency_mhz == phantom.frequency_mhz
    assert 0 < accepted < 300


def test_random_bytes_are_a_finding_not_a_crash(tmp_path, maps):
    rng = np.random.default_rng(40)
    file = tmp_path / "file"
    whole = maps.content[maps.files[0]]
    for _ in range(600):
        start = whole[: int(rng.integers(len(whole)))] if rng.integers(2) else b"\0" * 128 + b"DICM"
        file.write_bytes(start + rng.bytes(int(rng.integers(600))))
        header = read_file(file)
        assert header.kind in ("image", "other", "damaged", "foreign")
        for frame in header.frames:
            try:
                pixels = decode(file.read_bytes(), frame)
            except QmriError:
                continue
            assert pixels.shape == (frame.pixels.frames, frame.pixels.rows, frame.pixels.columns)


@pytest.mark.parametrize("name", ["Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames"])
def test_pixels_are_never_read_in_another_size(maps, tmp_path, name):
    """Even where every image is changed the same way."""
    for value in (0, 1, 2, 8, 13, 15, 24, 32, 400, 65535):
        headers = []
        for number, file in enumerate(maps.files):
            ds: Dataset = pydicom.dcmread(file)
            if value == ds.get(name) or (name == "NumberOfFrames" and value < 2):
                break
            setattr(ds, name, value)
            target = tmp_path / f"{number}"
            ds.save_as(target, enforce_file_format=True)
            headers.append(read_file(target))
        if len(headers) == len(maps.files):
            with pytest.raises(QmriError):
                read_maps(collect(headers))
