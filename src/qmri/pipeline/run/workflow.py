"""What the Snakefile asks: which examinations, which settings, and what has changed at the source."""

from __future__ import annotations

import math
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from qmri.config import Config, config_beside, parse_config
from qmri.config.yaml_file import read_table
from qmri.errors import QmriError
from qmri.outputs import exam_directory
from qmri.outputs.files import participant_page
from qmri.pipeline.follow_up.outcomes import write_outcomes
from qmri.pipeline.follow_up.visits import verdicts_fingerprint
from qmri.pipeline.reading.readings import Reading, log_path, read_readings
from qmri.pipeline.reading.saved import saved_fingerprint
from qmri.pipeline.reading.worklist import write_worklist
from qmri.pipeline.records.folder_files import describe
from qmri.pipeline.records.ledger import write_ledger
from qmri.pipeline.records.provenance import sha256
from qmri.pipeline.run.batch import take_over
from qmri.pipeline.run.inputs import MEMORY, Look, fingerprint, look_at
from qmri.pipeline.run.variables import CONFIG_VARIABLE, RESULTS_VARIABLE, STUDY_VARIABLE
from qmri.pipeline.run.worker import start_worker
from qmri.pipeline.study.config_changes import changes_from
from qmri.pipeline.study.study_sheet import Examination, Study, read_study
from qmri.segment.backends.description import Description, named_descriptions

OWN_KEYS = ("study", "out", "container")


class ExamWildcards(Protocol):
    """The wildcards by which a job names its examination."""

    sub: str
    ses: str


@dataclass(frozen=True)
class Plan:
    """A study as the workflow sees it.

    Attributes
    ----------
    sheet, results
        The file of the study sheet and the results folder, absolute.
    study
        What the sheet says.
    config
        The checked configuration.
    config_file
        The settings beside the study sheet, where they are those of this run.
    """

    sheet: Path
    results: Path
    study: Study
    config: Config
    config_file: Path | None = None

    def exam(self, wildcards: ExamWildcards) -> Examination:
        """Return the examination that a job's wildcards ``sub`` and ``ses`` name."""
        return self.study.find(f"{wildcards.sub}_{wildcards.ses}")

    def settings(self, verb: str) -> dict[str, Any]:
        """Return the section of the configuration that governs a verb."""
        return dict(self.config.model_dump(mode="json")[verb])

    @cached_property
    def backends(self) -> dict[Path, Description]:
        """The programs that segment besides the package, by the file of their description."""
        return named_descriptions(self.config.segment, self.sheet.parent)

    def memory_mb(self, verb: str, wildcards: ExamWildcards) -> int:
        """Return the memory that a stage of an examination asks for, MB: by its DICOM, and by a program."""
        needed = MEMORY[verb].of(self._dicom(wildcards).megabytes)
        programs = self.backends.values() if verb == "segment" else ()
        return max([needed, *(program.memory_mb for program in programs)])

    @property
    def segment_minutes(self) -> int:
        """Time that a segment job asks for: that of the package, and the limit of each program."""
        return 2 + sum(math.ceil(program.timeout_s / 60) for program in self.backends.values())

    def source(self, wildcards: ExamWildcards) -> str:
        """Return the fingerprints of an examination's DICOM and of the site's override file."""
        overrides = self.config.ingest.overrides
        given = fingerprint(self.sheet.parent / overrides) if overrides else "-"
        return f"{self._dicom(wildcards).fingerprint} {given}"

    def _dicom(self, wildcards: ExamWildcards) -> Look:
        """Return what the DICOM of an examination looks like; a plan looks once at its hundreds of files."""
        folder = self.exam(wildcards).dicom_dir
        if folder not in self._looks:
            self._looks[folder] = look_at(folder)
        return self._looks[folder]

    @cached_property
    def _looks(self) -> dict[Path, Look]:
        return {}

    def anchors(self, wildcards: ExamWildcards) -> str:
        """Return what the sheet says of the levels in view and what a reader saved, files by fingerprint."""
        exam = self.exam(wildcards)
        files = [fingerprint(path) if path else "-" for path in (exam.seeds, exam.labels)]
        saved = saved_fingerprint(exam_directory(self.results, exam.name, "segment"), exam.name)
        backends = [sha256(path)[:16] for path in self.backends]
        return " ".join([exam.lowest_level or "-", *files, saved, *backends])

    def fractures(self, wildcards: ExamWildcards) -> str:
        """Return what the sheet says about treated and fractured levels."""
        exam = self.exam(wildcards)
        return " ".join(
            ",".join(levels) or "-" for levels in (exam.treated_levels, exam.acute_levels, exam.old_levels)
        )

    def sessions(self, wildcards: ExamWildcards) -> bool:
        """Return whether the participant has several sessions, so that the pages link to each other."""
        return self.exam(wildcards).participant_id in self.study.repeated

    def session_files(self, subject: str, verb: str, suffix: str) -> list[str]:
        """Return one file for each session of a participant, e.g. of ``sub-01``."""
        return self.exam_files(verb, suffix, self._repeated_subjects[subject])

    @property
    def participant_pages(self) -> list[str]:
        """The pages of the participants with several sessions, relative to the results folder."""
        return [participant_page(Path(), subject).as_posix() for subject in self._repeated_subjects]

    @cached_property
    def _repeated_subjects(self) -> dict[str, tuple[Examination, ...]]:
        """The examinations of each participant that has several, by ``sub-01`` and the like."""
        return {exams[0].subject: exams for exams in self.study.repeated.values()}

    def participant(self, subject: str) -> str:
        """Return the participant_id of ``sub-01`` and the like."""
        return self._repeated_subjects[subject][0].participant_id

    def verdicts(self, subject: str) -> str:
        """Return what readers said about new fractures of a participant."""
        return verdicts_fingerprint(self._readings_of[subject])

    @cached_property
    def _readings_of(self) -> dict[str, list[Reading]]:
        found: dict[str, list[Reading]] = defaultdict(list)
        for one in self.readings:
            found[one.examination.partition("_")[0]].append(one)
        return found

    @cached_property
    def readings(self) -> list[Reading]:
        """What readers decided in the results folder.

        Raises
        ------
        QmriError
            If the log was edited.
        """
        return read_readings(self.results)

    def given_orders(self, subject: str = "") -> str:
        """Return what the sheet says about the order of sessions, of ``sub-01`` and the like or of all."""
        exams = self._repeated_subjects[subject] if subject else self.study
        given = [exam for exam in exams if exam.session_order is not None]
        return " ".join(f"{exam.name}:{exam.session_order}" for exam in given)

    @cached_property
    def risk_tables(self) -> str:
        """Fingerprints of the clinical table and the outcomes, empty where the configuration names none.

        Raises
        ------
        QmriError
            If one of them is not there.
        """
        given = (self.config.risk.clinical, self.config.risk.outcomes)
        tables = [self.sheet.parent / path for path in given if path is not None]
        lacking = [path for path in tables if not path.is_file()]
        if lacking:
            raise QmriError(
                "a table that the section risk names is not there",
                where=lacking[0].name,
                expected="a CSV beside the study sheet, or a path relative to it",
                remedy="qmri risk template DIR writes both tables to fill in",
            )
        files = [path.with_suffix(suffix) for path in tables for suffix in (".csv", ".json")]
        return " ".join(fingerprint(path) for path in dict.fromkeys([*tables, *files]))

    def exam_files(self, verb: str, suffix: str, exams: Sequence[Examination] = ()) -> list[str]:
        """Return one file per examination, of all or of some, relative to the results folder."""
        names = (exam.name for exam in exams or self.study)
        return ["/".join([*name.split("_"), verb, f"{name}_{suffix}"]) for name in names]

    def publish_environment(self) -> None:
        """Put into the environment what the jobs read there, and tell on which settings they run.

        What differs from the settings of an earlier run in the results folder is reported.
        """
        os.environ[STUDY_VARIABLE] = str(self.sheet)
        os.environ[RESULTS_VARIABLE] = str(self.results)
        os.environ[CONFIG_VARIABLE] = self.config.model_dump_json()
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        if self.config_file is not None:
            sys.stderr.write(f"settings: {self.config_file.name} beside the study sheet\n")
        for line in changes_from(self.results, self.config):
            sys.stderr.write(f"{line}\n")

    def begin(self) -> None:
        """Take over the results folder and write down the configuration and what the folder is.

        Raises
        ------
        QmriError
            If another run is at work there.
        """
        take_over(self.results)
        start_worker()
        describe(self.results, self.config)
        write_ledger(self.results, self.study.names, self.sheet, finished=False)

    def finish(self) -> None:
        """Write down what the tables were made from, and what a reader should look at."""
        write_ledger(self.results, self.study.names, self.sheet, finished=True)
        write_worklist(self.results, self.study.names)
        if log_path(self.results).is_file() and (self.results / "markers" / "changes.csv").is_file():
            write_outcomes(self.results)


