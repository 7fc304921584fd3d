"""The batch on a real SLURM of one node, which tests/cluster/start-slurm.sh starts.

Stand-in stages of one study meet every fate at once: done, refused, killed for want of
memory, out of time, lost for good. While they wait, a real study runs; another is interrupted.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

QUICK = ("--slurm-init-seconds-before-status-checks", "4")


def answers(*command):
    """Whether a part of SLURM is there and answers; without accounting the workflow would wait for ever."""
    return (
        shutil.which(command[0]) and not subprocess.run(command, capture_output=True, check=False).returncode
    )


SLURM = answers("sinfo") and answers("sacct")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SLURM, reason="no SLURM answers here; tests/cluster/start-slurm.sh starts one"),
]


def slurm(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")


def queued(study):
    """Jobs of the study in the queue: id, state."""
    lines = [line.split("|") for line in slurm("squeue", "--noheader", "--format=%i|%T|%Z") if line]
    return [(job, state) for job, state, folder in lines if folder.startswith(str(study.root))]


def accounted(study):
    """All jobs that the study sent, in the order of sending: state, memory, minutes, examination."""
    fields = "JobID,State,ReqMem,TimelimitRaw,WorkDir,SubmitLine"
    lines = [line.split("|") for line in slurm("sacct", "-X", "-n", "-P", f"--format={fields}") if line]
    return [
        (state.split()[0], memory, int(minutes), call)
        for _, state, memory, minutes, folder, call in lines
        if folder.startswith(str(study.root))
    ]


def statuses(study):
    with (study.out / "markers" / "patients.csv").open() as file:
        return {row["participant_id"]: (row["status"], row["status_reason"]) for row in csv.DictReader(file)}


@pytest.fixture
def profile(repository):
    return ("--profile", str(repository / "workflow" / "profiles" / "slurm"), *QUICK)


def test_every_fate_of_an_examination_and_a_real_one_beside_them(
    batch_study, profile, repository, tmp_path_factory
):
    study = batch_study(
        good={},
        corrupted={"ingest": {"refuse": "another sequence"}},
        hungry={"fit": {"megabytes": 1000}},
        slow={"fit": {"seconds_below_attempt": 2}},
        doomed={"segment": {"kill_below_attempt": 99}},
    )
    process = study.start(*profile, "--retries", "1")
    shorten_the_first_job_of("slow", study)
    a_real_examination(tmp_path_factory.mktemp("real"), repository, profile)
    output, _ = process.communicate(timeout=420)
    assert process.returncode == 3, output
    assert output.splitlines()[-1] == "3 of 5 examinations done, 2 failed"
    found = statuses(study)
    assert {name for name, (status, _) in found.items() if status == "ok"} == {"good", "hungry", "slow"}
    assert found["corrupted"] == ("failed", "another sequence")
    assert found["doomed"][0] == "failed"
    assert found["doomed"][1].startswith("segment was killed")
    assert "fit ran out of memory" in output
    assert "fit ran out of its time" in output

    jobs = accounted(study)
    states = [state for state, *_ in jobs]
    assert "TIMEOUT" in states
    assert states.count("COMPLETED") >= 4
    memory = {asked for _, asked, *_ in jobs}
    assert {"800M", "1600M"} <= memory
    for path in study.out.rglob("*"):
        if path.is_file():
            assert b"Smith" not in path.read_bytes(), path


def test_an_interrupted_run_leaves_no_job_behind(batch_study, profile):
    study = batch_study(**{f"p{n}": {"ingest": {"seconds": 300}} for n in range(3)})
    process = study.start(*profile)
    wait_until(lambda: len([state for _, state in queued(study) if state == "RUNNING"]) == 3)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    wait_until(lambda: not queued(study), seconds=15)


def a_real_examination(folder, repository, profile):
    """Run the first examination of the example study: the stages themselves in a job of SLURM."""
    example, out = repository / "example_data" / "study.csv", folder / "results"
    header, first, *_ = example.read_text().splitlines()
    for name in ("dicom", "seeds"):
        (folder / name).symlink_to(example.parent / name)
    (folder / "study.csv").write_text(f"{header}\n{first}\n")
    command = [sys.executable, "-m", "qmri", "run", str(folder / "study.csv"), "--out", str(out), *profile]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    with (out / "markers" / "vertebrae.csv").open() as file:
        measured = [row for row in csv.DictReader(file) if row["status"] == "ok"]
    assert measured
    assert (out / "report" / "index.html").is_file()


def shorten_the_first_job_of(name, study):
    """Cut the time limit of the job in which an examination hangs to a minute, as an operator may."""
    note = study.root / f"attempts-fit-sub-{name}_ses-pre.job"
    wait_until(lambda: note.exists() and note.read_text())
    slurm("scontrol", "update", f"JobId={note.read_text()}", "TimeLimit=1")


def wait_until(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.5)
