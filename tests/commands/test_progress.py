"""The state of a run from its events, and what a person sees of it."""

import io
import os
import signal

import pytest
from small_records import write_failure, write_small_record

from qmri.outputs.files import VERBS, record_path
from qmri.pipeline.run.progress import Display, Progress, duration
from qmri.pipeline.run.stopping import stop_signals

EXAMS = [f"sub-{n}_ses-pre" for n in range(4)]


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(tmp_path, clock):
    return Progress(tmp_path, EXAMS, clock)


def write_record(results, exam, verb, status="ok"):
    path = record_path(results, exam, verb)
    if status == "failed":
        write_failure(path, verb, exam, at="ingest", reason="two patients")
    else:
        write_small_record(path, verb, exam)


def run_exam(progress, number, seconds=1.0, status="ok"):
    """Run all stages of an examination, one after the other; return what is said."""
    said = []
    for step, verb in enumerate(VERBS):
        jobid = 10 * number + step
        progress.start(jobid, verb, {"sub": f"sub-{number}", "ses": "ses-pre"})
        progress.clock.now += seconds
        write_record(progress.results, EXAMS[number], verb, status)
        said.append(progress.finish(jobid))
    return [sentence for sentence in said if sentence]


def all_stages(count):
    return dict.fromkeys(VERBS, count) | {"collect": 1, "all": 1, "total": 5 * count + 2}


def test_examinations_are_counted_once_as_done_or_failed(progress):
    progress.plan(all_stages(4))
    assert run_exam(progress, 0) == []
    assert run_exam(progress, 1, status="failed") == ["sub-1 ses-pre failed at ingest: two patients"]
    progress.start(99, "ingest", {"sub": "sub-2", "ses": "ses-pre"})
    assert progress.line() == "1 of 4 examinations done, 1 failed, 1 running, about 10 s left"


def test_what_former_runs_did_is_counted(progress):
    for exam, status in zip(EXAMS[:3], ("ok", "ok", "failed"), strict=True):
        write_record(progress.results, exam, "measure", status)
    progress.plan(all_stages(1))
    assert progress.line() == "2 of 4 examinations done, 1 failed"


def test_a_former_failure_that_is_tried_again_is_no_failure_meanwhile(progress):
    write_record(progress.results, EXAMS[0], "measure", "failed")
    progress.plan(all_stages(3) | {"report": 3})
    progress.start(1, "ingest", {"sub": "sub-0", "ses": "ses-pre"})
    assert not progress.failed


def test_the_time_left_is_exact_for_equal_examinations(progress):
    progress.plan(all_stages(4))
    assert progress.seconds_left is None
    run_exam(progress, 0, seconds=3.0)
    assert progress.seconds_left == pytest.approx(45.0)
    run_exam(progress, 1, seconds=3.0)
    assert progress.seconds_left == pytest.approx(30.0)


def test_a_lost_group_is_told_once_with_its_stage(progress, tmp_path):
    progress.plan(all_stages(4))
    for step, verb in enumerate(VERBS):
        progress.start(step, verb, {"sub": "sub-0", "ses": "ses-pre"})
    log = tmp_path / "7.log"
    log.write_text(
        "localrule ingest:\n    log: x\nlocalrule fit:\nslurmstepd: error: Exceeded job memory limit\n"
    )
    said = progress.lose(range(5), log)
    assert said == "sub-0 ses-pre: fit ran out of memory; see logs/fit/sub-0_ses-pre.log"
    assert progress.lost["sub-0_ses-pre"].stage == "fit"
    assert progress.running == 0


def test_a_lost_job_of_several_examinations_is_held_against_none_of_them(progress, tmp_path):
    progress.plan(all_stages(4))
    for number in range(2):
        progress.start(number, "fit", {"sub": f"sub-{number}", "ses": "ses-pre"})
    log = tmp_path / "7.log"
    log.write_text("slurmstepd: error: Exceeded job memory limit\n")
    assert progress.lose([0, 1], log).startswith("a job of 2 examinations: a stage ran out of memory")
    assert progress.lost_together == {EXAMS[0], EXAMS[1]}
    assert not progress.lost


