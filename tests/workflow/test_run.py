"""qmri run on stand-in stages: progress, failures, losses, interruption, resumption."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from qmri.pipeline.reading.readings import Reading, append_reading, now
from qmri.pipeline.records.folder_files import FOLDER_FILES

PLAIN, REFUSES = {}, {"ingest": {"refuse": "another sequence"}}


def statuses(study):
    with (study.out / "markers" / "patients.csv").open() as file:
        return {row["participant_id"]: (row["status"], row["status_reason"]) for row in csv.DictReader(file)}


def test_one_bad_examination_stops_nobody(batch_study):
    study = batch_study(a1=PLAIN, b2=REFUSES, c3={"segment": {"crash": 1}})
    ended = study.run()
    assert ended.returncode == 3
    assert ended.stdout.splitlines()[-1] == "1 of 3 examinations done, 2 failed"
    assert statuses(study) == {
        "a1": ("ok", "n/a"),
        "b2": ("failed", "another sequence"),
        "c3": ("failed", "error in the program (ZeroDivisionError)"),
    }
    assert study.record("b2", "report")["failed_stage"] == "ingest"

    # Progress for a person, in plain lines; nothing of Snakemake's own account.
    assert "sub-b2 ses-pre failed at ingest: another sequence" in ended.stderr
    assert "1 of 3 examinations done, 2 failed" in ended.stderr
    assert "jobid" not in ended.stderr
    assert len(ended.stderr.splitlines()) < 10

    # What stays in the results folder names no folder of the source data, and no thread too many.
    assert study.record("a1", "ingest")["settings"]["threads"] == "1"
    for path in study.out.rglob("*"):
        if path.is_file():
            assert b"Smith" not in path.read_bytes(), path
            assert str(study.sheet).encode() not in path.read_bytes(), path

    # Nothing is done twice, and a touched input concerns its own examination alone.
    before = {path: path.stat().st_mtime_ns for path in study.out.glob("sub-*/*/*/*.json")}
    study.behave("c3", PLAIN)
    again = study.run()
    assert again.returncode == 3
    assert statuses(study)["c3"] == ("ok", "n/a")
    changed = {path.parts[-4] for path, time_ns in before.items() if path.stat().st_mtime_ns != time_ns}
    assert changed == {"sub-c3"}


def test_what_the_folder_says_of_itself_comes_back_when_it_was_taken_away_or_damaged(batch_study):
    study = batch_study(a1=PLAIN)
    assert study.run().returncode == 0
    before = {name: (study.out / name).read_bytes() for name in FOLDER_FILES}
    for name in FOLDER_FILES:
        (study.out / name).unlink()
        assert study.run().returncode == 0
        assert (study.out / name).is_file(), name
    (study.out / "provenance.json").write_text("")
    os.utime(study.out / "markers" / "vertebrae.csv")
    ended = study.run()
    assert ended.returncode == 0, ended.stderr
    for name in set(FOLDER_FILES) - {"provenance.json"}:
        assert (study.out / name).read_bytes() == before[name]
    assert json.loads((study.out / "provenance.json").read_text())["outputs"]


def test_examinations_are_finished_one_after_another(batch_study):
    study = batch_study(**{f"a{number}": PLAIN for number in range(6)})
    assert study.run("--cores", "2").returncode == 0
    made = {
        verb: sorted(path.stat().st_mtime_ns for path in study.out.glob(f"sub-*/*/{verb}/*_{verb}.json"))
        for verb in ("ingest", "report")
    }
    assert len(made["report"]) == 6
    assert made["report"][1] < made["ingest"][-1]


@pytest.mark.slow
def test_a_lost_stage_is_a_row_and_is_tried_again_by_the_next_run(batch_study):
    study = batch_study(a1=PLAIN, b2={"fit": {"kill_below_attempt": 3}})
    ended = study.run("--cores", "2", "--retries", "1")
    assert ended.returncode == 3
    status, reason = statuses(study)["b2"]
    assert status == "failed"
    assert reason.startswith("fit was killed")
    assert statuses(study)["a1"] == ("ok", "n/a")

    again = study.run("--cores", "2", "--retries", "1")
    assert again.returncode == 0
    assert statuses(study)["b2"] == ("ok", "n/a")


@pytest.mark.slow
def test_a_full_disk_is_nobodys_failure(batch_study):
    study = batch_study(a1=PLAIN, b2={"segment": {"full_disk": 1}})
    ended = study.run("--cores", "2", "--retries", "0")
    assert ended.returncode == 1
    assert "the disk is full" in ended.stderr
    assert not (study.out / "markers" / "patients.csv").exists()
    study.behave("b2", PLAIN)
    assert study.run().returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_so_and_goes_on_later(batch_study, stop):
    study = batch_study(a1={"fit": {"seconds": 3}}, b2=PLAIN)
    process = study.start("--cores", "1")
    wait_for(study.out, "sub-a1/ses-pre/ingest/*_ingest.json")
    os.killpg(process.pid, stop)
    output, _ = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGTERM), output
    assert output.count("stopping") == 1
    assert "memory" not in output
    assert "the same command goes on" in output
    ended = study.run()
    assert ended.returncode == 0, ended.stderr


SIGTERM_UNDER_THE_LOCK = """
import signal, threading
from qmri.pipeline.run.stopping import heed_sigterm_at_any_moment
from snakemake.workflow import JobScheduler

