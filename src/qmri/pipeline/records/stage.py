"""Run one stage of one examination: results are staged, then renamed into place; a refusal is a record.

A stage's folder holds its files and one record, ``<exam>_<verb>.json``, which is written last.
A folder without a record is no result. What a person put into the folder is never touched.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qmri.errors import QmriError
from qmri.images.sidecar import sidecar_path
from qmri.outputs import FILES, file_path
from qmri.pipeline.records.decisions import NoDecisions, Part
from qmri.pipeline.records.models import KINDS, Failure, Record
from qmri.pipeline.records.provenance import sha256, software_versions
from qmri.pipeline.records.record_files import (
    Kind,
    read_record,
    require_ok,
    require_record,
    write_record,
)
from qmri.pipeline.run.batch import read_job_failure, require_current_run

log = logging.getLogger(__name__)

WANT_OF_MEANS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.EIO, errno.ESTALE)


@dataclass(frozen=True)
class Outcome:
    """What a stage tells about its work, besides the files it wrote.

    Attributes
    ----------
    decisions
        What was decided and on which evidence: the decisions of the stage's record.
    warnings
        Sentences for the reader of the report.
    """

    decisions: Part = field(default_factory=NoDecisions)
    warnings: Sequence[str] = ()


def run_stage(
    verb: str,
    exam: str,
    directory: Path,
    work: Callable[[Path], Outcome],
    *,
    upstream: Sequence[Path] = (),
    settings: Mapping[str, object] | None = None,
) -> None:
    """Do the work of a stage in a staging folder and publish it with its record.

    Parameters
    ----------
    verb, exam
        Name of the stage and of the examination.
    directory
        Where the results go.
    work
        Writes its files into the folder it is given and returns its outcome.
    upstream
        Records of the stages that the work reads; their checksums are recorded.
    settings
        The section of the configuration that governs the stage.

    Raises
    ------
    QmriError
        If the work refuses. Nothing is published then.
    """
    with _staging(directory) as staging:
        outcome = work(staging)
        facts = _facts(verb, exam, staging, settings=settings, upstream=upstream)
        record = KINDS[verb](
            **facts, status="ok", warnings=tuple(outcome.warnings), decisions=outcome.decisions
        )
        _publish(staging, directory, record)


def run_stage_or_record(
    verb: str,
    exam: str,
    directory: Path,
    work: Callable[[Path], Outcome],
    *,
    upstream: Sequence[Path] = (),
    settings: Mapping[str, object] | None = None,
) -> bool:
    """Do as `run_stage`, but let a failure become a record, so that the study goes on.

    Want of memory or disk is no failure of the examination: it is raised, and the stage tried again.

    Returns
    -------
    bool
        Whether the stage succeeded.

    Raises
    ------
    QmriError
        If the run that this job belongs to has been replaced by another.
    """
    require_current_run(directory)
    try:
        if loss := read_job_failure(directory):
            raise QmriError(**loss)
        for path in upstream:
            require_ok(read_record(path))
        run_stage(verb, exam, directory, work, upstream=upstream, settings=settings)
        return True
    except QmriError as error:
        log.error("%s", error)
        failure: dict[str, Any] = {
            "failed_stage": getattr(error, "failed_stage", verb),
            "reason": error.reason,
            "remedy": error.remedy,
        }
    except Exception as error:
        if _is_want_of_means(error):
            raise
        log.exception("the %s stage of %s stopped on an error of the program", verb, exam)
        failure = {
            "failed_stage": verb,
            "reason": f"error in the program ({type(error).__name__})",
            "remedy": f"report it with logs/{verb}/{exam}.log of the results folder",
        }
    with _staging(directory) as staging:
        facts = _facts(verb, exam, staging, settings=settings)
        record = Failure(**facts, status="failed", warnings=(), decisions=NoDecisions(), **failure)
        _publish(staging, directory, record)
    return False


def _facts(
    verb: str,
    exam: str,
    staging: Path,
    *,
    settings: Mapping[str, object] | None,
    upstream: Sequence[Path] = (),
) -> dict[str, Any]:
    """Return what a record says of a stage, however it ended."""
    return {
        "stage": verb,
        "examination": exam,
        "settings": dict(settings or {}),
        "inputs": {path.name: sha256(path) for path in upstream},
        "outputs": {path.name: sha256(path) for path in sorted(staging.iterdir())},
        "software": software_versions(),
    }


def _is_want_of_means(error: Exception) -> bool:
    """Tell whether the machine was at fault: no memory, a full disk."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in WANT_OF_MEANS)


def find_record(directory: Path, kind: type[Kind]) -> Kind:
    """Return the record of a stage from its folder.

    Raises
    ------
    QmriError
        If the folder holds no record of that stage, or several, or one of a failure.
    """
    paths = sorted(directory.glob(f"*_{kind.verb}.json")) if directory.is_dir() else []
    if len(paths) != 1:
        raise QmriError(
            f"{directory.name} is not the result of qmri {kind.verb}",
            found=f"{len(paths)} files *_{kind.verb}.json",
            expected="one",
            remedy=f"give the folder that qmri {kind.verb} --out wrote",
        )
    return require_record(paths[0], kind)


def _own_files(directory: Path, exam: str, verb: str) -> set[Path]:
    """Return every path that the stage may write: its registered outputs and their sidecars."""
    paths = {file_path(directory, exam, key) for key, output in FILES.items() if output.verb == verb}
    return paths | {sidecar_path(path) for path in paths}


@contextmanager
def _staging(directory: Path) -> Iterator[Path]:
    """Give a folder beside the stage's folder, hence on its file system, and take it away at the end."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _publish(staging: Path, directory: Path, record: Record) -> None:
    """Replace the stage's files by the new ones; the record goes first and comes last.

    Killed at any point, this leaves a folder without a record, or a complete one. Files
    that a person put there are not moved.
    """
    exam, verb = record.examination, record.stage
    own = _own_files(directory, exam, verb)
    new = [directory / path.name for path in sorted(staging.iterdir())]
    if unregistered := set(new) - own:
        raise ValueError(f"not in the registry of outputs: {sorted(path.name for path in unregistered)}")
    record_path = file_path(directory, exam, f"{verb}_record")
    write_record(staging / record_path.name, record)
    directory.mkdir(exist_ok=True)
    record_path.unlink(missing_ok=True)
    for path in own.difference(new):
        path.unlink(missing_ok=True)
    for path in [*new, record_path]:
        (staging / path.name).replace(path)
    os.utime(record_path)  # not older than its folder, until a file is taken away or added
