"""``qmri run``: the Snakemake workflow with progress, one run per folder, and a row for what was lost."""

from __future__ import annotations

import argparse
import logging
import math
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from qmri.cli import EXIT_OK, EXIT_REFUSED, EXIT_SOME_FAILED, EXIT_USAGE
from qmri.errors import QmriError
from qmri.pipeline.run.summary import summarise

if TYPE_CHECKING:
    from qmri.pipeline.run.workflow import Plan
    from qmri.pipeline.study.study_sheet import Study

log = logging.getLogger(__name__)

DESCRIPTION = """\
Run the whole pipeline on a study sheet: ingest, fit, segment, measure, report.

What is already done is not done again, and a run that was interrupted goes on where it was.
Options that qmri does not know go to Snakemake:
    qmri run study.csv --out results --cores 8 -n                     show what would be done
    qmri run study.csv --out results --profile slurm                  a shipped profile, or a folder

Exit status: 0 every examination is done; 1 the run was refused or stopped; 2 wrong usage;
3 the tables are made, but some examinations failed (each has a row with its reason); 130 interrupted.
"""
# With these, Snakemake tells or tidies something and runs no job.
TELLING = re.compile(
    r"-n|--dry-?run|--lint|--unlock|-S|--summary|-D|--detailed-summary|--dag|--rulegraph|--filegraph|--d3dag|"
    r"--report|--list.*|-l|--cleanup-.*|--archive|--delete-all-output|--print-compilation|--containerize|"
    r"-t|--touch|-h|--help|-v|--version"
)
SENDING = ("--profile", "--executor", "-e", "--jobs", "-j")
MEMORY_SHARE = 0.9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.epilog = f"Profiles to copy, for SLURM and Kubernetes: {snakefile().parent / 'profiles'}"
    parser.add_argument("study", type=Path, metavar="STUDY", help="study sheet (CSV or TSV)")
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="results folder (default: results)"
    )
    parser.add_argument("--cores", metavar="N", help="cores to use (default: all)")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings (default: config.yaml beside the study sheet, else those of the package)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the workflow and say what came out."""
    from qmri.config import config_beside, read_config
    from qmri.pipeline.records.folder_files import describe, is_closed
    from qmri.pipeline.run.batch import forget_job_failures, incomplete_stages, lost_stages, take_over
    from qmri.pipeline.run.unchanged import given, is_finished, note_finished
    from qmri.pipeline.study.study_sheet import read_study

    if not any(word.startswith("--configfile") for word in options.rest):
        read_config(options.config or config_beside(options.study))
    study = read_study(options.study)
    options.out = options.out.resolve()
    telling = any(TELLING.fullmatch(word.split("=")[0]) for word in options.rest)
    if telling:
        _make_again(options.out, study.names, telling=True)
        return _snakemake(snakemake_command(options))
    plan = None if options.rest else _plan(options)  # options of Snakemake's may ask for more
    began_from = given(plan) if plan else ""
    if plan and is_finished(plan, began_from) and not incomplete_stages(options.out, study.names):
        take_over(options.out)  # refused like any run while another is at work
        log.info("nothing has changed since the last run")
    else:
        _look_first(study, options.study)
        take_over(options.out)
        forget_job_failures(options.out)
        _make_again(options.out, study.names, telling=False)
        _run_jobs(options, study.names)
        if not is_closed(options.out):
            whole = _plan(options)
            describe(options.out, whole.config)
            whole.finish()
        if plan and not lost_stages(options.out):
            note_finished(plan, began_from)
    summary = summarise(options.out)
    sys.stdout.write(summary.text)
    return EXIT_SOME_FAILED if summary.failed else EXIT_OK


def _plan(options: argparse.Namespace) -> Plan:
    """Return the study as the workflow sees it."""
    from qmri.config.yaml_file import read_table
    from qmri.pipeline.run.workflow import make_plan

    sections = read_table(options.config) if options.config else {}
    return make_plan(sections | {"study": options.study, "out": options.out}, main_process=True)


def _make_again(results: Path, exams: Sequence[str], *, telling: bool) -> None:
    """Tell which stages lack a file and, but for telling, see that they run again."""
    from qmri.pipeline.run.batch import forget_stage, incomplete_stages

    for exam, verb, lost in incomplete_stages(results, exams):
        log.warning("%s/%s is missing: a run does %s and what follows again", verb, lost, verb)
        if not telling:
            forget_stage(results, exam, verb)


def _look_first(study: Study, sheet: Path) -> None:
    """Tell what `qmri check` would find, and refuse contradictions."""
    from qmri.commands.check import lines
    from qmri.pipeline.study.preflight import findings, look, refuse_contradictions

    found = findings(look(study))
    for line in [
        *(f"note: {note}" for note in study.notes),
        *lines([item for item in found if not item.refused]),
    ]:
        log.warning("%s", line)
    refuse_contradictions(found, sheet)


def _run_jobs(options: argparse.Namespace, exams: Sequence[str]) -> None:
    """Run Snakemake; if stages were lost for good, once more with these as failed examinations.

    Examinations that shared a lost job of a cluster get jobs of their own first.

    Raises
    ------
    QmriError
        If the tables could not be made.
    KeyboardInterrupt
        If a person has stopped the run.
    """
    from qmri.outputs import exam_directory
    from qmri.pipeline.run.batch import write_job_failure
    from qmri.pipeline.run.progress import Display, Progress
    from qmri.pipeline.run.snakemake_log import register
    from qmri.pipeline.run.stopping import heed_sigterm_at_any_moment, stop_signals

    heed_sigterm_at_any_moment()
    alone: list[str] = []
    for _ in range(3):
        with stop_signals() as stop_requested:
            progress = Progress(options.out, exams, stop_requested=stop_requested)
            display = Display(progress)
            status = _snakemake([*snakemake_command(options), *alone, "--logger", register(display)])
            display.close()
            if progress.interrupted or (status != EXIT_OK and stop_requested()):
                raise KeyboardInterrupt("what is done is kept; the same command goes on where it stopped")
        if status == EXIT_OK:
            return
        if progress.lost_together and not alone:
            alone = ["--group-components", "examination=1"]
            continue
        examinations = {name: loss for name, loss in progress.lost.items() if "_" in name}
        if len(examinations) < len(progress.lost) or any(
            loss.of_the_machine for loss in examinations.values()
        ):
            break
        if not examinations:
            break
        for exam, loss in examinations.items():
            write_job_failure(exam_directory(options.out, exam, loss.stage), loss.reason, loss.remedy)
    reasons = sorted({loss.reason for loss in progress.lost.values()})
    raise QmriError(
        "the run stopped before the tables were made",
        found="; ".join(reasons) or "see the messages above",
        remedy="see logs and .snakemake/log in the results folder; what is done is kept, so run again",
    )


def snakemake_command(options: argparse.Namespace) -> list[str]:
    """Return the arguments of Snakemake that do what the options say."""
    given = {word.split("=")[0] for word in options.rest}
    command = ["--snakefile", str(snakefile()), "--directory", str(options.out)]
    command += _with_shipped_profile(options.rest)  # targets before the options that take several words
    if options.cores or not given.intersection(SENDING):
        command += ["--cores", options.cores or "all"]
    if not given.intersection((*SENDING, "--resources", "--res")):
        command += ["--resources", f"mem_mb={usable_memory_mb()}"]
    if options.config:
        command += ["--configfile", str(options.config.resolve())]
    return [*command, "--config", f"study={_quoted(options.study.resolve())}", f"out={_quoted(options.out)}"]


def _quoted(path: Path) -> str:
    """Return a path as a YAML string: Snakemake reads `name=value` as YAML, in which ` #` ends the value.

    Spaces around it keep the quotes, which Snakemake takes off at the ends.
    """
    text = yaml.safe_dump(str(path), default_style='"', allow_unicode=True, width=math.inf).rstrip("\n")
    return f" {text} "


def _with_shipped_profile(words: Sequence[str]) -> list[str]:
    """Put the folder of a shipped profile in the place of its name, unless the user has one of that name."""
    found = list(words)
    for place, word in enumerate(words[:-1]):
        folder = snakefile().parent / "profiles" / words[place + 1]
        if word == "--profile" and not Path(words[place + 1]).exists() and folder.is_dir():
            found[place + 1] = str(folder)
    return found


def snakefile() -> Path:
    """Return the workflow that came with the package: beside the source, or inside the wheel.

    Raises
    ------
    QmriError
        If neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parents[1] / "workflow", package / "_workflow"):
        if (folder / "Snakefile").is_file():
            return folder / "Snakefile"
    raise QmriError("the workflow is missing from this installation", remedy="install qmri again")


def usable_memory_mb() -> int:
    """Return the memory in MB that all jobs together may ask for: what is free now, less a reserve."""
    from psutil import virtual_memory  # type: ignore[import-untyped]

    free = int(virtual_memory().available)
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        path = Path("/sys/fs/cgroup") / limit
        if path.is_file() and (text := path.read_text().strip()).isdigit():
            free = min(free, int(text))
    return int(MEMORY_SHARE * free / 1e6)


def _snakemake(arguments: list[str]) -> int:
    """Run Snakemake in this process, so that a signal to it is a signal to Snakemake."""
    from snakemake.cli import main

    logging.getLogger("snakemake").propagate = False  # it has handlers of its own
    folder = Path.cwd()
    try:
        main(arguments)
    except SystemExit as end:
        if end.code == EXIT_USAGE:
            raise
        return EXIT_OK if end.code in (0, None) else EXIT_REFUSED
    finally:
        os.chdir(folder)
    return EXIT_OK
