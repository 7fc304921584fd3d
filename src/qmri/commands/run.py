"""``qmri run``: a thin layer over the Snakemake workflow."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from qmri.cli import EXIT_OK, EXIT_REFUSED, EXIT_SOME_FAILED
from qmri.commands.summary import summarise
from qmri.errors import QmriError

DESCRIPTION = """\
Run the whole pipeline on a study sheet: ingest, fit, segment, measure, report.

What is already done is not done again. Options that qmri does not know go to Snakemake:
    qmri run study.csv --out results --cores 8 -n                     show what would be done
    qmri run study.csv --out results --profile workflow/profiles/slurm
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("study", type=Path, metavar="STUDY", help="study sheet (CSV or TSV)")
    parser.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="results folder (default: results)"
    )
    parser.add_argument("--cores", default="all", metavar="N", help="cores to use (default: all)")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (default: those of the package)"
    )


def run(options: argparse.Namespace) -> int:
    """Run the workflow and say what came out."""
    from qmri.config import read_config
    from qmri.study import read_study

    read_config(options.config)
    read_study(options.study)
    status = subprocess.call(snakemake_command(options))
    if status != 0 or _is_dry(options.rest):
        return EXIT_OK if status == 0 else EXIT_REFUSED
    summary = summarise(options.out)
    sys.stdout.write(summary.text)
    return EXIT_SOME_FAILED if summary.failed else EXIT_OK


def snakemake_command(options: argparse.Namespace) -> list[str]:
    """Return the Snakemake command line that does what the options say."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile())]
    command += ["--cores", str(options.cores)]
    if options.config:
        command += ["--configfile", str(options.config)]
    command += ["--config", f"study={options.study.resolve()}", f"out={options.out.resolve()}"]
    return command + list(options.rest)


def snakefile() -> Path:
    """Return the workflow that came with the package: beside the source, or inside the wheel.

    Raises
    ------
    QmriError
        If neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parents[1] / "workflow", package / "_workflow"):
        if (folder / "Snakefile").is_file():
            return folder / "Snakefile"
    raise QmriError("the workflow is missing from this installation", remedy="install qmri again")


def _is_dry(rest: list[str]) -> bool:
    return any(word in rest for word in ("-n", "--dry-run", "--dryrun", "--lint", "--unlock", "--summary"))
