"""What every test may use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest
from finished_studies import finished_study

hypothesis.settings.register_profile("qmri", deadline=None)  # a timing is no test
hypothesis.settings.load_profile("qmri")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data that are never committed; a test that asks for them is skipped where they are absent."""
    path = Path(os.environ.get("QMRI_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip("the real test data are not on this machine")
    return path


@pytest.fixture(scope="session")
def example_results(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A folder with the example study and its ``results``; nobody may change it.

    The study lies in ``PLANTED_SURNAME``, a folder named after a patient as exports often are.
    """

    def make(folder: Path) -> Path:
        return (
            shutil.copytree(repository / "example_data", folder / "PLANTED_SURNAME", dirs_exist_ok=True)
            / "study.csv"
        )

    return finished_study(tmp_path_factory.getbasetemp(), "example_results", make)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast tests first."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(autouse=True)
def _no_worker_of_another_test(monkeypatch):
    """A run inside the test process leaves the address of its worker; a command is to be done here."""
    monkeypatch.delenv("QMRI_WORKER", raising=False)