for _ in range(2):
    heed_sigterm_at_any_moment()
scheduler = JobScheduler.__new__(JobScheduler)
scheduler._lock, scheduler._open_jobs, scheduler._user_kill = threading.Lock(), threading.Semaphore(0), None
signal.signal(signal.SIGTERM, scheduler.exit_gracefully)
with scheduler._lock:
    signal.raise_signal(signal.SIGTERM)
print(scheduler._open_jobs.acquire(timeout=20), scheduler._user_kill)
"""


def test_a_run_that_takes_note_of_ended_jobs_can_be_stopped_as_well():
    """Snakemake's own handler waits there for a lock which its own thread holds."""
    command = [sys.executable, "-c", SIGTERM_UNDER_THE_LOCK]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "True graceful\n"


def test_a_dry_run_writes_nothing_and_unknown_options_go_to_snakemake(batch_study):
    study = batch_study(a1=PLAIN)
    ended = study.run("--cores", "1", "-n")
    assert ended.returncode == 0, ended.stderr
    assert "ingest" in ended.stdout + ended.stderr
    assert not list(study.out.glob("sub-*"))
    refused = study.run("--cores", "1", "--no-such-option")
    assert refused.returncode == 2
    assert "--no-such-option" in refused.stderr


# What is there when a run is killed: its plan, a stage that is done or at work, the tables, the page.
MOMENTS = (
    ".snakemake/log/*",
    "sub-p0/ses-pre/ingest/*_ingest.json",
    "sub-p1/ses-pre/.segment-*",
    "markers/patients.csv",
    "report/index.html",
)


@pytest.mark.slow
def test_killed_at_every_kind_of_moment_the_tables_are_those_of_an_undisturbed_run(batch_study, monkeypatch):
    study = batch_study(p0=PLAIN, p1={"segment": {"seconds": 0.5}}, bad=REFUSES)
    assert study.run().returncode == 3
    tables = study.tables()
    study.out = study.root / "disturbed"
    monkeypatch.setenv("STANDIN_PAGE_S", "2")  # the page is the last that a run makes
    for number, moment in enumerate(MOMENTS):
        process = study.start("--cores", "2")
        wait_for(study.out, ".snakemake/log/*", number + 1)  # of this run
        wait_for(study.out, moment)
        os.kill(process.pid, signal.SIGKILL)  # the jobs it started live on
        process.communicate()
        assert process.returncode == -signal.SIGKILL, moment
    ended = study.run()
    assert ended.returncode == 3, ended.stderr
    assert study.tables() == tables
    assert not list(study.out.glob("sub-*/ses-*/.*"))


def wait_for(folder, pattern, files=1, seconds=120):
    until = time.monotonic() + seconds
    while len(list(folder.glob(pattern))) < files:
        assert time.monotonic() < until, f"{pattern} did not come"
        time.sleep(0.02)


@pytest.mark.slow
def test_plain_snakemake_does_the_same(batch_study, repository):
    study = batch_study(a1=PLAIN, b2=REFUSES)
    assert study.run().returncode == 3
    tables = study.tables()
    study.out = study.root / "plain"
    command = [
        *(str(study.program / "bin" / "python"), "-m", "snakemake", "--cores", "2"),
        *("--snakefile", str(repository / "workflow" / "Snakefile")),
        *("--config", f"study={study.sheet}", f"out={study.out}"),
    ]
    subprocess.run(command, cwd=study.root, env=study.environment, capture_output=True, check=True)
    assert study.tables() == tables


MODULE = """
module spines:
    snakefile: "{snakefile}"
    config: config

use rule * from spines as spines_*

rule mine:
    default_target: True
    input: "markers/patients.csv"
    output: "mine.txt"
    shell: "wc -l {{input}} > {{output}}"
"""


