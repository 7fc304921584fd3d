"""The registry of outputs: complete, consistent, and what docs/outputs.md says."""

import re

import pytest

from qmri.outputs import CHANGE_COLUMNS, EXAM_TABLES, FILES
from qmri.outputs.document import outputs_markdown

TABLES = {
    **{name: table.columns for name, table in EXAM_TABLES.items()},
    "changes": CHANGE_COLUMNS,
}
SUFFIX = {
    "%": "_pct",
    "1/s": "_per_s",
    "mm": "_mm",
    "ms": "_ms",
    "deg": "_deg",
    "cm3": "_cm3",
    "Hz": "_hz",
    "T": "_t",
}


def test_docs_outputs_is_made_from_the_registry(repository):
    path = repository / "docs" / "outputs.md"
    assert path.read_text(encoding="utf-8") == outputs_markdown(), "run make docs"


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_named_once_in_snake_case_with_their_unit(table):
    names = [column.name for column in TABLES[table]]
    assert len(set(names)) == len(names)
    for column in TABLES[table]:
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", column.name)
        assert column.description.endswith(".")
        if column.unit in SUFFIX and column.name != "te_ms_list":
            assert SUFFIX[column.unit] in column.name
        if column.plausible:
            assert column.plausible[0] < column.plausible[1]


def test_files_have_names_of_their_own():
    names = [(output.verb, output.suffix) for output in FILES.values()]
    assert len(set(names)) == len(names)
