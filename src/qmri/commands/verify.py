"""``qmri verify``: whether the files of a results folder, and the data, still belong together."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from qmri.cli import EXIT_OK, EXIT_REFUSED

if TYPE_CHECKING:
    from qmri.pipeline.records.models import Ledger
    from qmri.pipeline.records.record_files import Records
    from qmri.pipeline.study.study_sheet import Examination

DESCRIPTION = """\
Recompute the checksums of a results folder and say what no longer belongs together: files that
were changed or lost after they were made, and results made from others than those beside them.

    qmri verify results                     the results among themselves
    qmri verify results --study study.csv   and the data that they were made from

Exit status: 0 all belong together, 1 something does not.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.description = DESCRIPTION
    parser.add_argument("results", type=Path, metavar="OUT", help="results folder of a study")
    parser.add_argument(
        "--study", type=Path, metavar="SHEET", help="check the inputs named in this sheet, too"
    )


def run(options: argparse.Namespace) -> int:
    """Verify a results folder."""
    from qmri.pipeline.records.ledger import read_ledger
    from qmri.pipeline.records.record_files import Records, read_records
    from qmri.pipeline.study.study_sheet import read_study
    from qmri.words import counted

    ledger = read_ledger(options.results)
    problems: list[str] = []
    n_files = 0
    records = {exam: read_records(options.results, exam) for exam in ledger.examinations}
    for exam, stages in records.items():
        n_files += sum(len(record.outputs) for record in stages.by_verb.values())
        problems += check_examination(options.results, exam, stages)
    problems += check_study(options.results, ledger, records)
    if options.study:
        for examination in read_study(options.study):
            problems += check_inputs(examination, records.get(examination.name, Records({})))
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    checked = f"{counted(n_files, 'file')} of {counted(len(records), 'examination')} checked"
    sys.stdout.write(f"{checked}, {counted(len(problems), 'problem')}\n")
    return EXIT_REFUSED if problems else EXIT_OK


def check_examination(results: Path, exam: str, records: Records) -> Iterator[str]:
    """Yield what is wrong with the files of an examination and with the descent of its stages."""
    from qmri.outputs import exam_directory
    from qmri.outputs.files import VERBS, record_path
    from qmri.pipeline.records.provenance import sha256

    for verb, record in records.by_verb.items():
        for name, digest in record.outputs.items():
            path = exam_directory(results, exam, verb) / name
            if not path.is_file():
                yield f"{verb}/{name} is missing; qmri run makes it again"
            elif sha256(path) != digest:
                yield f"{verb}/{name} was changed after {verb} made it"
        for name, digest in record.inputs.items():
            earlier = name.removeprefix(f"{exam}_").removesuffix(".json")
            if earlier not in VERBS:
                continue
            path = record_path(results, exam, earlier)
            if not path.is_file():
                yield f"{exam}: {verb} was made from a result of {earlier} that is gone"
            elif sha256(path) != digest:
                yield f"{exam}: {verb} was made from another result of {earlier}; qmri run makes it anew"


def check_study(results: Path, ledger: Ledger, records: dict[str, Records]) -> Iterator[str]:
    """Yield what is wrong with the tables and pages of the study."""
    from qmri.outputs.files import record_path
    from qmri.pipeline.records.provenance import sha256

    if not any(name.endswith("patients.csv") for name in ledger.outputs):
        yield "the tables have not been made; qmri run goes on where it stopped"
    for name, digest in ledger.outputs.items():
        path = results / name
        if not path.is_file():
            yield f"{name} is missing; qmri run makes it again"
        elif sha256(path) != digest:
            yield f"{name} was changed after it was made"
    for exam, stages in records.items():
        for verb in stages.by_verb:
            path = record_path(results, exam, verb)
            if ledger.outputs and ledger.records.get(path.name) != sha256(path):
                yield f"the tables were made before {verb} of {exam}; qmri run makes them anew"
    versions = {record.software["qmri"] for stages in records.values() for record in stages.by_verb.values()}
    if len(versions) > 1:
        yield f"the stages were made by different versions of qmri: {', '.join(sorted(versions))}"


def check_inputs(exam: Examination, records: Records) -> Iterator[str]:
    """Yield what is wrong with the data of an examination."""
    from qmri.errors import QmriError
    from qmri.ingest.folder.sources import open_sources
    from qmri.pipeline.records.models import IngestRecord, SegmentRecord
    from qmri.pipeline.records.provenance import sha256

    ingested, segmented = records.of(IngestRecord), records.of(SegmentRecord)
    if ingested is not None:
        used = set(ingested.decisions.inputs.sha256.values())
        try:
            with open_sources(exam.dicom_dir) as sources:
                found = {sha256(path) for path in sources}
        except QmriError as error:
            yield f"{exam.name}: {error.problem}"
        else:
            if lost := len(used - found):
                yield f"{exam.name}: {lost} of {len(used)} DICOM files that were used are gone or changed"
    for kind, digest in segmented.anchors.items() if segmented is not None else ():
        path = getattr(exam, kind)
        if path is None or not path.is_file() or sha256(path) != digest:
            yield f"{exam.name}: its {kind} are gone or changed since segment read them"
