"""A finished example study to read: made once for all workers, copied for each test that changes it."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from review_desk import HOME, PORT
from starlette.testclient import TestClient

from qmri.review.desk import Desk
from qmri.review.guard import Door
from qmri.review.server import make_app


@pytest.fixture(scope="session")
def example_results(tmp_path_factory, repository) -> Path:
    """A folder with a copy of the example study and its results, ``study/study.csv`` and ``results``."""
    return finished(
        tmp_path_factory,
        "review_example",
        lambda folder: shutil.copytree(repository / "example_data", folder / "study", dirs_exist_ok=True),
    )


@pytest.fixture(scope="session")
def repeated_results(tmp_path_factory) -> Path:
    """The same of one simulated patient who comes again after a year with a new fracture."""
    words = ["--patients", "1", "--follow-up", "--forms", "maps"]
    return finished(
        tmp_path_factory, "review_repeated", lambda folder: qmri("simulate", folder / "study", *words)
    )


def finished(tmp_path_factory, name, make_study) -> Path:
    """Make a study and its results once for all workers."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "results" / "report" / "index.html").is_file():
            folder.mkdir(exist_ok=True)
            make_study(folder)
            qmri("run", folder / "study" / "study.csv", "--out", folder / "results", "--cores", "2")
    return folder


def qmri(*words):
    command = [sys.executable, "-m", "qmri", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture
def repeated(repeated_results, tmp_path) -> Path:
    """A copy of the patient with two sessions that a test may change."""
    shutil.copytree(repeated_results, tmp_path / "repeated")
    return tmp_path / "repeated"


@pytest.fixture
def example(example_results, tmp_path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(example_results, tmp_path / "example")
    return tmp_path / "example"


@pytest.fixture
def tokens() -> list[str]:
    """The tokens that the server has announced."""
    return []


@pytest.fixture
def desk(example):
    """The desk of a first reader; what is measured again is another test's."""
    desk = Desk(example / "results", example / "study" / "study.csv", "AB")
    desk.again.stop()
    yield desk
    desk.close()


@pytest.fixture
def stranger(desk, tokens) -> TestClient:
    """A client without a cookie."""
    return TestClient(make_app(desk, Door(tokens.append), PORT), base_url=HOME, follow_redirects=False)


@pytest.fixture
def reader(stranger, tokens) -> TestClient:
    """A client that has come in."""
    answer = stranger.get("/", params={"token": tokens[0]})
    assert answer.status_code == 303
    return stranger