@pytest.mark.slow
def test_the_workflow_is_a_module_of_another_and_takes_its_settings(batch_study, repository):
    study = batch_study(a1=PLAIN)
    (study.root / "Snakefile").write_text(MODULE.format(snakefile=repository / "workflow" / "Snakefile"))
    settings = f"study: {study.sheet}\nout: {study.out}\nmeasure: {{erosion_mm: 2.5}}\n"
    (study.root / "mine.yaml").write_text(settings)
    python = str(study.program / "bin" / "python")
    command = [python, "-m", "snakemake", "--cores", "2", "--configfile", "mine.yaml"]
    subprocess.run(command, cwd=study.root, env=study.environment, capture_output=True, check=True)
    assert (study.out / "mine.txt").read_text() == "2 markers/patients.csv\n"
    assert study.record("a1", "measure")["settings"]["erosion_mm"] == 2.5


@pytest.mark.slow
def test_the_report_of_snakemake_has_the_tables_with_their_captions(batch_study):
    study = batch_study(a1=PLAIN)
    assert study.run().returncode == 0
    report = study.root / "report.html"
    ended = study.run("--cores", "1", "--report", str(report))
    assert ended.returncode == 0, ended.stderr
    text = report.read_text()
    for words in ("Bone marrow markers", "One row for each level", "all examinations", "patients.csv"):
        assert words in text
    assert "Smith" not in text


NASTY = "a #b: 'c' [d] \"e\" {f} $(g) & h; %s = *\u00e9 \u60a3\u8005"


@pytest.mark.slow
def test_a_study_runs_whatever_its_folders_are_called(batch_study):
    plain = batch_study(a1=PLAIN)
    root = plain.root / NASTY
    root.mkdir()
    study = type(plain)(root, plain.program)
    study.sheet, study.out = root / f"-{NASTY}.csv", root / f"-out {NASTY}"
    study.add({"a1": PLAIN, "b2": REFUSES})
    (root / "Smith-a1").rename(root / NASTY)
    study.sheet.write_text(study.sheet.read_text().replace("Smith-a1", '"' + NASTY.replace('"', '""') + '"'))
    (root / "config.yaml").write_text("measure: {erosion_mm: 2}\n")
    ended = study.run()
    assert ended.returncode == 3, ended.stderr
    assert statuses(study)["a1"] == ("ok", "n/a")
    assert statuses(study)["b2"][0] == "failed"
    assert study.record("a1", "measure")["settings"]["erosion_mm"] == 2
    assert "settings: config.yaml beside the study sheet" in ended.stderr
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == sorted(
        [NASTY, study.out.name, "Smith-b2"]
    )


@pytest.mark.slow
def test_a_file_that_was_taken_away_is_made_again(batch_study):
    study = batch_study(a1=PLAIN, b2=PLAIN)
    assert study.run().returncode == 0
    kept = study.out / "sub-b2" / "ses-pre" / "fit" / "sub-b2_ses-pre_fit.json"
    lost = study.out / "sub-a1" / "ses-pre" / "fit" / "sub-a1_ses-pre_PDFFmap.nii.gz"
    before = kept.stat().st_mtime_ns
    lost.unlink()
    told = study.run("-n").stderr
    assert f"fit/{lost.name} is missing" in told
    assert not lost.exists()
    assert study.run().returncode == 0
    assert lost.is_file()
    assert kept.stat().st_mtime_ns == before
    assert "is missing" not in study.run().stderr


@pytest.mark.slow
def test_a_verdict_makes_the_page_of_its_participant_anew_and_nothing_else(batch_study):
    study = batch_study(a1=PLAIN, b2=PLAIN, a1fu=PLAIN, b2fu=PLAIN)
    study.sheet.write_text(study.sheet.read_text().replace("fu,pre", ",fu"))
    assert study.run().returncode == 0
    pages = study.out / "report" / "participants"
    before = {path: path.stat().st_mtime_ns for path in study.out.rglob("*.html")}
    assert {path.name for path in pages.iterdir()} == {"sub-a1.html", "sub-b2.html"}
    append_reading(study.out, Reading(now(), "AB", "first", "sub-b2_ses-fu", "seen"))
    assert study.run().returncode == 0
    assert {path: path.stat().st_mtime_ns for path in study.out.rglob("*.html")} == before
    append_reading(
        study.out, Reading(now(), "AB", "first", "sub-b2_ses-fu", "new_fracture", "L1", "confirmed")
    )
    assert study.run().returncode == 0
    changed = {path.name for path, time_ns in before.items() if path.stat().st_mtime_ns != time_ns}
    assert changed == {"sub-b2.html"}
    assert (study.out / "review" / "outcomes.csv").is_file()
    ledger = json.loads((study.out / "provenance.json").read_text())
    assert "report/participants/sub-b2.html" in ledger["outputs"]
    before = {path: path.stat().st_mtime_ns for path in pages.iterdir()}
    study.behave("a1fu", {"fit": {"seconds": 0}})  # another examination: all tables are made anew
    assert study.run().returncode == 0
    changed = {path.name for path, time_ns in before.items() if path.stat().st_mtime_ns != time_ns}
    assert changed == {"sub-a1.html"}
