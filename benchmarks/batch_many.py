"""Many examinations from DICOM to page, end to end: figures of docs/batch.md.

python benchmarks/batch_many.py 560 STUDY.csv [--cores 2] [--keep DIR]

The first sessions of a study are copied in turn, under new patients and identifiers, until there are so many,
and run as one study. Prints wall-clock and CPU time, memory, files and bytes. Each needs some 35 MB of disk.
"""

from __future__ import annotations

import argparse
import csv
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from batch import stage_costs
from pydicom import dcmread

from qmri.pipeline.records.ledger import read_ledger

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


def copied_study(sheet: Path, folder: Path, count: int) -> Path:
    """Write a study of ``count`` examinations, copies of those of a sheet; return its sheet."""
    with sheet.open(newline="", encoding="utf-8") as file:
        first = {row["participant_id"]: row for row in reversed(list(csv.DictReader(file)))}
    originals = sorted(first.values(), key=lambda row: row["participant_id"])
    rows = []
    for place, original in enumerate(originals):
        images = read_images(sheet.parent / original["dicom_dir"])
        seeds = original.get("seeds") and str((sheet.parent / original["seeds"]).resolve())
        for number in range(place, count, len(originals)):
            name = f"{number:04d}"
            for image in images:
                image.write(folder / "dicom" / name, number)
            rows.append(
                original | {"participant_id": name, "dicom_dir": f"dicom/{name}", "seeds": seeds or ""}
            )
    path = folder / "study.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: row["participant_id"]))
    return path


@dataclass(frozen=True)
class Image:
    """A DICOM file that ends with its pixels: place in the folder, bytes, and what is another's in a copy."""

    place: Path
    content: bytes
    identifiers: frozenset[bytes]
    person: frozenset[bytes]

    def write(self, folder: Path, number: int) -> None:
        """Write it as one of another patient; its last two pixels hold the number."""
        content = self.content[:-4] + bytes([number % 256, 0, number // 256, 0])
        for uid in self.identifiers:
            content = content.replace(uid, uid[:-12] + b"%05d" % (10_000 + number) + uid[-7:])
        for word in self.person:
            content = content.replace(word, b"P%0*d" % (len(word) - 1, number))
        path = folder / self.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_images(folder: Path) -> list[Image]:
    """Return the images of an examination."""
    images = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        header = dcmread(path, stop_before_pixels=True)
        identifiers = {str(header[word].value).encode() for word in UIDS if word in header}
        person = {str(header[word].value).encode() for word in ("PatientID", "PatientName")}
        images.append(
            Image(path.relative_to(folder), path.read_bytes(), frozenset(identifiers), frozenset(person))
        )
    return images


def run(sheet: Path, out: Path, cores: int) -> None:
    """Run a study and print what it took."""
    command = [sys.executable, "-m", "qmri", "run", str(sheet), "--out", str(out), "--cores", str(cores)]
    began = time.monotonic()
    status = subprocess.run(command, check=False).returncode
    wall = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    count = len(read_ledger(out).examinations)
    print(f"{count} examinations on {cores} cores, {platform.machine()}, exit status {status}")
    print(f"wall {wall / 60:.1f} min, {wall / count:.2f} s an examination")
    print(f"CPU {cpu / 60:.1f} min, {cpu / count:.2f} s an examination")
    rest = 1 - stage_costs(out) / cpu
    print(f"start-up, Snakemake and joining the tables: {100 * rest:.0f} % of the CPU time")
    for name, folder in (("DICOM", sheet.parent / "dicom"), ("results", out)):
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        print(f"{name}: {len(sizes)} files, {sum(sizes) / 1e9:.2f} GB")


def main() -> None:
    """Read the command line, copy and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="an empty folder for study and results, which stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        sheet = folder / "study.csv"
        if not sheet.is_file():
            sheet = copied_study(options.sheet, folder, options.count)
        run(sheet, folder / "results", options.cores)


if __name__ == "__main__":
    main()
