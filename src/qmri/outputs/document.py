"""docs/outputs.md, made from the registry by ``make docs``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qmri.outputs.agreement_columns import AGREEMENT_TABLES
from qmri.outputs.columns import Column
from qmri.outputs.files import FILES, VERBS
from qmri.outputs.markers.change_columns import CHANGE_COLUMNS
from qmri.outputs.markers.exam_tables import EXAM_TABLES
from qmri.outputs.risk_columns import (
    CLINICAL_COLUMNS,
    OUTCOME_COLUMNS,
    READER_OUTCOME_COLUMNS,
    RISK_FILES,
    RISK_FLOW_COLUMNS,
    RISK_LEVEL_COLUMNS,
    RISK_PAGES,
    RISK_PATIENT_COLUMNS,
)

INTRODUCTION = """\
# Outputs

This page is made from the registry in `src/qmri/outputs/` by `make docs`; a test holds the two together.
The same descriptions stand in the JSON dictionary beside each table.

Reading a table takes one line, and `n/a` becomes a missing value by itself:

```python
vertebrae = pandas.read_csv("results/markers/vertebrae.csv", dtype={"participant_id": str, "session_id": str})
```

A row exists for every expected level of every examination, whatever happened to it; `status` says whether it
has numbers. Numbers have six significant digits, yes and no are 1 and 0, lists are separated by `;`.
The key of `vertebrae.csv` is `participant_id, session_id, level`; that of `patients.csv` is
`participant_id, session_id`. `discs.csv` has `level` besides, `muscles.csv` `level, muscle, side`.
"""


def outputs_markdown() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for title, table in EXAM_TABLES.items():
        parts.append(f"## markers/{title}.csv\n\n{table.about}\n\n{_column_table(table.columns)}")
    parts.append(
        "## markers/changes.csv\n\n"
        "One row for every level of every session after a participant's first; "
        "there are none where every participant has one session.\n\n"
        f"{_column_table(CHANGE_COLUMNS)}"
    )
    for title, (columns, about) in AGREEMENT_TABLES.items():
        parts.append(f"## review/{title}.csv\n\n{about}\n\n{_column_table(columns)}")
    parts.append(
        "## review/outcomes.csv\n\n"
        "One row for every participant, from what readers confirmed at the follow-up; `qmri risk` reads it. "
        "Dates, scores and how the follow-up ended are filled in by hand and kept.\n\n"
        f"{_column_table(READER_OUTCOME_COLUMNS)}"
    )
    files = [(f"`{name}`", words) for name, words in (RISK_FILES | RISK_PAGES).items()]
    parts.append(f"## Files of the risk model\n\n{_table(('file', 'what it is'), files)}")
    for title, columns, about in (
        ("clinical.csv", CLINICAL_COLUMNS, "Written by the study: one row for every participant."),
        ("outcomes.csv", OUTCOME_COLUMNS, "Written by the study: one row for every participant."),
        ("risk_patients.csv", RISK_PATIENT_COLUMNS, "One row for every eligible participant."),
        ("risk_levels.csv", RISK_LEVEL_COLUMNS, "One row for every level that can fracture anew."),
        ("risk_flow.csv", RISK_FLOW_COLUMNS, "One row for every participant."),
    ):
        parts.append(f"### {title}\n\n{about}\n\n{_column_table(columns)}")
    parts.append(
        "## Files of an examination\n\n"
        "They lie in `sub-<participant>/ses-<session>/<stage>/` and begin with "
        "`sub-<participant>_ses-<session>_`. Images have a JSON sidecar with unit, sources and versions.\n"
    )
    for verb in VERBS:
        rows = [
            (f"`{output.suffix}`", output.unit or "", output.description)
            for output in FILES.values()
            if output.verb == verb
        ]
        parts.append(f"### {verb}\n\n{_table(('file', 'unit', 'what it is'), rows)}")
    return "\n".join(parts)


def _column_table(columns: Sequence[Column]) -> str:
    rows = []
    for column in columns:
        text = column.description
        if column.levels:
            words = "; ".join(f"`{word}`: {meaning}" for word, meaning in column.levels.items())
            text = f"{text} {words}."
        usual = f"{column.plausible[0]:g} to {column.plausible[1]:g}" if column.plausible else ""
        rows.append((f"`{column.name}`", column.unit or "", text, usual, column.source))
    return _table(("column", "unit", "what it is", "plausible", "source"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        + "\n"
    )
