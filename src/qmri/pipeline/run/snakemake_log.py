"""Snakemake's events as progress. Its own account of every job goes to its log file alone."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from qmri.pipeline.run.progress import Display

PLUGIN = "qmri"
STOPPING = {
    "Terminating processes on user request": "stopping: stages at work are ended, which may take a minute",
    "Will exit after finishing currently running jobs": "stopping: stages at work are finished first",
}
REPORTED_OTHERWISE = (
    "RuleException",
    "At least one job did not complete",
    "Exiting because a job execution failed",
)


class LogHandler(LogHandlerBase):
    """The Snakemake logger plugin; ``display`` is set before Snakemake starts."""

    display: Display

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record: logging.LogRecord) -> None:
        """Turn a record of Snakemake's log into progress."""
        event = getattr(record, "event", None)
        fields = vars(record)
        progress, display = self.display.progress, self.display
        sentence: str | None = None
        landmark = False
        if event == LogEvent.RUN_INFO:
            progress.plan(fields["stats"])
            landmark = True
        elif event == LogEvent.JOB_INFO:
            progress.start(fields["jobid"], fields["rule_name"], fields["wildcards"] or {})
        elif event == LogEvent.JOB_FINISHED:
            before = progress.finished["report"]
            sentence = progress.finish(fields["job_id"])
            landmark = progress.finished["report"] != before
        elif event == LogEvent.GROUP_ERROR:
            logs = [Path(path) for path in fields["aux_logs"]]
            jobids = [job["jobid"] for job in fields["job_error_info"]]
            sentence = progress.lose(jobids, logs[0] if logs else None)
        elif event == LogEvent.JOB_ERROR and not fields["indent"]:  # those of a group are indented
            sentence = progress.lose([fields["jobid"]], None)
        elif event in (None, LogEvent.ERROR):
            sentence = self._message(record)
        if sentence:
            display.say(sentence)
        display.update(landmark=landmark)

    def _message(self, record: logging.LogRecord) -> str | None:
        """Return what Snakemake says besides its events, if it is for the user."""
        text = record.getMessage().strip()
        for mark, words in STOPPING.items():
            if text.startswith(mark):
                return self.display.progress.stop(words)
        if record.levelno < logging.ERROR or any(words in text for words in REPORTED_OTHERWISE):
            return None
        return text


def register(display: Display) -> str:
    """Make a display the one that Snakemake's ``--logger`` can name; return that name."""
    LogHandler.display = display
    LoggerPluginRegistry().register_plugin(PLUGIN, sys.modules[__name__])
    return PLUGIN
