"""pyproject.toml, requirements.lock and environment.yml name the same things in the same versions."""

import re
import tomllib

import pytest
import yaml

import qmri


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def direct(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    return {normal(re.match(r"[A-Za-z0-9._-]+", line).group()) for line in project["dependencies"]}


@pytest.fixture(scope="module")
def locked(repository):
    """The lowest locked version of each package, which is the one for the oldest Python."""
    versions = {}
    for line in (repository / "requirements.lock").read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line):
            versions.setdefault(normal(match.group(1)), match.group(2))
    return versions


@pytest.fixture(scope="module")
def conda(repository):
    entries = yaml.safe_load((repository / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    listed = [entry for entry in entries if isinstance(entry, str)] + [e for e in pip if "=" in e]
    versions = {normal(entry.split("=")[0]): entry.split("=")[-1] for entry in listed}
    versions["matplotlib"] = versions.pop("matplotlib-base")  # the name without the Qt windows
    versions["python-gdcm"] = versions.pop("gdcm")
    return versions


def test_every_dependency_is_locked(direct, locked):
    assert direct <= set(locked)


def test_conda_users_get_the_same_packages(direct, conda):
    assert set(conda) - {"python", "pip"} == direct


def test_conda_users_get_the_same_versions(locked, conda):
    for name, version in conda.items():
        if name in locked:
            assert locked[name].split(".")[:2] == version.split(".")[:2], name


def test_no_lock_names_a_registry(repository):
    for name in ("requirements.lock", "environment.yml", "pyproject.toml"):
        assert "://" not in (repository / name).read_text(), name


def test_the_wheel_carries_the_workflow(repository):
    build = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"workflow": "qmri/_workflow"}


def test_the_version_is_one_everywhere(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+)", (repository / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert project["version"] == str(citation["version"]) == qmri.__version__
    assert newest[1] in (qmri.__version__, "Unreleased")
