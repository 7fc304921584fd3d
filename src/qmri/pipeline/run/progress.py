"""What a person sees while the workflow runs: examinations done, running, failed, time left.

One line that is rewritten on a terminal, or a line for each finished examination elsewhere.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from qmri.errors import QmriError
from qmri.outputs.files import VERBS, record_path
from qmri.pipeline.records.models import Failure
from qmri.pipeline.records.record_files import read_record
from qmri.pipeline.run.job_failures import NEVER_BEGUN, JobFailure, last_begun_stage, why_failed

LINE_EVERY_S = 2.0


@dataclass
class Job:
    """A job of the workflow: a stage of an examination, or one of the whole study (exam None).

    ``log_before`` is when its log, of an earlier attempt, was last written; None where there is none.
    """

    rule: str
    exam: str | None
    started: float
    log: Path
    log_before: int | None = None


@dataclass
class Progress:
    """The state of a run, from Snakemake's events.

    Attributes
    ----------
    results
        The results folder.
    exams
        Names of the examinations of the study.
    clock
        Seconds; replaced in tests.
    stop_requested
        Whether this process has got a signal to stop, which jobs may have got as well.
    lost
        Why a job was lost, by examination, or by rule where it was of the whole study.
    lost_together
        Examinations that shared a job on a cluster which was lost.
    """

    results: Path
    exams: Sequence[str]
    clock: Callable[[], float] = time.monotonic
    stop_requested: Callable[[], bool] = lambda: False
    to_do: dict[str, int] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    work_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    failed: dict[str, str] = field(default_factory=dict)
    lost: dict[str, JobFailure] = field(default_factory=dict)
    lost_together: set[str] = field(default_factory=set)
    interrupted: bool = False
    _jobs: dict[int, Job] = field(default_factory=dict)
    _known: dict[int, Job] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _ended: set[str] = field(default_factory=set)
    _began: float | None = None

    def plan(self, stats: Mapping[str, int]) -> None:
        """Take note of how many jobs of each rule there are, and of what failed in former runs."""
        self.to_do = {rule: count for rule, count in stats.items() if rule not in ("total", "all")}
        self._began = self.clock()
        if self.to_do.get("report", 0) < len(self.exams):
            for exam in self.exams:
                self._read_failure(exam, "measure")

    def start(self, jobid: int, rule: str, wildcards: Mapping[str, str]) -> None:
        """Take note that a job was started, or sent to the cluster."""
        exam = f"{wildcards['sub']}_{wildcards['ses']}" if "ses" in wildcards else None
        log = "/".join([rule, *([exam or wildcards["sub"]] if "sub" in wildcards else [])])
        path = Path("logs", f"{log}.log")
        self._jobs[jobid] = self._known[jobid] = Job(rule, exam, self.clock(), path, self._written(path))
        if exam and exam not in self._busy:
            self._busy.add(exam)
            self.failed.pop(exam, None)  # a former failure, tried again

    def finish(self, jobid: int) -> str | None:
        """Take note that a job has finished; return the sentence if that made an examination fail."""
        job = self._jobs.pop(jobid, None)
        if job is None or job.rule == "all":
            return None
        self.finished[job.rule] += 1
        self.work_s[job.rule] += self.clock() - job.started
        self.lost.pop(job.exam or job.rule, None)
        if job.exam is None:
            return None
        reported_before = job.exam in self.failed
        self._read_failure(job.exam, job.rule)
        if job.rule == "report":
            self._ended.add(job.exam)
        if reported_before or job.exam not in self.failed:
            return None
        return f"{_spoken(job.exam)} failed {self.failed[job.exam]}"

    def lose(self, jobids: Sequence[int], log: Path | None) -> str | None:
        """Take note that an attempt at a job has failed; return the sentence for it.

        Parameters
        ----------
        jobids
            The job, or all stages of an examination that went to a cluster together.
        log
            The cluster's log, None where the job ran here, never began, or the cluster shows none.
        """
        jobs = [self._known[jobid] for jobid in jobids if jobid in self._known]
        for jobid in jobids:
            self._jobs.pop(jobid, None)
        if not jobs or self.interrupted or self.stop_requested():
            return None  # ended with the run: nothing that its examination has to answer for
        together = {job.exam for job in jobs if job.exam}
        exam, stage = jobs[0].exam, jobs[0].rule
        begun: str | None = stage
        if len(jobs) > 1:
            begun = last_begun_stage(log) if log else self._last_begun(jobs)
        if len(together) > 1 and begun:  # which of them is at fault shows when each has a job of its own
            self.lost_together |= together
            reason = why_failed("a stage", log).reason
            return f"a job of {len(together)} examinations: {reason}; in the end each is tried by itself"
        stage = begun or VERBS[0]
        own_log = Path("logs", stage, f"{exam}.log") if exam else jobs[0].log
        loss = why_failed(stage, self.results / own_log, log) if begun else NEVER_BEGUN
        self.lost[exam or stage] = loss
        return f"{_spoken(exam or 'study')}: {loss.reason}; see {own_log}"

    def _last_begun(self, jobs: Sequence[Job]) -> str | None:
        """Return the stage that a lost job was at: the last whose log was written since it was sent."""
        begun = [job.rule for job in jobs if self._written(job.log) != job.log_before]
        return max(begun, key=VERBS.index, default=None)

    def _written(self, log: Path) -> int | None:
        path = self.results / log
        return path.stat().st_mtime_ns if path.is_file() else None

    def stop(self, words: str) -> str | None:
        """Take note that the run is being stopped; return the sentence, the first time."""
        if self.interrupted:
            return None
        self.interrupted = True
        return words

    @property
    def done(self) -> int:
        """Number of examinations with numbers and a page, made now or before."""
        to_come = self.to_do.get("report", 0) - self.finished["report"]
        failed = sum(exam in self._ended or exam not in self._busy for exam in self.failed)
        return max(0, len(self.exams) - to_come - failed)

    @property
    def running(self) -> int:
        """Number of examinations with a job that runs or waits in the cluster's queue."""
        return len({job.exam for job in self._jobs.values() if job.exam})

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time left: mean time of each stage, at the pace at which work is done.

        None until every stage has been finished once.
        """
        left = {rule: count - self.finished[rule] for rule, count in self.to_do.items()}
        stages = [rule for rule in left if rule in VERBS]
        if self._began is None or not stages or any(not self.finished[rule] for rule in stages):
            return None
        elapsed = self.clock() - self._began
        total = sum(self.work_s[rule] for rule in stages)
        to_do = sum(left[rule] * self.work_s[rule] / self.finished[rule] for rule in stages)
        return to_do * elapsed / total if total > 0 else None

    def line(self) -> str:
        """Return the state in words."""
        words = [f"{self.done} of {len(self.exams)} examinations done"]
        if self.failed:
            words.append(f"{len(self.failed)} failed")
        if self.running:
            words.append(f"{self.running} running")
        if self.seconds_left:
            words.append(f"about {duration(self.seconds_left)} left")
        return ", ".join(words)

    def _read_failure(self, exam: str, rule: str) -> None:
        try:
            record = read_record(record_path(self.results, exam, rule))
        except (OSError, QmriError):
            return
        if isinstance(record, Failure):
            self.failed[exam] = f"at {record.failed_stage}: {record.reason}"


class Display:
    """Writes a `Progress`: one line that is rewritten on a terminal, plain lines elsewhere."""

    def __init__(self, progress: Progress, stream: TextIO | None = None) -> None:
        self.progress = progress
        self.stream = stream or sys.stderr
        self.on_terminal = self.stream.isatty()
        self._shown = ""
        self._written_at = -LINE_EVERY_S

    def say(self, sentence: str) -> None:
        """Write a sentence that stays."""
        self._write(f"\r\x1b[K{sentence}\n" if self.on_terminal else f"{_time()}  {sentence}\n")
        self._shown = ""

    def update(self, *, landmark: bool = False) -> None:
        """Show the state; off a terminal only when an examination has finished."""
        line = self.progress.line()
        if line == self._shown:
            return
        if self.on_terminal:
            self._write(f"\r\x1b[K{line}")
        elif not landmark or self.progress.clock() - self._written_at < LINE_EVERY_S:
            return
        else:
            self._write(f"{_time()}  {line}\n")
            self._written_at = self.progress.clock()
        self._shown = line

    def close(self) -> None:
        """End the line that was rewritten; off a terminal write the last state."""
        line = self.progress.line()
        if self.on_terminal and self._shown:
            self._write("\n")
        elif not self.on_terminal and self.progress.exams and line != self._shown:
            self._write(f"{_time()}  {line}\n")
        self._shown = ""

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def duration(seconds: float) -> str:
    """Return a length of time as a person says it: 40 s, 12 min, 3 h 20 min."""
    if seconds < 60:
        return f"{max(10, 10 * round(seconds / 10))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _spoken(exam: str) -> str:
    return exam.replace("_", " ")


def _time() -> str:
    return time.strftime("%H:%M:%S")
