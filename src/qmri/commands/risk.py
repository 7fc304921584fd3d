"""``qmri risk``: who will break another vertebra, and how far the answer can be trusted."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK, EXIT_REFUSED
from qmri.errors import QmriError
from qmri.pipeline.run.variables import STUDY_VARIABLE

if TYPE_CHECKING:
    from qmri.config import Config
    from qmri.pipeline.stages.risk import Tables

log = logging.getLogger(__name__)

DESCRIPTION = """\
Model the risk of a new fracture within a year of PVP/PKP from markers, clinical data and outcomes.

  qmri risk template DIR --study study.csv        clinical.csv and outcomes.csv to fill in
  qmri risk outcomes RESULTS --out outcomes.csv   propose outcomes from changes.csv, for a reader to confirm
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

    def action(name: str, words: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, help=words, description=f"{words.capitalize()}.", allow_abbrev=False)
        sub.add_argument(
            "--config", type=Path, metavar="FILE", help="settings, if not those frozen in the results folder"
        )
        return sub

    template = action("template", "write clinical.csv and outcomes.csv to fill in, with their dictionaries")
    template.add_argument("directory", type=Path, metavar="DIR", help="folder for the tables")
    template.add_argument(
        "--study", type=Path, metavar="SHEET", help="study sheet that names the participants"
    )
    template.add_argument("--results", type=Path, metavar="DIR", help="results folder that names them")

    outcomes = action("outcomes", "propose outcomes from the changes between sessions")
    outcomes.add_argument("results", type=Path, metavar="RESULTS", help="results folder, or its markers")
    outcomes.add_argument(
        "--out", type=Path, default=Path("outcomes.csv"), metavar="CSV", help="table to write (outcomes.csv)"
    )

    check = action("check", "check the tables, count who is in, tell what the sample affords")
    develop = action("develop", "make a model and tell how good it is")
    validate = action("validate", "try a frozen model on new patients with outcomes")
    apply = action("apply", "tell the risks of new patients by a frozen model")
    for sub in (validate, apply):
        sub.add_argument("model", type=Path, metavar="MODEL", help="risk_model.json")
    for sub in (check, develop, validate, apply):
        required = sub is not develop
        sub.add_argument(
            "markers",
            type=Path,
            nargs=None if required else "?",
            metavar="MARKERS",
            help="folder of patients.csv and vertebrae.csv",
        )
        sub.add_argument("--clinical", type=Path, required=required, metavar="CSV", help="clinical data")
        if sub is not apply:
            sub.add_argument("--outcomes", type=Path, required=required, metavar="CSV", help="outcomes")
        if sub is not check:
            sub.add_argument(
                "--out", type=Path, required=required, metavar="DIR", help="folder for the results"
            )
    group = develop.add_argument_group("in a study (what the workflow uses)")
    group.add_argument("--results", type=Path, metavar="DIR", help="results folder of the study")
    group.add_argument(
        "--study",
        type=Path,
        metavar="SHEET",
        default=os.environ.get(STUDY_VARIABLE),
        help=f"study sheet (default: the environment variable {STUDY_VARIABLE})",
    )


def run(options: argparse.Namespace) -> int:
    """Do what the sub-command says."""
    actions = {
        "template": _template,
        "outcomes": _outcomes,
        "check": _check,
        "develop": _develop,
        "validate": _validate,
        "apply": _apply,
    }
    return actions[options.action](options)


def _template(options: argparse.Namespace) -> int:
    from qmri.pipeline.stages.risk_of_study import participants_of
    from qmri.pipeline.study.study_sheet import read_study
    from qmri.risk.tables.blank_tables import write_templates

    beside = options.directory / "study.csv"
    sheet = options.study or (beside if beside.is_file() and options.results is None else None)
    if sheet is not None:
        participants = [exam.participant_id for exam in read_study(sheet)]
    else:
        participants = participants_of(options.results or options.directory)
    for path in write_templates(options.directory, participants):
        log.info("%s", path.name)
    if not participants:
        log.info("no participants: name them with --study or --results")
    return EXIT_OK


