import os
import subprocess
import sys

import pytest
from small_records import outcome

from qmri.errors import QmriError
from qmri.json_files import read_json
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.records.stage import run_stage_or_record
from qmri.pipeline.run.batch import (
    RUN_VARIABLE,
    forget_job_failures,
    incomplete_stages,
    read_job_failure,
    require_current_run,
    take_over,
    write_job_failure,
)

EXAM = "sub-01_ses-pre"
HOLD = """
import sys
from pathlib import Path
from qmri.pipeline.run.batch import take_over
take_over(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def no_run(monkeypatch):
    monkeypatch.delenv(RUN_VARIABLE, raising=False)


@pytest.fixture
def other_run(tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != RUN_VARIABLE}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def work(folder):
    return outcome("fit")


def record(results):
    return file_path(exam_directory(results, EXAM, "fit"), EXAM, "fit_record")


def test_two_runs_do_not_share_a_folder_and_a_kill_unlocks_it(tmp_path, other_run):
    with pytest.raises(QmriError, match="another run is at work"):
        take_over(tmp_path)
    other_run.kill()
    other_run.wait()
    take_over(tmp_path)
    take_over(tmp_path)


def test_what_a_killed_stage_wrote_aside_is_taken_away_and_files_of_a_person_are_not(tmp_path):
    session = tmp_path / "sub-01" / "ses-pre"
    (session / ".fit-x1y2").mkdir(parents=True)
    (session / ".fit-x1y2" / "half").write_text("half")
    (session / ".notes").mkdir()
    (session / "fit").mkdir()
    take_over(tmp_path)
    assert sorted(path.name for path in session.iterdir()) == [".notes", "fit"]


def test_a_job_of_a_replaced_run_publishes_nothing(tmp_path, other_run, monkeypatch):
    monkeypatch.setenv(RUN_VARIABLE, "the former run")
    with pytest.raises(QmriError, match="taken over"):
        run_stage_or_record("fit", EXAM, exam_directory(tmp_path, EXAM, "fit"), work)
    assert not record(tmp_path).exists()


def test_a_stage_called_by_hand_belongs_to_no_run(tmp_path, other_run):
    require_current_run(exam_directory(tmp_path, EXAM, "fit"))


def test_a_lost_stage_is_recorded_in_its_run_and_tried_again_in_the_next(tmp_path, monkeypatch):
    directory = exam_directory(tmp_path, EXAM, "fit")
    monkeypatch.setenv(RUN_VARIABLE, "first")
    write_job_failure(directory, "killed for want of memory", "give it more")
    assert not run_stage_or_record("fit", EXAM, directory, work)
    assert read_json(record(tmp_path))["reason"] == "killed for want of memory"

    monkeypatch.setenv(RUN_VARIABLE, "second")
    assert read_job_failure(directory) is None
    forget_job_failures(tmp_path)
    assert not record(tmp_path).exists()
    assert list(directory.parent.glob(".lost*")) == []
    assert run_stage_or_record("fit", EXAM, directory, work)


def publish_fit(results, exam=EXAM):
    directory = exam_directory(results, exam, "fit")

    def work(aside):
        for key in ("pdff", "r2star"):
            file_path(aside, exam, key).write_text("map")
        return outcome("fit")

    run_stage_or_record("fit", exam, directory, work)
    return directory


def test_a_stage_that_lacks_an_output_is_found(tmp_path):
    directory = publish_fit(tmp_path)
    publish_fit(tmp_path, "sub-02_ses-pre")
    exams = [EXAM, "sub-02_ses-pre", "sub-03_ses-pre"]
    assert incomplete_stages(tmp_path, exams) == []
    (directory / "notes.txt").write_text("a reader's own")
    assert incomplete_stages(tmp_path, exams) == []
    lost = file_path(directory, EXAM, "r2star")
    lost.unlink()
    assert incomplete_stages(tmp_path, exams) == [(EXAM, "fit", lost.name)]
    publish_fit(tmp_path)
    assert incomplete_stages(tmp_path, exams) == []


def test_records_of_untouched_stages_are_not_read(tmp_path, monkeypatch):
    publish_fit(tmp_path)
    monkeypatch.setattr(
        "qmri.pipeline.run.batch.written_files", lambda path: pytest.fail(f"{path.name} was read")
    )
    assert incomplete_stages(tmp_path, [EXAM]) == []
