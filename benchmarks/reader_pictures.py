"""The pictures of docs/reader.md, from an examination of the example study.

python benchmarks/reader_pictures.py RESULTS EXAM SERIES writes reader_sheet.png, dicom_overlay.png and
viewer.png into docs/images. The overlay is drawn from the exported DICOM alone: pixels of the original slice,
and segments found by the instance that they refer to. The screenshot needs chromium.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from qmri.outputs import exam_directory, file_path
from qmri.pipeline.stages.export import MAP_FILES, SEGMENTATION_FILE, export_examination
from qmri.pipeline.stages.viewer import examination_viewer
from qmri.spine.palette import LEVEL_COLOUR

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SIZE = "1366,768"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("exam")
    parser.add_argument("series", type=Path)
    options = parser.parse_args()
    sheet = file_path(exam_directory(options.results, options.exam, "segment"), options.exam, "sheet")
    shrink(sheet, IMAGES / "reader_sheet.png")
    with tempfile.TemporaryDirectory() as folder:
        export_examination(options.results, options.exam, options.series, Path(folder))
        draw_overlay(Path(folder), options.series)
        page = Path(folder) / "viewer.html"
        page.write_text(examination_viewer(options.results, options.exam), encoding="utf-8")
        screenshot(page, Path(folder) / "chromium")


def draw_overlay(exported: Path, series: Path) -> None:
    """Draw the slice with the most segments: the original, the segments on it, and the PDFF map."""
    originals = {}
    for path in sorted(series.rglob("*")):
        if path.is_file():
            header = pydicom.dcmread(path)
            originals[header.SOPInstanceUID] = header
    segments = pydicom.dcmread(exported / SEGMENTATION_FILE)
    names = {item.SegmentNumber: item.SegmentLabel for item in segments.SegmentSequence}
    masks = defaultdict(dict)
    for pixels, own in zip(segments.pixel_array, segments.PerFrameFunctionalGroupsSequence, strict=True):
        level = names[own.SegmentIdentificationSequence[0].ReferencedSegmentNumber]
        masks[referenced(own)][level] = pixels > 0
    chosen = max(masks, key=lambda uid: sum(np.count_nonzero(mask) for mask in masks[uid].values()))
    pdff = pydicom.dcmread(exported / MAP_FILES["pdff"])
    frames = {referenced(own): frame for frame, own in enumerate(pdff.PerFrameFunctionalGroupsSequence)}
    original = originals[chosen].pixel_array
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    for axis, title in ((left, "original slice"), (middle, "Segmentation on it")):
        axis.imshow(original, cmap="gray")
        axis.set_title(title, fontsize=9)
    for level, mask in masks[chosen].items():
        colour = [value / 255 for value in LEVEL_COLOUR[level]]
        middle.imshow(np.dstack([np.full(mask.shape, c) for c in colour] + [0.5 * mask]))
        rows, columns = np.nonzero(mask)
        middle.text(columns.mean(), rows.mean(), level, color="white", fontsize=7, ha="center", va="center")
    shown = right.imshow(pdff.pixel_array[frames[chosen]], cmap="viridis", vmin=0, vmax=100)
    right.set_title("Parametric Map of the same slice", fontsize=9)
    figure.colorbar(shown, ax=right, label="PDFF (%)", shrink=0.6)
    for axis in (left, middle, right):
        axis.set_axis_off()
    figure.savefig(IMAGES / "dicom_overlay.png", dpi=110, metadata={"Software": None})


def referenced(groups: pydicom.Dataset) -> str:
    """Return the original instance that a frame refers to."""
    (derivation,) = groups.DerivationImageSequence
    (source,) = derivation.SourceImageSequence
    return str(source.ReferencedSOPInstanceUID)


def screenshot(page: Path, profile: Path) -> None:
    """Photograph the viewer's page in chromium without a screen."""
    command = ["chromium", "--headless", "--no-sandbox", "--no-first-run", "--disable-background-networking"]
    command += [f"--user-data-dir={profile}", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    command += [f"--window-size={SIZE}", "--virtual-time-budget=30000"]
    command += [f"--screenshot={IMAGES / 'viewer.png'}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    shrink(IMAGES / "viewer.png", IMAGES / "viewer.png")


def shrink(picture: Path, smaller: Path) -> None:
    """Write a picture as PNG of 256 colours."""
    whole = Image.open(picture).convert("RGB")
    few = whole.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE)
    few.save(smaller, optimize=True)


if __name__ == "__main__":
    main()
