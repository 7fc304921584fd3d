"""The stages of the images never open the outcomes: nothing about a mask may depend on who broke what."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qmri.config import Config
from qmri.json_files import read_json
from qmri.risk.tables.blank_tables import write_templates

SOURCE = Path(__file__).resolve().parents[2] / "src" / "qmri"
MAY_KNOW = (
    "risk/",
    "report/risk",
    "commands/risk.py",
    "pipeline/stages/risk",
    "pipeline/run/workflow.py",
    "config/settings.py",
    "config/risk_settings.py",
    "simulate/cohort/",
    "pipeline/follow_up/",
    "review/followup/",
)
"""The model; its pages; the plan, which looks at names, sizes and times of the file; the simulated cohort;
the follow-up, where a reader judges new fractures and the table comes from."""

HOOK = """
import os, sys

def heard(event, arguments):
    if event == "open" and str(arguments[0]).endswith("outcomes.csv"):
        with os.fdopen(os.open(os.environ["OPENED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT), "a") as file:
            file.write(" ".join(sys.orig_argv) + "\\n")

sys.addaudithook(heard)
"""


def mentions_outcomes(path):
    """Whether a module names the setting or the table in its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "outcomes":
            return True
        if isinstance(node, ast.Constant) and node.value in ("outcomes", "outcomes.csv"):
            return True
    return False


def test_no_module_of_an_imaging_stage_knows_the_outcomes():
    knowing = {
        path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if mentions_outcomes(path)
    }
    allowed = {name for name in knowing if name.startswith((*MAY_KNOW, "outputs/"))}
    assert knowing == allowed
    assert "pipeline/stages/risk.py" in knowing


def test_no_package_but_the_report_imports_the_model():
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        if "qmri.risk" in path.read_text(encoding="utf-8") and not name.startswith("risk/"):
            assert name.startswith(("commands/risk.py", "report/", "pipeline/stages/risk")), name


def test_no_other_section_of_the_configuration_names_outcomes():
    for section, field in Config.model_fields.items():
        if section != "risk":
            assert not any("outcome" in name for name in field.annotation.model_fields)


@pytest.mark.slow
def test_in_a_run_of_the_workflow_the_rule_of_the_model_alone_opens_them(tmp_path):
    """Every opening of the file by any process of a run is heard; a refusal of the model stops nobody."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    study, opened = tmp_path / "study", tmp_path / "opened"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QMRI_")}
    environment |= {"PYTHONPATH": str(tmp_path / "hook"), "OPENED": str(opened)}

    def qmri(*words):
        command = [sys.executable, "-m", "qmri", *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert qmri("simulate", study, "--patients", 1, "--forms", "maps", "--slices", 9).returncode == 0
    write_templates(study, ["01"])
    (study / "config.yaml").write_text("risk: {clinical: clinical.csv, outcomes: outcomes.csv}\n")
    opened.unlink(missing_ok=True)
    run = qmri("run", study / "study.csv", "--out", tmp_path / "results", "--cores", 2)
    assert run.returncode == 0, run.stderr[-3000:]
    assert "no model: there are too few events" in run.stdout
    heard = opened.read_text().splitlines()
    assert heard
    assert all("risk develop" in line for line in heard), heard
    record = read_json(tmp_path / "results" / "risk" / "risk_record.json")
    assert record["status"] == "refused"
    assert record["reason"]
    assert record["remedy"]
    assert not (tmp_path / "results" / "risk" / "risk_model.json").exists()
    for path in (tmp_path / "results").rglob("*"):
        assert path.is_dir() or str(study).encode() not in path.read_bytes(), path
