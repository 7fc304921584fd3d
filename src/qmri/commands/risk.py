"""``qmri risk``: who will break another vertebra, and how far the answer can be trusted."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK, EXIT_REFUSED

if TYPE_CHECKING:
    from qmri.config import Config
    from qmri.risk.stage import Tables

log = logging.getLogger(__name__)

DESCRIPTION = """\
Model the risk of a new fracture within a year of PVP/PKP from markers, clinical data and outcomes.

  qmri risk check MARKERS --clinical clinical.csv --outcomes outcomes.csv      look, fit nothing
  qmri risk develop MARKERS --clinical clinical.csv --outcomes outcomes.csv --out risk
  qmri risk validate risk/risk_model.json NEW --clinical ... --outcomes ... --out validation
  qmri risk apply risk/risk_model.json NEW --clinical ... --out applied

MARKERS is the folder with patients.csv and vertebrae.csv. No decision is to rest on a model before it has
been validated on other patients (docs/risk.md).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    parser.description = DESCRIPTION
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, words, model, outcomes, out in (
        ("check", "check the tables, count who is in, tell what the sample affords", False, True, False),
        ("develop", "make a model and tell how good it is", False, True, True),
        ("validate", "try a frozen model on new patients with outcomes", True, True, True),
        ("apply", "tell the risks of new patients by a frozen model", True, False, True),
    ):
        sub = actions.add_parser(name, help=words, description=words, allow_abbrev=False)
        if model:
            sub.add_argument("model", type=Path, metavar="MODEL", help="risk_model.json")
        sub.add_argument(
            "markers", type=Path, metavar="MARKERS", help="folder of patients.csv and vertebrae.csv"
        )
        sub.add_argument("--clinical", type=Path, required=True, metavar="CSV", help="clinical data")
        if outcomes:
            sub.add_argument("--outcomes", type=Path, required=True, metavar="CSV", help="outcomes")
        if out:
            sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
        sub.add_argument(
            "--config", type=Path, metavar="FILE", help="settings, if not those frozen in the results folder"
        )


def run(options: argparse.Namespace) -> int:
    """Do what the sub-command says."""
    return {"check": _check, "develop": _develop, "validate": _validate, "apply": _apply}[options.action](
        options
    )


def _check(options: argparse.Namespace) -> int:
    from qmri.risk.development import sample_of
    from qmri.risk.stage import read_both
    from qmri.risk.told import flow_lines, sample_lines

    config = _config(options)
    cohort, outcomes = read_both(_tables(options), config)
    sample = sample_of(cohort, outcomes, config.risk)
    lines = [*flow_lines(cohort, outcomes), "", *sample_lines(sample)]
    lines += [f"note: {note}" for note in (*cohort.notes, *outcomes.notes)]
    sys.stdout.write("\n".join(lines) + "\n")
    return EXIT_OK if sample.enough_to_fit else EXIT_REFUSED


def _develop(options: argparse.Namespace) -> int:
    from qmri.risk.stage import develop_files
    from qmri.risk.told import development_lines

    found = develop_files(_tables(options), options.out, _config(options))
    sys.stdout.write("\n".join(development_lines(found)) + "\n")
    return EXIT_OK


def _validate(options: argparse.Namespace) -> int:
    from qmri.risk.stage import validate_files
    from qmri.risk.told import validation_lines

    found = validate_files(options.model, _tables(options), options.out, _config(options))
    sys.stdout.write("\n".join(validation_lines(found)) + "\n")
    return EXIT_OK


def _apply(options: argparse.Namespace) -> int:
    from qmri.risk.stage import apply_files
    from qmri.risk.told import applied_lines

    cohort, risks = apply_files(options.model, _tables(options), options.out, _config(options))
    sys.stdout.write("\n".join(applied_lines(cohort, risks)) + "\n")
    return EXIT_OK


def _tables(options: argparse.Namespace) -> Tables:
    from qmri.risk.stage import Tables

    return Tables(options.markers, options.clinical, getattr(options, "outcomes", None))


def _config(options: argparse.Namespace) -> Config:
    """Return the settings told, else those frozen in the results folder of the markers, else the defaults."""
    from qmri.config import read_config

    if options.config is not None:
        return read_config(options.config)
    frozen = next(
        (
            path
            for folder in (options.markers, options.markers.parent)
            if (path := folder / "config.yaml").is_file()
        ),
        None,
    )
    if frozen is not None:
        log.info("settings: %s of the results folder", frozen.name)
    return read_config(frozen)