def _outcomes(options: argparse.Namespace) -> int:
    from qmri.pipeline.stages.risk_of_study import propose_outcomes

    count = propose_outcomes(options.results, options.out, _config(options, options.results).risk)
    sys.stdout.write(
        f"{options.out.name}: {count} with a candidate of a new fracture. A reader confirms each row that "
        "proposes anything (reader_confirmed 1), and the dates and the rest are filled in by hand.\n"
    )
    return EXIT_OK


def _check(options: argparse.Namespace) -> int:
    from qmri.pipeline.stages.risk import read_both
    from qmri.risk.development import sample_of
    from qmri.risk.tables.console_summary import flow_lines, sample_lines

    config = _config(options, options.markers)
    cohort, outcomes = read_both(_tables(options), config)
    sample = sample_of(cohort, outcomes, config.risk)
    lines = [*flow_lines(cohort, outcomes), "", *sample_lines(sample)]
    lines += [f"note: {note}" for note in (*cohort.notes, *outcomes.notes)]
    sys.stdout.write("\n".join(lines) + "\n")
    return EXIT_OK if sample.enough_to_fit else EXIT_REFUSED


def _develop(options: argparse.Namespace) -> int:
    from qmri.commands import study_config
    from qmri.pipeline.stages.risk import develop_files
    from qmri.pipeline.stages.risk_of_study import develop_in_study
    from qmri.pipeline.stages.risk_report import development_pages
    from qmri.risk.tables.console_summary import development_lines

    if options.results is not None:
        if options.study is None:
            raise QmriError(
                "--study is missing",
                expected="--results and --study together",
                remedy=f"name the study sheet, or set {STUDY_VARIABLE}",
            )
        pages = partial(development_pages, markers=options.results / "markers")
        develop_in_study(Path(options.study), options.results, study_config(options.results), pages)
        return EXIT_OK
    for name in ("markers", "clinical", "outcomes", "out"):
        if getattr(options, name) is None:
            raise QmriError(
                f"{'MARKERS' if name == 'markers' else f'--{name}'} is missing",
                expected="qmri risk develop MARKERS --clinical CSV --outcomes CSV --out DIR",
            )
    pages = partial(development_pages, markers=options.markers)
    found = develop_files(_tables(options), options.out, _config(options, options.markers), pages)
    sys.stdout.write("\n".join([*development_lines(found), _page(options)]) + "\n")
    return EXIT_OK


def _validate(options: argparse.Namespace) -> int:
    from qmri.pipeline.stages.risk import validate_files
    from qmri.pipeline.stages.risk_report import validation_pages
    from qmri.risk.tables.console_summary import validation_lines

    config = _config(options, options.markers)
    pages = partial(validation_pages, markers=options.markers)
    found = validate_files(options.model, _tables(options), options.out, config, pages)
    sys.stdout.write("\n".join([*validation_lines(found), _page(options)]) + "\n")
    return EXIT_OK


def _apply(options: argparse.Namespace) -> int:
    from qmri.pipeline.stages.risk import apply_files
    from qmri.pipeline.stages.risk_report import applied_pages
    from qmri.risk.tables.console_summary import applied_lines

    config = _config(options, options.markers)
    pages = partial(applied_pages, markers=options.markers)
    cohort, risks = apply_files(options.model, _tables(options), options.out, config, pages)
    sys.stdout.write("\n".join([*applied_lines(cohort, risks), _page(options)]) + "\n")
    return EXIT_OK


def _page(options: argparse.Namespace) -> str:
    from qmri.pipeline.stages.risk import REPORT

    return f"Look at {options.out / REPORT}"


def _tables(options: argparse.Namespace) -> Tables:
    from qmri.pipeline.stages.risk import Tables

    return Tables(options.markers, options.clinical, getattr(options, "outcomes", None))


def _config(options: argparse.Namespace, folder: Path) -> Config:
    """Return the settings given, else those frozen in the results folder, else the defaults."""
    from qmri.config import read_config

    if options.config is not None:
        return read_config(options.config)
    places = (place / "config.yaml" for place in (folder, folder.resolve().parent))
    frozen = next((path for path in places if path.is_file()), None)
    if frozen is not None:
        log.info("settings: %s of the results folder", frozen.name)
    return read_config(frozen)
