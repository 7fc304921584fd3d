"""The stand-in studies, and the cluster they run on."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "batch_studies", Path(__file__).parents[1] / "workflow" / "batch_studies.py"
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
batch_study, standin_program = _module.batch_study, _module.standin_program
