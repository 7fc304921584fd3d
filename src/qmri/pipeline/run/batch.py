"""What a run leaves in a results folder besides results: who is at work there, and which stages were lost.

One run at a time works in a results folder. The lock is the kernel's and ends with the
process, so nothing has to be unlocked after a kill. Jobs on a cluster may outlive the
run that sent them; the token in ``.run`` tells them that another has taken over.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from qmri.errors import QmriError
from qmri.json_files import read_json, write_json
from qmri.outputs.files import VERBS, record_path
from qmri.pipeline.records.record_files import written_files

RUN_VARIABLE = "QMRI_RUN"
LOCK_FILE, TOKEN_FILE = ".lock", ".run"
REVIEW = "a review"
"""How the words begin by which others are told that a review is at work."""

_held: dict[Path, int] = {}


def take_over(results: Path, who: str = "a run") -> None:
    """Make this process's run the one that works in a results folder, and clear up after a killed one.

    Folders that a killed stage left are taken away, so a stage of an earlier run that
    is still busy elsewhere finds nothing to publish. Doing it again in one process does nothing.
    A run that was started by the process at work there works on its behalf.

    Parameters
    ----------
    results
        The results folder.
    who
        What others are told of who is at work.

    Raises
    ------
    QmriError
        If another run is at work there, or the folder cannot be written.
    """
    results = results.resolve()
    if results in _held:
        return
    try:
        results.mkdir(parents=True, exist_ok=True)
        lock = -1 if works_on_behalf(results) else _locked(results, who)
        token = os.environ.setdefault(RUN_VARIABLE, uuid.uuid4().hex)
        (results / TOKEN_FILE).write_text(token, encoding="utf-8")
    except OSError as error:
        if not is_read_only(error):
            raise
        raise QmriError(
            f"the results folder cannot be written ({error.strerror})",
            where=results.name,
            remedy="name another with --out, or gain the right to write there",
        ) from None
    _held[results] = lock
    for folder in staging_folders(results):
        shutil.rmtree(folder, ignore_errors=True)


def works_on_behalf(results: Path) -> bool:
    """Tell whether this process was started by one that is at work in a results folder."""
    token = results / TOKEN_FILE
    mine = os.environ.get(RUN_VARIABLE)
    return bool(mine) and token.is_file() and token.read_text("utf-8") == mine and is_at_work(results)


def is_at_work(results: Path) -> bool:
    """Tell whether a run is at work in a results folder; nothing is written."""
    import fcntl  # noqa: PLC0415 - not on Windows, where single stages run all the same

    try:
        lock = os.open(results / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return False  # no run has been here, or one of which nothing may be known
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    finally:
        os.close(lock)
    return False


def refuse_beside_review(results: Path) -> None:
    """Check that no review is at work in a results folder, unless this process works on its behalf.

    Raises
    ------
    QmriError
        If one is; the message has the reader and since when.
    """
    if not is_at_work(results) or works_on_behalf(results):
        return
    told = (results / LOCK_FILE).read_text(encoding="utf-8", errors="replace").strip()
    if told.startswith(REVIEW):
        raise _taken(results, told)


def is_read_only(error: OSError) -> bool:
    """Tell whether something failed because a folder may only be read."""
    return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


def staging_folders(results: Path) -> list[Path]:
    """Return the staging folders; without a run at work, killed ones left them."""
    starts = tuple(f".{verb}-" for verb in VERBS)
    found = (path for path in results.glob("sub-*/ses-*/.*-*") if path.name.startswith(starts))
    return sorted(path for path in found if path.is_dir())


def require_current_run(directory: Path) -> None:
    """Check that a job still belongs to the run that works in its results folder.

    Parameters
    ----------
    directory
        Folder of a stage, ``OUT/sub-<participant>/ses-<session>/<verb>``.

    Raises
    ------
    QmriError
        If another run has taken over.
    """
    token = directory.parents[2] / TOKEN_FILE if len(directory.parents) > 2 else None
    mine = os.environ.get(RUN_VARIABLE)
    if mine and token and token.is_file() and token.read_text(encoding="utf-8") != mine:
        raise QmriError("another run has taken over the results folder; this job leaves it alone")
    if token and not mine:
        refuse_beside_review(token.parent)


def write_job_failure(directory: Path, reason: str, remedy: str) -> None:
    """Note that a stage was lost in every attempt, so that this run records it instead of trying again."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    note = {"run": os.environ.get(RUN_VARIABLE), "reason": reason, "remedy": remedy}
    write_json(_note(directory), note)


def read_job_failure(directory: Path) -> dict[str, Any] | None:
    """Return the reason and the remedy if this run has lost the stage; notes of former runs do not count."""
    path = _note(directory)
    if not path.is_file():
        return None
    note = read_json(path)
    if note["run"] != os.environ.get(RUN_VARIABLE):
        return None
    return {"problem": note["reason"], "remedy": note["remedy"]}


def lost_stages(results: Path) -> list[Path]:
    """Return the notes of lost stages."""
    return sorted(results.glob("sub-*/ses-*/.lost-*.json"))


def forget_job_failures(results: Path) -> None:
    """Take away the notes of lost stages with the records that followed: the next run tries again."""
    for note in lost_stages(results):
        participant, session = note.parts[-3:-1]
        forget_stage(results, f"{participant}_{session}", note.stem.removeprefix(".lost-"))
        note.unlink()


def forget_stage(results: Path, exam: str, verb: str) -> None:
    """Take away the records of a stage and of those after it, so that the next run does them again."""
    for later in VERBS[VERBS.index(verb) :]:
        record_path(results, exam, later).unlink(missing_ok=True)


def incomplete_stages(results: Path, exams: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return each examination that lacks a file, with its first such stage and the name of the file.

    Taking a file away changes the time of its folder, so a record is read only where the folder
    has changed since the stage was published.
    """
    found = []
    for exam in exams:
        for verb in VERBS:
            record = record_path(results, exam, verb)
            try:
                unchanged = record.parent.stat().st_mtime_ns <= record.stat().st_mtime_ns
            except FileNotFoundError:
                continue
            if unchanged:
                continue
            present = {entry.name for entry in os.scandir(record.parent)}
            if lost := sorted(set(written_files(record)) - present):
                found.append((exam, verb, lost[0]))
                break
    return found


def _locked(results: Path, who: str) -> int:
    """Return the open lock file of a results folder, locked for as long as it stays open."""
    import fcntl  # noqa: PLC0415 - not on Windows, where single stages run all the same

    lock = os.open(results / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        told = os.read(lock, 200).decode("utf-8", errors="replace").strip()
        os.close(lock)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise _taken(results, told) from None
    os.truncate(lock, 0)
    os.write(lock, f"{who} since {datetime.now().astimezone():%Y-%m-%d %H:%M}\n".encode())
    return lock


def _taken(results: Path, told: str) -> QmriError:
    return QmriError(
        f"another {'review' if told.startswith(REVIEW) else 'run'} is at work in this results folder",
        where=results.name,
        found=told or None,
        remedy="wait for it or end it; qmri status shows how far it is",
    )


def _note(directory: Path) -> Path:
    return directory.parent / f".lost-{directory.name}.json"
