"""A finished example study to read: made once for all workers, copied for each test that changes it."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def example_results(tmp_path_factory, repository) -> Path:
    """A folder with a copy of the example study and its results, ``study/study.csv`` and ``results``."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "review_example"
    with (shared / "review_example.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "results" / "report" / "index.html").is_file():
            shutil.copytree(repository / "example_data", folder / "study", dirs_exist_ok=True)
            command = [sys.executable, "-m", "qmri", "run", str(folder / "study" / "study.csv")]
            command += ["--out", str(folder / "results"), "--cores", "2"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture
def example(example_results, tmp_path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(example_results, tmp_path / "example")
    return tmp_path / "example"
