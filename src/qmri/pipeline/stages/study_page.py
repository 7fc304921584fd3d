"""The page of the study: every examination as a row, levels against the study and the literature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qmri.outputs import PATIENT_COLUMNS, exam_directory, file_path
from qmri.outputs.files import PARTICIPANT_PAGES
from qmri.outputs.tables import read_rows
from qmri.pipeline.records.citations import methods_text
from qmri.pipeline.records.ledger import run_times
from qmri.pipeline.records.record_files import read_records
from qmri.pipeline.records.whole_file import write_whole
from qmri.pipeline.study.study_sheet import Examination, Study
from qmri.report.charts import Cells, number
from qmri.report.distributions import agreement_of, caption, level_charts, outliers
from qmri.report.environment import environment
from qmri.report.examination.record_words import software_in_words
from qmri.report.flagged import flags_line

HEADINGS = (
    ("Participant", "", "text first"),
    ("Session", "", "text"),
    ("Status", "", "text"),
    ("PDFF", "% background", "number"),
    ("PDFF", "% treated", "number"),
    ("R2*", "1/s background", "number"),
    ("Levels", "measured", "number"),
    ("Field", "T", "number"),
    ("Flags, or why there are no numbers", "", "text"),
)
LEVEL_COLUMNS = (
    "participant_id",
    "session_id",
    "level",
    "status",
    "level_verified",
    "fracture_status",
    "pdff_median_pct",
    "pdff_vendor_median_pct",
    "r2star_median_per_s",
    "r2star_vendor_median_per_s",
)
"""What the page shows of a level."""


def write_study_page(study: Study, results: Path) -> Path:
    """Write OUT/report/index.html from the tables and records of the study and return its path."""
    markers = results / "markers"
    flags = _flags_by_examination(read_rows(markers / "flags.csv"))
    patients = {_key(row): row for row in read_rows(markers / "patients.csv")}
    vertebrae = read_rows(markers / "vertebrae.csv", LEVEL_COLUMNS)
    rows = []
    for exam in study:
        key = exam.participant_id, exam.session_id
        rows.append(_row(exam, patients.get(key) or _absent(exam), flags.get(key, ""), results))
    records = (read_records(results, exam) for exam in study.names)
    measured = [
        {**row, "field_t": patients[_key(row)]["field_t"]} for row in vertebrae if row["status"] == "ok"
    ]
    named = [row for row in measured if row["level_verified"] != "0"]
    unverified = {_key(row) for row in measured} - {_key(row) for row in named}
    for exam, row in zip(study, rows, strict=True):
        shared = exam.participant_id in study.repeated
        row["sessions"] = f"participants/{exam.subject}.html" if shared else ""
        row["unverified"] = (row["participant"], row["session"]) in unverified
    text = (
        environment()
        .get_template("study.html")
        .render(
            headings=HEADINGS,
            rows=rows,
            n_failed=sum(row["status"] != "ok" for row in rows),
            n_flagged=sum(bool(row["flags"]) and row["status"] == "ok" for row in rows),
            n_levels=len(measured),
            failures=_failures(rows),
            unverified=[row for row in rows if row["unverified"]],
            charts=level_charts(named),
            caption=caption(named, left_out=len(unverified)),
            outliers=outliers(named),
            agreement=agreement_of(measured),
            methods=_methods(results, study.names),
            times=run_times(results),
            software=software_in_words(next((own.software for own in records if own.by_verb), {})),
        )
    )
    path = results / "report" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    repeated = {exams[0].subject for exams in study.repeated.values()}
    for page in (results / PARTICIPANT_PAGES).glob("*.html"):
        if page.stem not in repeated:  # of a participant who has no longer several sessions
            page.unlink()
    write_whole(path, text)
    return path


def _key(row: Cells) -> tuple[str, str]:
    return row["participant_id"], row["session_id"]


def _absent(exam: Examination) -> dict[str, str]:
    """Return the row of an examination that the tables do not have."""
    cells = {column.name: "n/a" for column in PATIENT_COLUMNS}
    cells |= {"participant_id": exam.participant_id, "session_id": exam.session_id}
    return cells | {"status": "absent", "status_reason": "not in the tables yet; run the study again"}


def _failures(rows: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the failed examinations by reason, the most frequent reason first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["status"] != "ok":
            groups.setdefault(row["reason"], []).append(row)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


def _row(exam: Examination, patient: Cells, flags: str, results: Path) -> dict[str, Any]:
    folder = exam_directory(results, exam.name, "report")
    page, picture = (file_path(folder, exam.name, key) for key in ("page", "thumbnail"))

    def link(path: Path) -> str:
        return f"../{path.relative_to(results).as_posix()}" if path.exists() else ""

    return {
        "participant": patient["participant_id"],
        "session": patient["session_id"],
        "status": patient["status"],
        "values": [
            (number(patient, name), digits)
            for name, digits in (
                ("pdff_bg_median_pct", 1),
                ("pdff_target_median_pct", 1),
                ("r2star_bg_median_per_s", 0),
                ("n_levels", 0),
                ("field_t", 1),
            )
        ],
        "flags": flags,
        "reason": "" if patient["status_reason"] == "n/a" else patient["status_reason"],
        "page": link(page),
        "picture": link(picture),
    }


def _flags_by_examination(flags: Sequence[Cells]) -> dict[tuple[str, str], str]:
    """Return the flags of each examination in a line."""
    found: dict[tuple[str, str], list[Cells]] = {}
    for flag in flags:
        found.setdefault(_key(flag), []).append(flag)
    return {key: flags_line(own) for key, own in found.items()}


def _methods(results: Path, names: Sequence[str]) -> dict[str, object]:
    """Return the Methods paragraph and its references."""
    paragraph, _, references = methods_text(results, names).partition("\n\n")
    return {"text": paragraph.replace("\n", " "), "references": references.splitlines()}
