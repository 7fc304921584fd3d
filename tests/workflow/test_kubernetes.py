"""The batch on the shipped profile for Kubernetes; a stand-in for kubectl runs each pod as a process."""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("snakemake_executor_plugin_cluster_generic", reason="the extra cluster is not installed")
NEEDED = {"QMRI_RUN", "QMRI_STUDY", "QMRI_RESULTS", "QMRI_CONFIG"}
STAND_IN = Path(__file__).parents[1] / "helpers" / "kubectl_stand_in.py"


@pytest.fixture
def profile(repository, tmp_path, monkeypatch, standin_program):
    """Return the options for a copy of the profile, as a site makes one, with a kubectl."""
    folder = shutil.copytree(repository / "workflow" / "profiles" / "kubernetes", tmp_path / "kubernetes")
    settings = folder / "config.yaml"
    settings.write_text(settings.read_text().replace('"/study/kubernetes/', f'"{folder}/'))
    program = tmp_path / "programs" / "kubectl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECTL_JOBS", str(tmp_path / "pods"))
    monkeypatch.setenv("KUBECTL_IMAGE", str(standin_program / "bin"))
    (tmp_path / "pods").mkdir()
    return ("--profile", str(folder), "--latency-wait", "5", "--seconds-between-status-checks", "1")


def pods(study):
    """The pods that were asked for, in order."""
    manifests = [json.loads(path.read_text()) for path in sorted((study.root / "pods").glob("*.json"))]
    return [manifest["spec"]["template"]["spec"] for manifest in manifests]


def test_the_plan_names_paths_memory_and_time(batch_study, profile):
    study = batch_study(a1={}, b2={})
    ended = study.run(*profile, "-n")
    assert ended.returncode == 0, ended.stderr
    told = ended.stdout + ended.stderr
    for name in ("a1", "b2"):
        for verb in ("ingest", "fit", "segment", "measure", "report"):
            assert f"output: sub-{name}/ses-pre/{verb}/sub-{name}_ses-pre_{verb}.json" in told
    stages = [line for line in told.splitlines() if "resources:" in line and "mem_mb=800," in line]
    assert len(stages) == 10
    assert all("runtime=" in line for line in stages)
    assert not pods(study)
    assert not list(study.out.glob("sub-*"))


@pytest.mark.slow
def test_a_pod_that_is_killed_gets_twice_the_memory_and_time_and_in_the_end_a_row(batch_study, profile):
    study = batch_study(doomed={"fit": {"kill_below_attempt": 99}})
    ended = study.run(*profile, "--retries", "1", timeout=240)
    logs = "".join(path.read_text() for path in (study.root / "pods").glob("*.log"))
    assert ended.returncode == 3, ended.stderr + logs
    with (study.out / "markers" / "patients.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["status"] == "failed"
    assert row["status_reason"].startswith("fit was killed")

    asked = [pod["containers"][0]["resources"]["requests"]["memory"] for pod in pods(study)]
    once = int(asked[0].rstrip("M"))
    assert asked == [f"{once}M", f"{2 * once}M", f"{once}M"]
    minutes = [pod["activeDeadlineSeconds"] / 60 - 10 for pod in pods(study)]
    assert minutes[1] == 2 * minutes[0] > 0
    for pod in pods(study):
        (container,) = pod["containers"]
        assert "Smith" not in json.dumps(container["command"])
        assert {variable["name"] for variable in container["env"]} >= NEEDED
        assert not any("WORKER" in variable["name"] for variable in container["env"])


def test_a_pod_is_asked_after_and_taken_away(profile, tmp_path, monkeypatch):
    for name in NEEDED:
        monkeypatch.setenv(name, f"\"{name}\" of 'Smith'")
    script = tmp_path / "script.sh"

    def called(program, *words):
        command = [str(tmp_path / "kubernetes" / program), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    def ends(name):
        until = time.monotonic() + 30
        while called("status", name) == "running":
            assert time.monotonic() < until
            time.sleep(0.1)
        return called("status", name)

    script.write_text(f"echo \"$QMRI_STUDY\" > '{tmp_path}/told'\n")
    assert ends(called("submit", "2", "800", "10", str(script))) == "success"
    assert (tmp_path / "told").read_text() == "\"QMRI_STUDY\" of 'Smith'\n"
    script.write_text("exit 3\n")
    assert ends(called("submit", "2", "800", "10", str(script))) == "failed"
    script.write_text("sleep 300\n")
    long = called("submit", "2", "800", "10", str(script))
    assert called("status", long) == "running"
    called("cancel", long)
    assert called("status", long) == "failed"
    assert called("status", "qmri-nobody") == "failed"
    (tmp_path / "programs" / "kubectl").write_text("#!/bin/sh\nexit 1\n")  # no answer for a moment
    assert called("status", long) == "running"
