"""Run one stage of one examination: results are written aside, then renamed; a refusal is a record.

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
from qmri.images.nifti import read_json, sidecar_path, write_json
from qmri.outputs import FILES, file_path
from qmri.pipeline.records.provenance import sha256, software_versions
from qmri.pipeline.run.batch import read_loss, require_current_run

log = logging.getLogger(__name__)

WANT_OF_MEANS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM, errno.EMFILE, errno.EIO, errno.ESTALE)


@dataclass(frozen=True)
class Outcome:
    """What a stage tells about its work, besides the files it wrote.

    Attributes
    ----------
    decisions
        What was decided and on which evidence; JSON values.
    warnings
        Sentences for the reader of the report.
    """

    decisions: Mapping[str, object] = field(default_factory=dict)
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
    """Do the work of a stage in a folder aside and publish it with its record.

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
    with _aside(directory) as aside:
        outcome = work(aside)
        record = _record(verb, exam, "ok", aside=aside, settings=settings, outcome=outcome, upstream=upstream)
        _publish(aside, directory, verb, record)


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
        if loss := read_loss(directory):
            raise QmriError(**loss)
        for path in upstream:
            require_ok(read_json(path))
        run_stage(verb, exam, directory, work, upstream=upstream, settings=settings)
        return True
    except QmriError as error:
        log.error("%s", error)
        failure = {
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
    with _aside(directory) as aside:
        record = _record(verb, exam, "failed", settings=settings, aside=aside) | failure
        _publish(aside, directory, verb, record)
    return False


def _record(
    verb: str,
    exam: str,
    status: str,
    *,
    aside: Path,
    settings: Mapping[str, object] | None,
    outcome: Outcome = Outcome(),
    upstream: Sequence[Path] = (),
) -> dict[str, Any]:
    return {
        "stage": verb,
        "examination": exam,
        "status": status,
        "warnings": list(outcome.warnings),
        "settings": dict(settings or {}),
        "decisions": dict(outcome.decisions),
        "inputs": {path.name: sha256(path) for path in upstream},
        "outputs": {path.name: sha256(path) for path in sorted(aside.iterdir())},
        "software": software_versions(),
    }


def _is_want_of_means(error: Exception) -> bool:
    """Tell whether the machine was at fault: no memory, a full disk."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in WANT_OF_MEANS)


class UpstreamFailedError(QmriError):
    """A stage has nothing to work on because an earlier one failed."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        super().__init__(str(record.get("reason")), remedy=record.get("remedy"))
        self.failed_stage = str(record.get("failed_stage"))

    @property
    def reason(self) -> str:
        """The earlier stage's reason, unchanged."""
        return self.problem


def require_ok(record: Mapping[str, Any]) -> None:
    """Check that a stage succeeded.

    Raises
    ------
    UpstreamFailedError
        If it did not; the error carries its reason.
    """
    if record.get("status") != "ok":
        raise UpstreamFailedError(record)


def find_record(directory: Path, verb: str) -> tuple[str, dict[str, Any]]:
    """Return the examination's name and the record of a stage from its folder.

    Raises
    ------
    QmriError
        If the folder holds no record of that stage, or several, or one of a failure.
    """
    paths = sorted(directory.glob(f"*_{verb}.json")) if directory.is_dir() else []
    if len(paths) != 1:
        raise QmriError(
            f"{directory.name} is not the result of qmri {verb}",
            found=f"{len(paths)} files *_{verb}.json",
            expected="one",
            remedy=f"give the folder that qmri {verb} --out wrote",
        )
    record = read_json(paths[0])
    require_ok(record)
    return str(record["examination"]), record


def _own_files(directory: Path, exam: str, verb: str) -> set[Path]:
    """Return every path that the stage may write: its registered outputs and their sidecars."""
    paths = {file_path(directory, exam, key) for key, output in FILES.items() if output.verb == verb}
    return paths | {sidecar_path(path) for path in paths}


@contextmanager
def _aside(directory: Path) -> Iterator[Path]:
    """Give a folder beside the stage's folder, hence on its file system, and take it away at the end."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _publish(aside: Path, directory: Path, verb: str, record: Mapping[str, Any]) -> None:
    """Replace the stage's files by the new ones; the record goes first and comes last.

    Killed at any point, this leaves a folder without a record, or a complete one. Files
    that a person put there are not moved.
    """
    exam = str(record["examination"])
    own = _own_files(directory, exam, verb)
    new = [directory / path.name for path in sorted(aside.iterdir())]
    if unregistered := set(new) - own:
        raise ValueError(f"not in the registry of outputs: {sorted(path.name for path in unregistered)}")
    record_path = file_path(directory, exam, f"{verb}_record")
    write_json(aside / record_path.name, record)
    directory.mkdir(exist_ok=True)
    record_path.unlink(missing_ok=True)
    for path in own.difference(new):
        path.unlink(missing_ok=True)
    for path in [*new, record_path]:
        (aside / path.name).replace(path)
    os.utime(record_path)  # not older than its folder, until a file is taken away or added
