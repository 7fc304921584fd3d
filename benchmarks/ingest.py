"""Files per second for listing and for ingest, and the rate of pixels against plain pydicom.

    .venv/bin/python benchmarks/ingest.py [--files 10000]

The examinations are made here: multi-echo sources of the size that GE writes, with private elements.
They lie in the file cache when they are timed. Rates per core are of processor time, which does not
depend on what else the machine does; medians of three runs.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from qmri.ingest.folder.listing import describe, list_studies
from qmri.ingest.folder.scan import scan_files
from qmri.ingest.pixels.load import load
from qmri.ingest.selection.echo_set import EchoSet
from qmri.ingest.selection.overrides import Overrides
from qmri.ingest.selection.selection import make_plan
from qmri.pipeline.stages.ingest import ingest

COLUMNS, ROWS, SLICES, ECHOES = 256, 256, 36, 6
PRIVATE_ELEMENTS = 200


def image(study: int, index: int, echo: int, component: int, pixels: bytes) -> Dataset:
    """Return one source image with a header of realistic length."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.Modality, ds.Manufacturer = MRImageStorage, "MR", "GE MEDICAL SYSTEMS"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"1.2.3.{study}", f"1.2.3.{study}.5"
    instance = (index * ECHOES + echo) * 3 + component + 1
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{study}.5.{instance}"
    ds.file_meta.MediaStorageSOPClassUID = MRImageStorage
    ds.PatientID, ds.FrameOfReferenceUID = f"{study}", f"1.2.3.{study}.9"
    ds.ImageType, ds.ScanningSequence = ["ORIGINAL", "PRIMARY", "OTHER"], "GR"
    ds.SeriesNumber, ds.SeriesDescription, ds.InstanceNumber = 5, "Sag 3D IDEAL IQ", instance
    ds.RepetitionTime, ds.FlipAngle, ds.ImagingFrequency, ds.MagneticFieldStrength = "8", "3", "127.74", "3"
    ds.EchoTime, ds.EchoNumbers = f"{1.2 + echo:.1f}", echo + 1
    ds.SliceThickness, ds.PixelSpacing = "4", ["1.5", "1.5"]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [4 * index, 0, 0], [0, 1, 0, 0, 0, -1]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = ROWS, COLUMNS, 16, 16, 15
    ds.PixelRepresentation = 1
    block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x2F, "SS", (0, 2, 3)[component])
    filler = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for element in range(PRIVATE_ELEMENTS):
        filler.add_new(element, "DS", "0.000000")
    filler.add_new(0x7E, "SS", ECHOES)
    filler.add_new(0xA9, "DS", "0")
    ds.add_new(0x7FE00010, "OW", pixels)
    return ds


def write_examination(folder: Path, study: int, limit: int) -> int:
    """Write the sources of an examination; return the number of files."""
    rng = np.random.default_rng(study)
    times = 1e-3 * (1.2 + np.arange(ECHOES))
    x = np.linspace(0, 1, COLUMNS)
    fat = np.exp(-2j * np.pi * 434 * times) * 0.7 + 0.3 * np.exp(-2j * np.pi * 330 * times)
    signal = 1000 * ((1 - x)[:, None] + x[:, None] * fat) * np.exp(-40 * times)
    noise = rng.normal(size=(2, ECHOES, ROWS, COLUMNS)) * 5
    planes = signal.T.conj()[:, None] + noise[0] + 1j * noise[1]
    parts = np.rint([np.abs(planes), planes.real, planes.imag]).astype("<i2")
    folder.mkdir(parents=True)
    numbers = list(itertools.product(range(SLICES), range(ECHOES), range(3)))[:limit]
    for written, (index, echo, component) in enumerate(numbers):
        ds = image(study, index, echo, component, parts[component, echo].tobytes())
        ds.save_as(folder / f"{written:05d}", enforce_file_format=True)
    return len(numbers)


def cpu_seconds() -> float:
    """Return the processor time of this process and of those it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def median_cpu_time(work: Callable[[], object], runs: int = 3) -> float:
    """Return the median processor time of some work in seconds."""
    times = []
    for _ in range(runs):
        start = cpu_seconds()
        work()
        times.append(cpu_seconds() - start)
    return statistics.median(times)


def plain_reading(paths: list[Path]) -> None:
    """Read every file as a script with pydicom would."""
    for path in paths:
        np.asarray(pydicom.dcmread(path).pixel_array)


def our_reading(paths: list[Path]) -> EchoSet | None:
    """Read headers, plan, and read every pixel, as ingest does."""
    scan = scan_files(paths)
    plan = make_plan(scan, Overrides())
    load(plan.echoes, plan.maps, scan.copies)
    return plan.echoes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    folder = Path(tempfile.mkdtemp(prefix="qmri-benchmark-"))
    try:
        left, study = options.files, 0
        while left > 0:
            left -= write_examination(folder / f"exam{study}", study, left)
            study += 1
        everything = sorted(path for path in folder.rglob("*") if path.is_file())

        def list_all() -> None:
            scan = scan_files(everything, workers=cores)
            describe(scan, list_studies(scan, Overrides()))

        wall, cpu = time.perf_counter(), cpu_seconds()
        list_all()
        wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
        count = len(everything)
        print(
            f"listing: {count} files in {wall:.1f} s on {cores} cores ({count / wall:.0f} files/s); "
            f"{cpu:.1f} s of processor time ({count / cpu:.0f} files/s per core)"
        )
        exam = sorted((folder / "exam0").iterdir())
        megabytes = sum(path.stat().st_size for path in exam) / 1e6
        plain = median_cpu_time(lambda: plain_reading(exam))
        ours = median_cpu_time(lambda: our_reading(exam))
        print(f"plain pydicom: {len(exam)} files, {megabytes:.0f} MB, {megabytes / plain:.0f} MB/s per core")
        print(
            f"ingest without writing: {len(exam) / ours:.0f} files/s, {megabytes / ours:.0f} MB/s per core, "
            f"ratio {ours / plain:.2f}"
        )
        out = folder / "out"
        out.mkdir()
        whole = median_cpu_time(lambda: ingest(folder / "exam0", "sub-01_ses-01", out))
        print(f"ingest to NIfTI: {len(exam) / whole:.0f} files/s, {megabytes / whole:.0f} MB/s per core")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
