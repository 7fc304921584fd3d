"""The rules of docs/architecture.md that a machine can hold."""

import ast
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "qmri"
MODULES = sorted(SOURCE.rglob("*.py"))

# What each package, or module beside the packages, may import from qmri besides itself.
FLOOR = {"errors", "words", "json_files"}
SHARED = FLOOR | {"images", "spine", "outputs", "config", "signal"}
SCIENCE = {"fit", "ingest", "segment", "measure", "risk"}
PAGES = {"report", "viewer", "export", "references", "version"}
ALLOWED = {
    "version": set(),
    "errors": set(),
    "words": set(),
    "json_files": {"errors"},
    "references": set(),
    "sheet_text": {"errors"},
    "outputs": set(),
    "signal": FLOOR,
    "images": FLOOR,
    "spine": FLOOR,
    "config": FLOOR | {"signal", "spine"},
    "fit": FLOOR | {"signal"},
    "ingest": FLOOR | {"signal", "images", "fit"},
    "segment": SHARED,
    "measure": SHARED | {"version"},
    "risk": SHARED | {"measure", "sheet_text", "version"},
    "viewer": FLOOR | {"spine"},
    "export": FLOOR | {"spine", "version"},
    "report": SHARED | {"measure", "risk", "references", "version"},
    "pipeline": SHARED | SCIENCE | PAGES | {"sheet_text"},
    "review": SHARED | {"measure", "pipeline", "segment", "viewer"},
    "simulate": SHARED | {"pipeline", "version"},
    "commands": SHARED | SCIENCE | PAGES | {"pipeline", "review", "simulate", "cli", "sheet_text"},
    "cli": FLOOR | {"version"},
    "__main__": {"cli", "pipeline"},
    "__init__": set(),
}
NUMERICS = ("signal", "fit", "risk")
"""Packages that import numpy and scipy alone; `risk.tables` also reads and writes tables."""


def package_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[0]


def imported(text: str) -> set[str]:
    """Every module that a source text imports, wherever the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "qmri":
            names |= {
                "qmri.version" if alias.name == "__version__" else f"qmri.{alias.name}"
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module}
    return names


def forbidden(package: str, text: str) -> set[str]:
    """What a module of a package imports against the table."""
    used = {name.split(".")[1] for name in imported(text) if name.startswith("qmri.")}
    return used - ALLOWED[package] - {package}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_imports_follow_the_table(path):
    beyond = forbidden(package_of(path), path.read_text(encoding="utf-8"))
    assert not beyond, f"{path.relative_to(SOURCE)} may not import {beyond}"


@pytest.mark.parametrize(
    ("package", "text", "found"),
    [
        ("segment", "from qmri.commands import STUDY_VARIABLE", {"commands"}),
        ("fit", "def late():\n    from qmri.pipeline.study.study_sheet import read_study", {"pipeline"}),
        ("measure", "import qmri.report.charts", {"report"}),
        ("risk", "from qmri import simulate", {"simulate"}),
        ("report", "from qmri import __version__", set()),
    ],
)
def test_the_table_finds_what_breaks_it(package, text, found):
    assert forbidden(package, text) == found


def test_nothing_of_the_product_needs_the_simulation():
    assert [name for name, allowed in ALLOWED.items() if "simulate" in allowed] == ["commands"]


def test_packages_do_not_import_each_other_in_circles():
    graph = defaultdict(set)
    for path in MODULES:
        used = {name.split(".")[1] for name in imported(path.read_text("utf-8")) if name.startswith("qmri.")}
        graph[package_of(path)] |= used - {package_of(path), "version"}
    while leaves := [name for name in graph if not graph[name] & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert set(graph) <= {"commands", "cli"}  # a command knows its exit status


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in MODULES
        if package_of(path) in NUMERICS and path.relative_to(SOURCE).parts[:2] != ("risk", "tables")
    ],
    ids=lambda p: p.relative_to(SOURCE).as_posix(),
)
def test_the_numerics_import_numpy_and_scipy_alone(path):
    outside = {name.split(".")[0] for name in imported(path.read_text("utf-8"))} - set(
        sys.stdlib_module_names
    )
    assert outside <= {"numpy", "scipy", "qmri", "threadpoolctl", "lazy_loader"}


def test_what_is_imported_is_declared():
    """Import names of the packages against the dependencies of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = project["dependencies"] + [
        *project["optional-dependencies"]["dicom"],
        *project["optional-dependencies"]["review"],
    ]
    declared = {
        requirement.split(">")[0].split("<")[0].lower().replace("-", "_") for requirement in requirements
    }
    known_as = {"skimage": "scikit_image", "yaml": "pyyaml", "PIL": "pillow", "nrrd": "pynrrd"}
    used = set()
    for path in MODULES:
        used |= {name.split(".")[0] for name in imported(path.read_text("utf-8"))}
    used -= set(sys.stdlib_module_names) | {"qmri", "__future__"}
    assert {known_as.get(name, name) for name in used} <= declared


def test_no_folder_holds_more_than_a_dozen_modules():
    count = defaultdict(int)
    for path in MODULES:
        count[path.parent.relative_to(SOURCE).as_posix()] += path.name != "__init__.py"
    assert not {folder: n for folder, n in count.items() if n > 12 and folder != "commands"}


def test_every_folder_says_what_belongs_there():
    for path in SOURCE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_torch_and_copyleft_packages_are_not_imported(path):
    outside = {name.split(".")[0] for name in imported(path.read_text(encoding="utf-8"))}
    assert not outside & {"torch", "maxflow", "thinqpbo", "igraph", "libjpeg"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_no_module_is_longer_than_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


HEAVY = {"scipy", "nibabel", "pydicom", "pandas", "matplotlib", "onnxruntime", "snakemake"}


@pytest.mark.parametrize(
    ("imports", "absent"),
    [
        ("qmri.cli; qmri.cli.build_parser()", HEAVY),
        ("qmri.fit", {"pydantic", "yaml", "pandas", "nibabel"}),
        ("qmri.commands.run, qmri.pipeline.run.workflow, qmri.pipeline.run.unchanged", HEAVY),
        ("qmri.__main__", {"qmri.cli", "argparse", "logging", "pathlib", "dataclasses"}),
    ],
    ids=["help", "the fit", "the plan of a run", "a command that is handed over"],
)
def test_what_starts_often_imports_little(imports, absent):
    code = f"import sys, {imports}; print(*{absent!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.split()
