"""The worked example of the docs runs as it stands."""

import re

import matplotlib as mpl

from qmri.outputs import PATIENT_COLUMNS, VERTEBRA_COLUMNS
from qmri.outputs.tables import table_text


def test_the_example_goes_from_tables_to_a_picture(repository, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (repository / "docs/first-look.md").read_text(), re.DOTALL)
    keys = {"participant_id": "01", "session_id": "pre"}
    rows = [
        keys
        | {"level": level, "status": "ok", "qc_pass": True, "pdff_median_pct": pdff, "pdff_se_total_pct": 1.6}
        | {"fracture_status": "treated_target" if level == "L1" else "none"}
        for level, pdff in (("T12", 44.0), ("L1", 18.0), ("L2", 46.0))
    ]
    rows.append(
        keys | {"level": "L3", "status": "failed", "status_reason": "a reason", "fracture_status": "none"}
    )
    markers = tmp_path / "results" / "markers"
    markers.mkdir(parents=True)
    (markers / "vertebrae.csv").write_text(table_text(rows, VERTEBRA_COLUMNS))
    (markers / "patients.csv").write_text(table_text([keys | {"status": "ok"}], PATIENT_COLUMNS))
    monkeypatch.chdir(tmp_path)
    mpl.use("Agg")
    exec(compile(code, "first-look.md", "exec"), {})
    assert (tmp_path / "pdff_by_level.png").stat().st_size > 10_000
    assert "a reason" in capsys.readouterr().out
