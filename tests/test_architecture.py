"""The rules of docs/architecture.md that a machine can hold."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "qmri"
MODULES = sorted(SOURCE.rglob("*.py"))
SHARED = {"errors", "levels", "acquisition", "volumes", "outputs", "stage", "config", "study", "provenance"}
SHARED |= {"config_risk", "config_changes", "batch", "ledger", "citations", "words", "sheet_text"}

# What the modules of each package may import from qmri besides themselves.
ALLOWED = {
    "signal": set(),
    "fit": {"signal"},
    "segment": {"fit", "signal"},
    "measure": {"segment", "fit", "signal"},
    "report": {"viewer", "risk", "measure", "segment", "fit", "signal"},
    "risk": {"measure"},
    "export": {"segment"},
    "viewer": {"segment"},
    "ingest": {"fit", "signal"},
    "simulate": {"signal", "measure"},
    "commands": {"signal", "fit", "segment", "measure", "risk", "report", "ingest", "simulate"}
    | {"export", "viewer", "cli", "workflow", "preflight"},
}
PURE = ("signal", "fit", "risk")
RIM = ("stage.py",)


def package_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else ""


def imported(path: Path) -> set[str]:
    """Every module a file imports, wherever the import stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module}
            if node.module == "qmri":
                names |= {f"qmri.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", [p for p in MODULES if package_of(p) in ALLOWED], ids=lambda p: p.name)
def test_imports_point_one_way(path):
    package = package_of(path)
    used = {name.split(".")[1] for name in imported(path) if name.startswith("qmri.")}
    beyond = used - ALLOWED[package] - SHARED - {package, "commands", "__version__"}
    assert not beyond, f"{path.name} of {package} may not import {beyond}"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if package_of(p) in PURE and p.name not in RIM], ids=lambda p: p.name
)
def test_the_numerics_import_numpy_and_scipy_alone(path):
    outside = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
    assert outside <= {"numpy", "scipy", "qmri", "threadpoolctl"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.name)
def test_torch_and_copyleft_packages_are_not_imported(path):
    outside = {name.split(".")[0] for name in imported(path)}
    assert not outside & {"torch", "maxflow", "thinqpbo", "igraph", "libjpeg"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.name)
def test_no_module_is_long_without_a_reason(path):
    text = path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert len(text.splitlines()) <= 400 or "long" in docstring.lower()


@pytest.mark.parametrize("module", ["scipy", "pydicom", "pandas", "matplotlib", "onnxruntime", "snakemake"])
def test_help_is_light(module):
    code = f"import sys, qmri.cli as c; c.build_parser(); sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
