"""``qmri ingest``: read a folder of DICOM into echoes and vendor maps, or list what it holds."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from qmri.cli import EXIT_OK
from qmri.commands import add_study_arguments, study_job
from qmri.errors import QmriError

DESCRIPTION = """\
Read a folder (or zip) of DICOM as a scanner or an archive exported it: complex echoes, the
scanner's own maps, or both. Every decision is written down with its evidence; what cannot be
decided is refused, with what to write into an override file.

To look first:  qmri ingest DICOM_DIR --list
On files:       qmri ingest DICOM_DIR --out DIR [--name sub-07_ses-pre] [--overrides site.yaml]
In a study:     qmri ingest --exam sub-01_ses-pre --results OUT
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    group = parser.add_argument_group("on files")
    group.add_argument(
        "source", type=Path, nargs="?", metavar="DICOM_DIR", help="folder or zip of one examination"
    )
    group.add_argument("--out", type=Path, metavar="DIR", help="folder for echoes, maps and the record")
    group.add_argument("--list", action="store_true", help="show what is there; write nothing")
    group.add_argument(
        "--name",
        default="sub-exam_ses-01",
        metavar="NAME",
        help="examination in file names (default: %(default)s)",
    )
    parser.add_argument("--overrides", type=Path, metavar="FILE", help="what the headers do not say (YAML)")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that read headers (default: one per core)"
    )
    add_study_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Ingest one folder, or one examination of a study, or list a folder."""
    if options.source is None and options.exam is not None:
        return _run_in_study(options)
    if options.source is None or not (options.list or options.out):
        raise QmriError(
            "qmri ingest does not know what to read",
            expected="DICOM_DIR with --out or --list, or --exam with --results",
        )
    from qmri.ingest.folder.scan_progress import header_progress
    from qmri.pipeline.records.stage import Outcome, run_stage
    from qmri.pipeline.stages.ingest import ingest

    quieten_pydicom()
    workers = options.workers or available_cores()
    if options.list:
        from qmri.ingest.folder.listing import list_folder

        with header_progress() as progress:
            text = list_folder(options.source, options.overrides, workers=workers, progress=progress)
        sys.stdout.write(text)
        return EXIT_OK
    from qmri.pipeline.study.study_sheet import check_exam_name

    check_exam_name(options.name)

    def work(directory: Path) -> Outcome:
        with header_progress() as progress:
            return ingest(
                options.source,
                options.name,
                directory,
                overrides=options.overrides,
                workers=workers,
                progress=progress,
            )

    run_stage("ingest", options.name, options.out, work, settings=_settings(options.overrides))
    return EXIT_OK


def _run_in_study(options: argparse.Namespace) -> int:
    from qmri.outputs import exam_directory
    from qmri.pipeline.records.stage import Outcome, run_stage_or_record
    from qmri.pipeline.stages.ingest import ingest

    quieten_pydicom()
    job = study_job(options)
    overrides = options.overrides
    if overrides is None and job.config.ingest.overrides is not None:
        overrides = Path(options.study).resolve().parent / job.config.ingest.overrides

    def work(directory: Path) -> Outcome:
        return ingest(
            job.exam.dicom_dir,
            job.exam.name,
            directory,
            overrides=overrides,
            workers=options.workers or 1,
        )

    directory = exam_directory(job.results, job.exam.name, "ingest")
    run_stage_or_record("ingest", job.exam.name, directory, work, settings=_settings(overrides))
    return EXIT_OK


def _settings(overrides: Path | None) -> dict[str, object]:
    """Return what the record says about the override file: its checksum, since its name may name a site."""
    from qmri.pipeline.records.provenance import sha256

    return {"overrides_sha256": sha256(overrides) if overrides is not None and overrides.is_file() else None}


def quieten_pydicom() -> None:
    """Keep pydicom's comments out of the log: what matters is checked, and they may quote a header."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
