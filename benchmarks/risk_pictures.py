"""The picture of docs/risk.md, the page of a patient: python benchmarks/risk_pictures.py RESULTS.

The patient is of a simulated cohort, which has no images; RESULTS is the results folder of the example study:
its first examination, treated at the same level, lends one. Writes docs/images/risk.png. Needs chromium.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from page_pictures import IMAGES, photograph

from qmri.config import Config
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.stages.risk import Tables, develop_files
from qmri.pipeline.stages.risk_report import development_pages
from qmri.simulate.cohort.cohort_writer import simulate_cohort
from qmri.simulate.cohort.patients import CohortOptions

PATIENT, LENDER = "0085", "sub-01_ses-pre"
SIZE = (1160, 1120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cohort = Path(folder) / "cohort"
        simulate_cohort(cohort, CohortOptions(), "qmri simulate cohort --cohort 560")
        lend_image(options.results, cohort)
        markers = cohort / "markers"
        tables = Tables(markers, cohort / "clinical.csv", cohort / "outcomes.csv")
        develop_files(tables, cohort / "risk", Config(), partial(development_pages, markers=markers))
        photograph(cohort / "risk" / "patients" / f"{PATIENT}.html", IMAGES / "risk.png", SIZE)


def lend_image(results: Path, cohort: Path) -> None:
    """Give the patient the image and the labels of the lender."""
    exam = f"sub-{PATIENT}_ses-pre"
    target, source = exam_directory(cohort, exam, "segment"), exam_directory(results, LENDER, "segment")
    target.mkdir(parents=True)
    for key in ("inphase", "labels"):
        file_path(target, exam, key).write_bytes(file_path(source, LENDER, key).read_bytes())


if __name__ == "__main__":
    main()
