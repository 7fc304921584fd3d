"""What each stage imports, and what of it the stage does not use.

python benchmarks/batch_imports.py STUDY.csv

The first examination of a study goes through its stages, each in an interpreter of its own. A package, or a
part of scipy, is used where one of its functions is called once the imports are done. What a stage imports
later, when it is needed, is not among them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from batch import STAGES

from qmri.pipeline.study.study_sheet import read_study

LEAST_MS = 5.0
IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| *([\w.]+)")
BEGUN = "the imports are done"
STAGE = f"""
import cProfile, importlib, sys
import qmri.cli
importlib.import_module(sys.argv[1])
print("{BEGUN}", file=sys.stderr)
profile = cProfile.Profile()
profile.runcall(qmri.cli.main, sys.argv[2:])
for place in profile.getstats():
    print(place.code if isinstance(place.code, str) else place.code.co_filename)
"""


def package(module: str) -> str:
    """Return the package of a module, and of scipy the part: ``scipy.ndimage``."""
    first, *rest = module.split(".")
    return f"{first}.{rest[0]}" if first == "scipy" and rest and not rest[0].startswith("_") else first


def used_packages(places: str) -> set[str]:
    """Return the packages of functions that a profile names, by file or as ``<built-in method a.b.c>``."""
    installed = re.findall(r"site-packages/([\w/]+)", places)
    built_in = re.findall(r"<built-in method ([\w.]+)\.\w+>", places)
    of_types = re.findall(r"of '([\w.]+)' objects", places)
    return {package(name.replace("/", ".")) for name in (*installed, *built_in, *of_types)}


def stage(verb: str, module: str, exam: str, out: Path, sheet: Path) -> None:
    """Run a stage and print what it imported."""
    command = [sys.executable, "-X", "importtime", "-c", STAGE, module, verb, "--exam", exam]
    done = subprocess.run(
        [*command, "--results", str(out), "--study", str(sheet)], capture_output=True, text=True, check=False
    )
    begun, _, _ = done.stderr.partition(BEGUN)
    spent: dict[str, float] = defaultdict(float)
    for microseconds, name in IMPORT.findall(begun):
        spent[package(name)] += int(microseconds) / 1000
    own = {"qmri", *sys.stdlib_module_names}
    spent = {name: ms for name, ms in spent.items() if name not in own}
    used = used_packages(done.stdout)
    idle = sorted((name for name in spent if name not in used), key=lambda name: -spent[name])
    told = ", ".join(f"{name} {spent[name]:.0f}" for name in idle if spent[name] >= LEAST_MS)
    print(f"{verb:8s} {sum(spent.values()):5.0f} ms for {len(spent)} packages; not used: {told or 'none'}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sheet", type=Path)
    options = parser.parse_args()
    exam = read_study(options.sheet).names[0]
    print(f"import times are inflated by measuring them; packages below {LEAST_MS:.0f} ms are left out")
    with tempfile.TemporaryDirectory() as folder:
        for verb, module in STAGES.items():
            stage(verb, module, exam, Path(folder), options.sheet.resolve())


if __name__ == "__main__":
    main()
