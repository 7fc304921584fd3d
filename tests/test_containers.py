"""The recipes name files that exist and one Python; whether they build is tried where a builder is."""

import re
import shutil
import subprocess

import pytest


def copied(repository):
    docker = (repository / "containers" / "Dockerfile").read_text()
    apptainer = (repository / "containers" / "qmri.def").read_text()
    for line in re.findall(r"^COPY (.+)$", docker, flags=re.MULTILINE):
        yield from line.split()[:-1]
    yield from re.findall(r"^    (\S+) /opt/qmri/", apptainer, flags=re.MULTILINE)


def test_the_recipes_copy_files_that_exist(repository):
    names = list(copied(repository))
    assert {"requirements.lock", "pyproject.toml", "src", "workflow"} <= set(names)
    for name in names:
        assert (repository / name).exists(), name


def test_the_recipes_have_the_same_python(repository):
    recipes = [(repository / "containers" / name).read_text() for name in ("Dockerfile", "qmri.def")]
    bases = {re.search(r"^(?:FROM|From:) (python:\S+)", text, flags=re.MULTILINE)[1] for text in recipes}
    assert bases == {"python:3.11-slim"}


@pytest.mark.slow
def test_the_image_runs(repository):
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no docker daemon answers here")
    recipe = str(repository / "containers" / "Dockerfile")
    subprocess.run(["docker", "build", "-q", "-t", "qmri-test", "-f", recipe, str(repository)], check=True)
    ended = subprocess.run(
        ["docker", "run", "--rm", "qmri-test", "--version"], capture_output=True, check=True
    )
    assert ended.stdout.startswith(b"qmri ")
