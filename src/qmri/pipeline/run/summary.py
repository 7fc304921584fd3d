"""What ``qmri run`` says at its end: where the results are, their first rows, and what failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qmri.outputs import exam_directory
from qmri.outputs.tables import read_rows
from qmri.pipeline.records.models import RiskRecord
from qmri.pipeline.records.record_files import parsed, read_text
from qmri.pipeline.study.study_sheet import exam_name

SHOWN_COLUMNS = (
    "participant_id",
    "session_id",
    "level",
    "fracture_status",
    "n_voxels",
    "pdff_median_pct",
    "r2star_median_per_s",
    "height_ant_mm",
    "height_post_mm",
)
STATUS_COLUMNS = ("participant_id", "session_id", "status", "status_reason")
SHOWN_ROWS = 10
MOST_NAMED = 6


@dataclass(frozen=True)
class Summary:
    """The end of a run.

    Attributes
    ----------
    text
        Lines for the terminal.
    failed
        Number of examinations that could not be evaluated.
    """

    text: str
    failed: int


def summarise(results: Path) -> Summary:
    """Read the tables of a finished run and say what a user looks at next."""
    patients = read_rows(results / "markers" / "patients.csv", STATUS_COLUMNS)
    vertebrae = read_rows(results / "markers" / "vertebrae.csv", (*SHOWN_COLUMNS, "status", "level_verified"))
    failed = [row for row in patients if row["status"] == "failed"]
    seen = [row for row in vertebrae if row["status"] == "ok"]
    lines = ["", *_table([{c: row[c] for c in SHOWN_COLUMNS} for row in seen[:SHOWN_ROWS]])]
    if len(seen) > SHOWN_ROWS:
        lines.append(f"... and {len(seen) - SHOWN_ROWS} more vertebrae")
    lines += [
        "",
        f"tables   {results / 'markers' / 'vertebrae.csv'}",
        f"         {results / 'markers' / 'patients.csv'}   (the .json beside each explains its columns)",
        f"report   {results / 'report' / 'index.html'}",
        "",
    ]
    lines += [f"failed   {_name(row)}: {row['status_reason']}" for row in failed]
    if failed:
        folder = exam_directory(results, exam_name(failed[0]["participant_id"], failed[0]["session_id"]), "")
        lines += [
            "         qmri status tells what to do. A changed file, row or setting is tried again by itself;",
            f"         to try an unchanged examination again, delete its folder first: {folder}",
        ]
    doubtful = list(dict.fromkeys(_name(row) for row in seen if row.get("level_verified") == "0"))
    if doubtful:
        named = ", ".join(doubtful[:MOST_NAMED])
        more = f" and {len(doubtful) - MOST_NAMED} more" if len(doubtful) > MOST_NAMED else ""
        lines += [
            f"names    not verified, so every level may be off by one: {named}{more}",
            f"         the reasons: {results / 'worklist' / 'worklist.csv'}; how to confirm: docs/reader.md",
        ]
    lines += _risk(results / "risk")
    lines.append(f"{len(patients) - len(failed)} of {len(patients)} examinations done, {len(failed)} failed")
    return Summary("\n".join(lines) + "\n", len(failed))


def _risk(folder: Path) -> list[str]:
    """Return what became of the risk model, nothing where the study has none."""
    record_path = folder / "risk_record.json"
    if not record_path.is_file():
        return []
    record = parsed(RiskRecord, read_text(record_path), record_path.name)
    if record.status == "ok":
        return [f"risk     {folder / 'report.html'}"]
    return [
        f"risk     no model: {record.reason}",
        f"         {record.remedy or 'see logs/risk.log'}",
    ]


def _name(row: dict[str, str]) -> str:
    return f"{row['participant_id']} {row['session_id']}"


def _table(rows: list[dict[str, str]]) -> list[str]:
    if not rows:
        return ["no vertebra could be measured"]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    header = "  ".join(name.ljust(width) for name, width in widths.items())
    return [header] + ["  ".join(row[name].ljust(width) for name, width in widths.items()) for row in rows]