def test_a_retry_that_succeeds_is_no_loss(progress):
    progress.plan(all_stages(4))
    progress.start(1, "fit", {"sub": "sub-0", "ses": "ses-pre"})
    progress.lose([1], None)
    assert progress.lost
    progress.start(1, "fit", {"sub": "sub-0", "ses": "ses-pre"})
    progress.finish(1)
    assert not progress.lost


def test_a_job_that_ended_with_a_stopped_run_is_no_loss(progress):
    told = []
    progress.stop_requested = lambda: bool(told)
    progress.plan(all_stages(4))
    for number in range(2):
        progress.start(number, "fit", {"sub": f"sub-{number}", "ses": "ses-pre"})
    assert "killed" in progress.lose([0], None)
    told.append("Ctrl-C")
    assert progress.lose([1], None) is None
    assert list(progress.lost) == ["sub-0_ses-pre"]
    assert [progress.stop("stopping"), progress.stop("stopping")] == ["stopping", None]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_stop_is_known_whoever_handles_it(number):
    former = signal.signal(number, lambda *_: None)
    try:
        with stop_signals() as stop_requested:
            assert not stop_requested()
            os.kill(os.getpid(), number)
            assert stop_requested()
            assert stop_requested()
    finally:
        signal.signal(number, former)


def test_a_job_that_the_cluster_did_not_take_is_not_held_against_the_examination(progress):
    progress.plan(all_stages(4))
    for step, verb in enumerate(VERBS):
        progress.start(step, verb, {"sub": "sub-0", "ses": "ses-pre"})
    assert "did not take" in progress.lose(range(5), None)
    assert progress.lost["sub-0_ses-pre"].of_the_machine


def test_a_job_that_was_lost_on_a_cluster_without_logs_is_held_against_the_stage_it_was_at(
    progress, tmp_path
):
    progress.plan(all_stages(4))
    logs = {verb: tmp_path / "logs" / verb / "sub-0_ses-pre.log" for verb in VERBS}
    for log in logs.values():
        log.parent.mkdir(parents=True)
        log.touch()
        os.utime(log, ns=(1, 1))  # of an attempt before
    for step, verb in enumerate(VERBS):
        progress.start(step, verb, {"sub": "sub-0", "ses": "ses-pre"})
    for verb in ("ingest", "fit"):
        logs[verb].write_text("begun")
    assert "fit was killed" in progress.lose(range(5), None)
    assert not progress.lost["sub-0_ses-pre"].of_the_machine


def test_examinations_that_were_lost_together_on_a_cluster_without_logs_get_jobs_of_their_own(
    progress, tmp_path
):
    progress.plan(all_stages(4))
    for jobid in range(10):
        progress.start(jobid, VERBS[jobid % 5], {"sub": f"sub-{jobid // 5}", "ses": "ses-pre"})
    log = tmp_path / "logs" / "ingest" / "sub-1_ses-pre.log"
    log.parent.mkdir(parents=True)
    log.write_text("begun")
    assert "a job of 2 examinations" in progress.lose(range(10), None)
    assert progress.lost_together == {"sub-0_ses-pre", "sub-1_ses-pre"}
    assert not progress.lost


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "10 s"), (44, "40 s"), (90, "2 min"), (3599, "1 h 00 min"), (7800, "2 h 10 min")],
)
def test_lengths_of_time_as_a_person_says_them(seconds, words):
    assert duration(seconds) == words


def test_a_terminal_has_one_line_and_a_log_has_lines_without_escapes(progress, clock):
    terminal, plain = Terminal(), io.StringIO()
    displays = [Display(progress, terminal), Display(progress, plain)]
    progress.plan(all_stages(4))
    for number in range(3):
        run_exam(progress, number)
        for display in displays:
            display.update(landmark=True)
    displays[0].close()
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().split("\r\x1b[K")[-1].startswith("3 of 4 examinations done")
    assert len(plain.getvalue().splitlines()) == 3
    assert "\x1b" not in plain.getvalue()
