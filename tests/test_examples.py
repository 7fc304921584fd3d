"""The examples in docstrings run, print what they say, and need no more than they import."""

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
FACES = ("fit", "ingest", "measure", "risk", "segment", "signal")
EXAMPLES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_print_what_they_say(name, repository, monkeypatch):
    monkeypatch.chdir(repository)
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted > 0
    assert failed == 0


def test_every_public_package_has_an_example():
    assert {f"qmri.{package}" for package in FACES} <= set(EXAMPLES)


@pytest.mark.parametrize("package", FACES)
def test_every_public_name_is_there(package):
    module = importlib.import_module(f"qmri.{package}")
    assert module.__all__
    assert set(module.__all__) <= set(dir(module))
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("package", ["ingest", "measure", "risk", "segment"])
@pytest.mark.parametrize("heavy", ["numpy", "pydantic", "scipy"])
def test_a_package_costs_nothing_before_it_is_used(package, heavy):
    code = f"import sys, qmri.{package}; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("package", FACES)
def test_no_public_name_is_that_of_a_module_beside_it(package):
    """Else `qmri.package.name` is the one or the other, by what was imported first."""
    beside = {path.stem for path in (SOURCE / "qmri" / package).iterdir()}
    assert not beside & set(importlib.import_module(f"qmri.{package}").__all__)
