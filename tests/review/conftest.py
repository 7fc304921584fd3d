"""Finished studies to read, copied for each test that changes them."""

import shutil
from pathlib import Path

import pytest
from finished_studies import finished_study, qmri
from review_desk import HOME, PORT
from starlette.testclient import TestClient

from qmri.review.desk import Desk
from qmri.review.guard import Door
from qmri.review.server import make_app


@pytest.fixture
def example(example_results, tmp_path) -> Path:
    """The example study: a folder with ``study/study.csv`` and ``results`` that a test may change."""
    shutil.copytree(example_results / "PLANTED_SURNAME", tmp_path / "example" / "study")
    shutil.copytree(example_results / "results", tmp_path / "example" / "results")
    return tmp_path / "example"


@pytest.fixture(scope="session")
def repeated_results(tmp_path_factory) -> Path:
    """One simulated patient who comes again after a year with a new fracture; nobody may change it."""

    def make(folder: Path) -> Path:
        options = ("--patients", "1", "--follow-up", "--forms", "maps", "--seed", "2")
        qmri("simulate", folder / "study", *options)
        return folder / "study" / "study.csv"

    return finished_study(tmp_path_factory.getbasetemp(), "repeated_results", make)


@pytest.fixture
def repeated(repeated_results, tmp_path) -> Path:
    """A copy of the patient with two sessions that a test may change."""
    shutil.copytree(repeated_results, tmp_path / "repeated")
    return tmp_path / "repeated"


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
