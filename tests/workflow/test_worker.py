"""The warm worker of a run: it does what a command of its own would do; no stage takes another along."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from qmri.outputs.files import VERBS
from qmri.pipeline.run import worker as run_worker
from qmri.pipeline.run.forward import STAGES, STATUS_KILLED, forward
from qmri.pipeline.run.variables import WORKER_IDENTITY_VARIABLE, WORKER_VARIABLE, worker_identity

SERVER = """
import os, signal, socket, sys, time
from pathlib import Path
from qmri.commands import worker

def main(words):
    if words[0] == "say":
        print(Path.cwd(), os.environ.get("TOLD"), os.environ.get("QMRI_WORKER"), words[1:], sys.argv[0])
        print("aside", file=sys.stderr)
        return 3
    if words[0] == "leave":
        sys.exit(5)
    if words[0] == "fill":
        print("begun")
        raise OSError(28, "No space left on device")
    if words[0] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if words[0] == "wait":
        try:
            writing = Path(words[1]).with_suffix(".new")
            writing.write_text(str(os.getpid()))
            writing.rename(words[1])
            time.sleep(30)
        finally:
            Path(words[1]).with_suffix(".ended").touch()
    if words[0] == "stay":
        try:
            Path(words[1]).touch()
            time.sleep(60)
        except KeyboardInterrupt:
            Path(words[1]).with_suffix(".interrupted").touch()
            time.sleep(60)
    return 0

worker.main = main
worker.INTERRUPTED_FOR_S = 3.0
worker.serve(socket.socket(fileno=int(sys.argv[1])), 0)
"""
CLIENT = "import sys; from qmri.pipeline.run.forward import forward; sys.exit(forward(sys.argv[1:]))"


def wait_for(condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """A worker whose commands are those of SERVER."""
    address = tmp_path / "worker"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(address))
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
    monkeypatch.setenv(WORKER_VARIABLE, os.path.relpath(address))
    monkeypatch.setenv(WORKER_IDENTITY_VARIABLE, worker_identity())
    yield process
    process.stdin.close()
    assert process.wait(20) == 0


def client(*words, **options):
    return subprocess.Popen([sys.executable, "-c", CLIENT, *words], text=True, **options)


def test_it_works_in_the_folder_the_environment_and_the_streams_of_the_command(worker, tmp_path, monkeypatch):
    monkeypatch.setenv("TOLD", "ä b")
    monkeypatch.setenv(WORKER_VARIABLE, str(Path(os.environ[WORKER_VARIABLE]).resolve()))
    asked = client("say", "a b", "", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = asked.communicate(timeout=30)
    assert output == f"{tmp_path} ä b None ['a b', ''] qmri\n"
    assert errors == "aside\n"
    assert asked.returncode == 3


def test_an_exit_is_an_exit_and_a_killed_stage_takes_nothing_with_it(worker, capfd):
    assert forward(["leave"]) == 5
    assert forward(["die"]) == STATUS_KILLED
    assert "was killed" in capfd.readouterr().err
    assert forward(["nothing"]) == 0


def test_an_error_is_told_as_by_a_process_of_its_own(worker, capfd):
    """A run learns from the log that the disk is full, and does not hold it against the examination."""
    assert forward(["fill"]) == 1
    told = capfd.readouterr()
    assert told.out == "begun\n"
    assert "No space left on device" in told.err
    assert "killed" not in told.err


def test_an_error_ends_the_stage_where_there_is_no_room_for_the_log_either(worker):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        asked = client("fill", stdout=full, stderr=full)
        assert asked.wait(20) == 1
    assert forward(["nothing"]) == 0


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_that_goes_away_interrupts_its_stage(worker, tmp_path, ending):
    note = tmp_path / "at.work"
    asked = client("wait", str(note))
    wait_for(note.exists)
    asked.send_signal(ending)
    asked.wait(20)
    wait_for(note.with_suffix(".ended").exists)


def test_a_stage_that_an_interrupt_does_not_end_is_killed(worker, tmp_path):
    note = tmp_path / "at.work"
    asked = client("stay", str(note))
    wait_for(note.exists)
    asked.kill()
    asked.wait(20)
    wait_for(note.with_suffix(".interrupted").exists)
    worker.stdin.close()
    assert worker.wait(20) == 0


def test_stages_run_side_by_side(worker, tmp_path):
    notes = [tmp_path / name for name in ("one", "two")]
    asked = [client("wait", str(note)) for note in notes]
    wait_for(lambda: all(note.exists() for note in notes))
    assert notes[0].read_text() != notes[1].read_text()
    for one in asked:
        one.kill()
        one.wait(20)


def test_without_a_worker_of_this_installation_the_command_does_its_work_itself(worker, monkeypatch):
    monkeypatch.setenv(WORKER_IDENTITY_VARIABLE, "another")
    assert forward(["say"]) is None
    monkeypatch.setenv(WORKER_IDENTITY_VARIABLE, worker_identity())
    monkeypatch.setenv(WORKER_VARIABLE, "/nowhere/worker")
    assert forward(["say"]) is None
    monkeypatch.delenv(WORKER_VARIABLE)
    assert forward(["say"]) is None


def test_who_only_looks_or_talks_nonsense_is_let_go(worker):
    for text in (b"", b"GET", (8).to_bytes(4, "big") + b"nonsense"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.environ[WORKER_VARIABLE])
            connection.sendall(text)
    assert forward(["nothing"]) == 0


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no /proc to count threads in")
def test_what_is_loaded_beforehand_starts_no_thread():
    """A fork has the one thread that called it: what another held would stay locked."""
    code = """
import importlib, sys
from pathlib import Path
from qmri.commands.worker import LOADED
for modules in LOADED.values():
    for module in modules:
        importlib.import_module(module)
heavy = {"numpy", "scipy", "nibabel", "pydicom", "skimage", "pydantic", "jinja2"}
print(len(list(Path("/proc/self/task").iterdir())), sorted(heavy - set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["1", "[]"]


def test_a_temporary_folder_whose_path_is_too_long_costs_the_worker_and_not_the_run(
    tmp_path, monkeypatch, capsys
):
    folder = tmp_path / ("t" * 120)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(run_worker, "_process", None)
    monkeypatch.delenv(WORKER_VARIABLE, raising=False)
    run_worker.start_worker()
    assert "TMPDIR names another folder" in capsys.readouterr().err
    assert WORKER_VARIABLE not in os.environ
    assert not list(folder.iterdir())


def test_every_stage_is_handed_over():
    assert STAGES == VERBS
