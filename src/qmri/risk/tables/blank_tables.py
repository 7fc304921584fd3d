"""clinical.csv and outcomes.csv to fill in, with their dictionaries and a study's participants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.outputs import CLINICAL_COLUMNS, OUTCOME_COLUMNS
from qmri.outputs.tables import dictionary, table_text
from qmri.risk.cohort.eligibility import by_name

TEMPLATES = {"clinical": CLINICAL_COLUMNS, "outcomes": OUTCOME_COLUMNS}


def write_templates(folder: Path, participants: Sequence[str]) -> list[Path]:
    """Write both tables with a row for each participant, every other cell n/a.

    Raises
    ------
    QmriError
        If one of the files is there already; nothing is written then.
    """
    paths = [folder / f"{name}{suffix}" for name in TEMPLATES for suffix in (".csv", ".json")]
    there = [path.name for path in paths if path.exists()]
    if there:
        raise QmriError(
            "a table is there already, and is not written over",
            where=folder.name,
            found=", ".join(there),
            remedy="name another folder, or move the files away",
        )
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"participant_id": name} for name in sorted(set(participants), key=by_name)]
    for name, columns in TEMPLATES.items():
        (folder / f"{name}.csv").write_text(table_text(rows, columns), encoding="utf-8")
        write_json(folder / f"{name}.json", dictionary(columns))
    return paths
