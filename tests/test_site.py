"""The site of the docs builds without a warning, describes every public name, loads nothing foreign."""

import importlib
import inspect
import os
import re
import subprocess
import sys

import pytest

PACKAGES = ("fit", "ingest", "measure", "risk", "segment", "signal")


@pytest.fixture(scope="module")
def site(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=repository, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, check=True)
    return folder


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_function_and_class_is_on_the_page_of_its_package(site, package):
    page = (site / "api" / f"{package}.html").read_text(encoding="utf-8")
    module = importlib.import_module(f"qmri.{package}")
    described = {
        name
        for name in module.__all__
        if inspect.isfunction(getattr(module, name)) or inspect.isclass(getattr(module, name))
    }
    assert {name for name in described if f'id="qmri.{package}.{name}"' not in page} == set()


def test_no_page_loads_anything_from_another_server(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<(?:script|img|iframe)[^>]+src=\"https?:", text), page.name
        assert not re.search(r"<link[^>]+rel=\"?(?:stylesheet|preconnect)\"?[^>]+href=\"https?:", text), (
            page.name
        )
        assert not re.search(r"<link[^>]+href=\"https?:[^>]+rel=\"?(?:stylesheet|preconnect)", text), (
            page.name
        )


def test_pages_beside_the_docs_link_to_their_copies(site):
    home = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="methods.html"' in home
    assert 'href="configuration.html"' in home
    assert 'src="images/report.png"' in home
    assert 'href="model-card.html"' in (site / "methods.html").read_text(encoding="utf-8")
