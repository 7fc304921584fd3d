"""What a run says at its end."""

import json

import pytest

from qmri.outputs import PATIENT_COLUMNS, VERTEBRA_COLUMNS
from qmri.outputs.tables import table_text
from qmri.pipeline.run.summary import MOST_NAMED, summarise


@pytest.mark.parametrize("unverified", [0, 1, MOST_NAMED + 2])
def test_names_that_are_not_verified_and_failures_are_told_at_the_end(tmp_path, unverified):
    keys = [{"participant_id": f"{n:02d}", "session_id": "pre"} for n in range(MOST_NAMED + 3)]
    patients = [key | {"status": "ok"} for key in keys[:-1]]
    patients.append(keys[-1] | {"status": "failed", "status_reason": "ingest: two patients"})
    vertebrae = [
        key | {"level": level, "status": "ok", "level_verified": place >= unverified}
        for place, key in enumerate(keys[:-1])
        for level in ("L1", "L2")
    ]
    (tmp_path / "markers").mkdir()
    for name, rows, columns in (
        ("patients", patients, PATIENT_COLUMNS),
        ("vertebrae", vertebrae, VERTEBRA_COLUMNS),
    ):
        (tmp_path / "markers" / f"{name}.csv").write_text(table_text(rows, columns))
    summary = summarise(tmp_path)
    assert summary.failed == 1
    assert "failed   08 pre: ingest: two patients" in summary.text
    assert ("not verified" in summary.text) == bool(unverified)
    assert ("and 2 more" in summary.text) == (unverified > MOST_NAMED)
    assert summary.text.count("00 pre") == min(unverified, 1)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"status": "ok"}, "report.html"),
        (
            {"status": "refused", "reason": "too few events", "remedy": "follow more"},
            "no model: too few events",
        ),
        (None, ""),
    ],
)
def test_what_became_of_the_risk_model_is_told_where_there_is_one(tmp_path, record, says):
    (tmp_path / "markers").mkdir()
    for name, columns in (("patients", PATIENT_COLUMNS), ("vertebrae", VERTEBRA_COLUMNS)):
        (tmp_path / "markers" / f"{name}.csv").write_text(table_text([], columns))
    if record:
        (tmp_path / "risk").mkdir()
        (tmp_path / "risk" / "risk_record.json").write_text(
            json.dumps({"stage": "risk", "settings": {}, "software": {}, **record})
        )
    text = summarise(tmp_path).text
    assert says in text
    assert ("risk     " in text) == (record is not None)
