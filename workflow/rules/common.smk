# The study sheet and the configuration are checked here, before anything runs.
import gc
from inspect import signature

from qmri import __version__ as VERSION
from qmri.errors import QmriError
from qmri.pipeline.run.worker import start_worker
from qmri.pipeline.run.workflow import make_plan, require_shared_folder
from snakemake.exceptions import WorkflowError

try:
    require_shared_folder(workflow.storage_settings.default_storage_provider)
    plan = make_plan(config, main_process=workflow.is_main_process)
except QmriError as error:
    raise WorkflowError(str(error)) from None
if workflow.is_main_process:
    plan.publish_environment()
    gc.set_threshold(100_000, 20, 20)  # a plan is a million objects that stay: looking through them is in vain
else:
    start_worker()  # one for all stages of the group of jobs that this process works on


# The jobs learn from the environment where the sheet is: their logs would show it on a command line.
settings = workflow.config_settings
settings.config_args = [word for word in settings.config_args if not word.startswith(("study=", "out="))]


workdir: plan.results


wildcard_constraints:
    sub=r"sub-[0-9A-Za-z]+",
    ses=r"ses-[0-9A-Za-z]+",


def record(verb):
    """The record of a stage, the one file of it that is tracked (docs/architecture.md).

    A rule names the record of the stage before it alone: that one is made anew when an earlier one is.
    """
    return f"{{sub}}/{{ses}}/{verb}/{{sub}}_{{ses}}_{verb}.json"


def signed(function):
    """Keep the signature with a function: Snakemake asks for it three times for each of a study's jobs."""
    function.__signature__ = signature(function)
    return function


def of_examination(ask):
    """What the plan answers for the examination of a job."""
    return signed(lambda wildcards: ask(wildcards))


def of_participant(ask):
    """What the plan answers for the participant of a job."""
    return signed(lambda wildcards: ask(wildcards.sub))


def megabytes(verb):
    """Memory by the size of the examination; it doubles when a job is tried again after being killed for want of it."""
    return signed(lambda wildcards, attempt: plan.memory_mb(verb, wildcards) * 2 ** (attempt - 1))


def minutes(first):
    """Time that doubles when a job is tried again after running out of it."""
    return signed(lambda wildcards, attempt: first * 2 ** (attempt - 1))
