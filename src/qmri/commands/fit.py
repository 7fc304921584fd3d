"""``qmri fit``: water, fat, PDFF, R2* and field."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK
from qmri.commands import add_study_arguments
from qmri.errors import QmriError

if TYPE_CHECKING:
    from rich.status import Status

DESCRIPTION = """\
Estimate water, fat, PDFF, R2* and field from the echoes that qmri ingest wrote;
where there are only the scanner's own maps, adopt them.

On files:    qmri fit INGESTED_DIR --out DIR
In a study:  qmri fit --exam sub-01_ses-pre --results OUT
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    group = parser.add_argument_group("on files")
    group.add_argument("ingested", type=Path, nargs="?", metavar="INGESTED_DIR", help="result of qmri ingest")
    group.add_argument("--out", type=Path, metavar="DIR", help="folder for the maps")
    group.add_argument("--config", type=Path, metavar="FILE", help="settings (default: those of the package)")
    parser.add_argument("--fat-model", metavar="ID", help="fat spectrum, e.g. ren9 (default) or toolbox6")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads (default: 1)")
    add_study_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Fit what the options name."""
    from qmri.config import FitSettings, read_config
    from qmri.pipeline.stages.fit import fit_directory, fit_in_study
    from qmri.signal import fat_model

    if options.threads < 1:
        raise QmriError(
            "--threads is not a number of threads", found=str(options.threads), expected="1 or more"
        )

    def settings(config: Path | None) -> FitSettings:
        chosen = read_config(config).fit
        return chosen.model_copy(update={"fat_model": options.fat_model}) if options.fat_model else chosen

    if options.fat_model:
        fat_model(options.fat_model)
    if options.ingested is not None and options.out is not None:
        with _progress():
            fit_directory(options.ingested, options.out, settings(options.config), options.threads)
        return EXIT_OK
    if options.exam is None or options.results is None:
        raise QmriError(
            "qmri fit does not know what to fit",
            expected="INGESTED_DIR with --out, or --exam with --results",
        )
    frozen = options.results / "config.yaml"
    fit_in_study(
        options.exam, options.results, settings(frozen if frozen.exists() else None), options.threads
    )
    return EXIT_OK


def _progress() -> Status:
    """Return a spinner that shows on a terminal while the fit runs."""
    from rich.console import Console

    return Console(stderr=True).status("fitting water, fat, R2* and field")
