"""Studies of stand-in stages: what a test of the workflow needs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


class BatchStudy:
    """A study sheet with DICOM folders, and a Python whose `qmri` is the stand-in."""

    def __init__(self, root: Path, program: Path) -> None:
        self.root = root
        self.sheet = root / "study.csv"
        self.out = root / "results"
        self.program = program

    def add(self, behaviours: Mapping[str, Mapping[str, object]]) -> BatchStudy:
        """Write the sheet: one participant for each name, with what its stages do."""
        lines = ["participant_id,session_id,dicom_dir"]
        for name, behaviour in behaviours.items():
            self.behave(name, behaviour)
            lines.append(f"{name},pre,{self.folder(name).name}")
        self.sheet.write_text("\n".join(lines) + "\n")
        return self

    def folder(self, name: str) -> Path:
        return self.root / f"Smith-{name}"

    def behave(self, name: str, behaviour: Mapping[str, object]) -> None:
        self.folder(name).mkdir(exist_ok=True)
        (self.folder(name) / "behaviour.json").write_text(json.dumps(behaviour))

    @property
    def environment(self) -> dict[str, str]:
        dropped = ("QMRI_RUN", "QMRI_STUDY", "QMRI_RESULTS")
        return {key: value for key, value in os.environ.items() if key not in dropped}

    def command(self, *options: str) -> list[str]:
        """The command line of `qmri run` on this study."""
        python = str(self.program / "bin" / "python")
        return [python, "-m", "qmri", "run", str(self.sheet), "--out", str(self.out), *options]

    def run(self, *options: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*(options or ("--cores", "2"))),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*(options or ("--cores", "2"))),
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - no other threads here
        )

    def record(self, name: str, verb: str) -> dict[str, object]:
        exam = f"sub-{name}_ses-pre"
        return json.loads((self.out / f"sub-{name}" / "ses-pre" / verb / f"{exam}_{verb}.json").read_text())

    def tables(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.out / "markers").iterdir())}


def _heed_ctrl_c() -> None:
    """Undo what a shell does to programs that it starts in the background: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="session")
def standin_program(tmp_path_factory) -> Path:
    """A Python environment like this one in which the command `qmri` is the stand-in."""
    root = tmp_path_factory.mktemp("standin")
    (root / "bin").mkdir()
    (root / "bin" / "python").symlink_to(sys.executable)
    settings = Path(sys.prefix) / "pyvenv.cfg"
    if settings.is_file():
        shutil.copy(settings, root)
        (root / "lib").symlink_to(Path(sys.prefix) / "lib")
    program = root / "bin" / "qmri"
    program.write_text(f'#!/bin/sh\nexec "{root}/bin/python" "{HERE}/standin.py" "$@"\n')
    program.chmod(0o755)
    return root


@pytest.fixture(scope="session")
def standin_worker() -> Iterator[str]:
    """The address of a warm worker for the stand-in; a short one, as sockets want it."""
    with tempfile.TemporaryDirectory(prefix="standin-") as folder:
        address = f"{folder}/socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(socket.SOMAXCONN)
            process = subprocess.Popen(
                [sys.executable, str(HERE / "standin.py"), "--serve", str(listener.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        yield address
        process.communicate(timeout=60)


@pytest.fixture
def batch_study(tmp_path, standin_program) -> Callable[..., BatchStudy]:
    """Make a study of stand-in examinations in a folder of its own."""

    def make(**behaviours: Mapping[str, object]) -> BatchStudy:
        return BatchStudy(tmp_path, standin_program).add(behaviours)

    return make
