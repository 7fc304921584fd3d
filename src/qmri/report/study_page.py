"""The page of the study: every examination as a row, with a link to its page."""

from __future__ import annotations

import csv
from pathlib import Path

from qmri.measure.collect import replace_text
from qmri.outputs import exam_directory, file_path
from qmri.report.page import environment
from qmri.study import Study


def write_study_page(study: Study, results: Path) -> Path:
    """Write OUT/report/index.html from the tables of the study and return its path."""
    patients = _rows(results / "markers" / "patients.csv")
    rows = []
    for exam, patient in zip(study, patients, strict=True):
        page = file_path(exam_directory(results, exam.name, "report"), exam.name, "page")
        link = f"../{page.relative_to(results).as_posix()}" if page.exists() else ""
        rows.append({"patient": patient, "link": link})
    text = environment().get_template("study.html").render(rows=rows)
    path = results / "report" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, text)
    return path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
