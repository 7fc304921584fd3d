"""The pictures of pages in README.md and docs/batch.md: python benchmarks/page_pictures.py RESULTS EXAM.

On the example study. Writes report.png and study.png into docs/images; `reader_pictures.py` makes the others.
Needs chromium.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from qmri.outputs import exam_directory, file_path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SPARE = 200  # a window shows less of a page than its height


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("exam")
    options = parser.parse_args()
    page = file_path(exam_directory(options.results, options.exam, "report"), options.exam, "page")
    photograph(page, IMAGES / "report.png", (1160, 1100))
    photograph(options.results / "report" / "index.html", IMAGES / "study.png", (1160, 1380))


def photograph(page: Path, picture: Path, size: tuple[int, int]) -> None:
    """Write the top of a page as PNG of 256 colours."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--no-first-run", "--disable-background-networking", f"--user-data-dir={folder}/profile"]
        command += [
            f"--window-size={size[0]},{size[1] + SPARE}",
            f"--screenshot={shot}",
            page.resolve().as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
        whole = Image.open(shot).convert("RGB").crop((0, 0, *size))
        few = whole.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE)
        few.save(picture, optimize=True)


if __name__ == "__main__":
    main()
