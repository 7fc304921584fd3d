"""The record of each stage: what it decided, on which evidence. The only contract between stages.

Records are written and read through these models alone. A field that a model does not have is an error of
the program when a record is written; when one is read it is passed over, since another version of qmri may
have written it. A field that has been there from the first version, and that code reads, is required.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qmri.pipeline.records.decisions import (
    SHEET_LABELS,
    FitDecisions,
    IngestDecisions,
    MeasureDecisions,
    MeasureSettingsUsed,
    NoDecisions,
    Part,
    SegmentDecisions,
    Settings,
)


class Record(Part):
    """What every record says.

    Attributes
    ----------
    stage, examination
        The verb, and the examination's name ``sub-<participant>_ses-<session>``.
    status
        ``ok`` or ``failed``.
    warnings
        Sentences for the reader of the report.
    settings
        What governed the stage.
    decisions
        What was decided, with the evidence.
    inputs, outputs
        SHA-256 of the records that the stage read and of the files that it wrote, by file name.
    software
        Versions of qmri, Python and the packages that numbers depend on.
    """

    stage: str
    examination: str
    status: str
    warnings: tuple[str, ...]
    settings: Settings
    decisions: Part
    inputs: dict[str, str]
    outputs: dict[str, str]
    software: dict[str, str]


class Failure(Record):
    """The record of a stage that failed, or that had nothing to work on because an earlier one did.

    Attributes
    ----------
    failed_stage
        The stage at which the examination failed.
    reason, remedy
        Why, and what to do.
    """

    status: Literal["failed"]
    decisions: NoDecisions
    failed_stage: str
    reason: str
    remedy: str | None = None


class Success(Record):
    """The record of a stage that succeeded."""

    verb: ClassVar[str]
    status: Literal["ok"]


class IngestRecord(Success):
    """The record of ingest."""

    verb = "ingest"
    decisions: IngestDecisions


class FitRecord(Success):
    """The record of fit."""

    verb = "fit"
    decisions: FitDecisions


class SegmentRecord(Success):
    """The record of segment."""

    verb = "segment"
    decisions: SegmentDecisions

    @property
    def anchors(self) -> dict[str, str]:
        """SHA-256 of the files of the study sheet that it rests on, by ``seeds`` and ``labels``."""
        seeds, reader = self.decisions.seeds_sha256, self.decisions.reader
        labels = reader.sha256 if reader is not None and reader.file == SHEET_LABELS else None
        return {kind: digest for kind, digest in (("seeds", seeds), ("labels", labels)) if digest}

    @property
    def name_doubts(self) -> tuple[str, ...] | None:
        """Why the names of the levels are not verified; None where they are."""
        return None if self.decisions.levels_verified else self.decisions.naming_doubts


class MeasureRecord(Success):
    """The record of measure."""

    verb = "measure"
    settings: MeasureSettingsUsed
    decisions: MeasureDecisions


class ReportRecord(Success):
    """The record of report."""

    verb = "report"
    decisions: NoDecisions


class RiskRecord(Part):
    """What became of the risk model of a study."""

    stage: Literal["risk"]
    status: Literal["ok", "refused"]
    reason: str | None = None
    remedy: str | None = None
    settings: Settings
    software: dict[str, str]


class Ledger(Part):
    """What the tables of a study were made from and how; checksums and times are those of the last ones.

    ``readings`` has the last decision of a reader on each examination, from the log of all of them.
    """

    examinations: tuple[str, ...]
    command: str
    software: dict[str, str]
    study_sheet_sha256: str
    outputs: dict[str, str] = Field(default_factory=dict)
    records: dict[str, str] = Field(default_factory=dict)
    run_time: dict[str, dict[str, int | float]] = Field(default_factory=dict)
    reader_sheet_sha256: str | None = None
    readings: dict[str, dict[str, str]] = Field(default_factory=dict)


KINDS: dict[str, type[Success]] = {
    kind.verb: kind for kind in (IngestRecord, FitRecord, SegmentRecord, MeasureRecord, ReportRecord)
}
"""The record of each verb."""
