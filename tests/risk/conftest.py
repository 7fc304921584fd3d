"""A simulated cohort of known truth, and ways to change one thing about it."""

from __future__ import annotations

import csv
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from qmri.config import Config, parse_config
from qmri.pipeline.stages.risk import Tables, develop_files
from qmri.pipeline.stages.risk_report import development_pages
from qmri.simulate.cohort.cohort_writer import simulate_cohort
from qmri.simulate.cohort.patients import CohortOptions

QUICK = {"bootstrap_samples": 20, "cross_validation_repeats": 1}


def settings(**risk) -> Config:
    """The configuration with few resamples and what else is told."""
    return parse_config({"risk": QUICK | risk}, "test")


def tables(folder: Path) -> Tables:
    return Tables(folder / "markers", folder / "clinical.csv", folder / "outcomes.csv")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="n/a", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def edit(path: Path, change) -> None:
    """Apply ``change(row)`` to the rows of a table; a row for which it returns False is dropped."""
    write_rows(path, [row for row in rows_of(path) if change(row) is not False])


@pytest.fixture(scope="session")
def kit():
    """Functions on the files of a cohort."""
    return SimpleNamespace(
        settings=settings, tables=tables, rows_of=rows_of, write_rows=write_rows, edit=edit
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A cohort of 560; not to be changed."""
    folder = tmp_path_factory.mktemp("cohort") / "c"
    simulate_cohort(folder, CohortOptions(), "qmri simulate DIR --cohort 560")
    return folder


@pytest.fixture
def cohort(made, tmp_path) -> Path:
    """A copy of the cohort that may be changed."""
    return Path(shutil.copytree(made, tmp_path / "cohort"))


@pytest.fixture(scope="session")
def developed(made, tmp_path_factory):
    """The files of a model of the cohort, and the development."""
    out = tmp_path_factory.mktemp("risk") / "risk"
    pages = partial(development_pages, markers=made / "markers")
    return out, develop_files(tables(made), out, settings(), pages)
