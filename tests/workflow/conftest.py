"""The stand-in studies, for this folder."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("batch_studies", Path(__file__).with_name("batch_studies.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
batch_study, standin_program = _module.batch_study, _module.standin_program
standin_worker = _module.standin_worker


@pytest.fixture(autouse=True)
def _warm_stages(request, monkeypatch):
    if "batch_study" in request.fixturenames:
        monkeypatch.setenv("STANDIN_WORKER", request.getfixturevalue("standin_worker"))