def require_shared_folder(storage_provider: str | None) -> None:
    """Refuse a storage provider: it would carry the tracked records and not the images beside them.

    Raises
    ------
    QmriError
        If one is named.
    """
    if storage_provider:
        raise QmriError(
            "qmri works in a results folder that all jobs share",
            found=f"the storage provider {storage_provider}",
            expected="none, and the DICOM, the sheet and the results on a volume that every node mounts",
            remedy="take a profile for shared folders: slurm, or kubernetes (docs/batch.md)",
        )


def make_plan(config: Mapping[str, Any], *, main_process: bool) -> Plan:
    """Check the study sheet and the configuration.

    Without sections, the settings are those of config.yaml beside the study sheet, if there is one.

    Parameters
    ----------
    config
        Snakemake's configuration: ``study``, ``out`` and the sections of config.yaml.
    main_process
        False in the process that runs a single job on a cluster; it has another working directory, and
        takes sheet and results from the environment that the main process published.

    Raises
    ------
    QmriError
        If the sheet or the configuration is refused.
    """
    if not main_process:
        sheet, results = Path(os.environ[STUDY_VARIABLE]), Path(os.environ[RESULTS_VARIABLE])
    elif config.get("study"):
        sheet, results = Path(config["study"]).resolve(), Path(config.get("out", "results")).resolve()
    else:
        raise QmriError(
            "no study sheet is named", remedy="qmri run STUDY.csv, or snakemake --config study=STUDY.csv"
        )
    sections = {key: value for key, value in config.items() if key not in OWN_KEYS}
    beside = None if sections else config_beside(sheet)
    checked = parse_config(read_table(beside) if beside else sections, "the configuration")
    plan = Plan(sheet, results, read_study(sheet), checked, beside)
    _ = plan.backends, plan.risk_tables, plan.readings  # refused here rather than in every job
    return plan
