"""Write a cohort into a new folder: what a study would have, and the truth beside it."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.outputs import CLINICAL_COLUMNS, OUTCOME_COLUMNS, PATIENT_COLUMNS, VERTEBRA_COLUMNS, Column
from qmri.outputs.tables import dictionary, table_text
from qmri.simulate.cohort.cohort_rows import (
    Row,
    clinical_rows,
    outcome_rows,
    patient_rows,
    truth_rows,
    vertebra_rows,
)
from qmri.simulate.cohort.patients import CohortOptions, draw_people

README = """\
# A simulated cohort

No person stands behind these rows: risks, markers and outcomes were drawn by `{command}`; the same command
gives the same bytes. Risk rests on true marrow and on a part that no table knows, so that no model reaches
it exactly.

| file | content |
|---|---|
| `markers/patients.csv`, `markers/vertebrae.csv` | markers; some participants have a session a year later |
| `clinical.csv`, `outcomes.csv` | clinical data and outcomes, a JSON dictionary beside each |
| `truth/risks.csv` | true risk of everybody, and what happened to those who were lost too |

    qmri risk develop markers --clinical clinical.csv --outcomes outcomes.csv --out risk
"""


def simulate_cohort(directory: Path, options: CohortOptions, command: str) -> None:
    """Write a cohort.

    Parameters
    ----------
    directory
        Must be absent or empty.
    options
        What is drawn.
    command
        The command line that makes the same cohort again, for the README.

    Raises
    ------
    QmriError
        If the folder holds something.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise QmriError(
            "the folder for the cohort is not empty",
            where=directory.name,
            remedy="give a new folder, or empty this one: files of two cohorts must not mix",
        )
    people = draw_people(options)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as staging:
        made = Path(staging) / "cohort"
        for folder in ("markers", "truth"):
            (made / folder).mkdir(parents=True)
        _write(made / "markers" / "patients.csv", patient_rows(people, options), PATIENT_COLUMNS)
        _write(made / "markers" / "vertebrae.csv", vertebra_rows(people, options), VERTEBRA_COLUMNS)
        _write(made / "clinical.csv", clinical_rows(people, options), CLINICAL_COLUMNS)
        _write(made / "outcomes.csv", outcome_rows(people, options), OUTCOME_COLUMNS)
        truth = truth_rows(people, options)
        with (made / "truth" / "risks.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(truth[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(truth)
        (made / "README.md").write_text(README.format(command=command), encoding="utf-8")
        if directory.exists():
            directory.rmdir()
        made.rename(directory)


def _write(path: Path, rows: Sequence[Row], columns: Sequence[Column]) -> None:
    path.write_text(table_text(rows, columns), encoding="utf-8")
    write_json(path.with_suffix(".json"), dictionary(columns))
