"""Records on disk: checked when they are written and when they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from qmri.config.messages import EXPECTED
from qmri.errors import QmriError
from qmri.json_files import write_json
from qmri.outputs.files import VERBS, record_path
from qmri.pipeline.records.decisions import Part
from qmri.pipeline.records.models import KINDS, Failure, Record, Success

AnyPart = TypeVar("AnyPart", bound=Part)
Kind = TypeVar("Kind", bound=Success)

REMEDY = "take the file away and run the study again: the stage is done anew"
MOST_SHOWN = 60


class UpstreamFailedError(QmriError):
    """A stage has nothing to work on because an earlier one failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason, remedy=failure.remedy)
        self.failed_stage = failure.failed_stage

    @property
    def reason(self) -> str:
        """The earlier stage's reason, unchanged."""
        return self.problem


class _Head(Part):
    """What tells which model a record has."""

    stage: str
    status: str


class _Written(Part):
    """What a record says of the files of its stage."""

    outputs: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Records:
    """The records that an examination has, by verb, in the order of the stages."""

    by_verb: Mapping[str, Record]

    @property
    def failure(self) -> Failure | None:
        """The first failure."""
        return next((record for record in self.by_verb.values() if isinstance(record, Failure)), None)

    @property
    def software(self) -> Mapping[str, str]:
        """The versions that the first stage recorded; empty where none has run."""
        return next((record.software for record in self.by_verb.values() if record.software), {})

    def of(self, kind: type[Kind]) -> Kind | None:
        """Return the record of a stage that succeeded, None where it failed or has not run."""
        record = self.by_verb.get(kind.verb)
        return record if isinstance(record, kind) else None


def write_record(path: Path, record: Part) -> None:
    """Write a record as JSON; fields of which nothing was said are left out."""
    write_json(path, record.to_json())


def read_record(path: Path) -> Record:
    """Return the record in a file: that of its stage, or of its failure.

    Raises
    ------
    QmriError
        If it is missing, cut short, or not what the stage writes.
    """
    text = read_text(path)
    head = parsed(_Head, text, path.name, others="ignore")
    if head.status == "failed":
        return parsed(Failure, text, path.name)
    if head.stage not in KINDS:
        raise _refusal(path.name, f"stage is {head.stage}", " or ".join(KINDS))
    return parsed(KINDS[head.stage], text, path.name)


def written_files(path: Path) -> dict[str, str]:
    """Return the checksums of what a stage wrote by file name; nothing else of the record is looked at.

    Raises
    ------
    QmriError
        If the record is missing or cut short.
    """
    return parsed(_Written, read_text(path), path.name, others="ignore").outputs


def require_record(path: Path, kind: type[Kind]) -> Kind:
    """Return the record of a stage that succeeded.

    Raises
    ------
    UpstreamFailedError
        If the stage failed; the error carries its reason.
    QmriError
        If the record cannot be read, or is that of another stage.
    """
    record = read_record(path)
    require_ok(record)
    if not isinstance(record, kind):
        raise _refusal(path.name, f"stage is {record.stage}", kind.verb)
    return record


def require_ok(record: Record) -> None:
    """Check that a stage succeeded.

    Raises
    ------
    UpstreamFailedError
        If it did not; the error carries its reason.
    """
    if isinstance(record, Failure):
        raise UpstreamFailedError(record)


def read_records(results: Path, exam: str, verbs: Sequence[str] = VERBS) -> Records:
    """Return the records that an examination has, of all stages or of some."""
    paths = {verb: record_path(results, exam, verb) for verb in verbs}
    return Records({verb: read_record(path) for verb, path in paths.items() if path.is_file()})


def read_text(path: Path) -> str:
    """Return the text of a record.

    Raises
    ------
    QmriError
        If the file is missing or no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise QmriError("a record is missing", where=path.name) from None
    except UnicodeDecodeError as error:
        raise _refusal(path.name, str(error), "text in UTF-8") from None


def parsed(
    model: type[AnyPart], text: str, name: str, others: Literal["allow", "ignore"] = "allow"
) -> AnyPart:
    """Return what a text says in the terms of a model; ``others`` are fields that the model lacks.

    Raises
    ------
    QmriError
        If a field is missing or has the wrong type; it names the field, what was found and what is expected.
    """
    try:
        return model.model_validate_json(text, strict=True, extra=others)
    except ValidationError as error:
        first = error.errors()[0]
    key, kind, message = ".".join(map(str, first["loc"])), str(first["type"]), str(first["msg"])
    if kind == "json_invalid":
        raise _refusal(name, message, "a whole JSON object, as the stage wrote it")
    if kind == "missing":
        raise _refusal(name, f"no {key}", f"{key}, which the stage writes")
    shown = json.dumps(first["input"], ensure_ascii=False)
    shown = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."
    expected = EXPECTED.get(kind, message.removeprefix("Input should be "))
    raise _refusal(name, f"{key or 'the whole'} is {shown}", expected)


def read_part(model: type[AnyPart], content: object, name: str) -> AnyPart:
    """Return JSON values that stand in the file ``name`` in the terms of a model; raises as `parsed` does."""
    return parsed(model, json.dumps(content), name)


def _refusal(name: str, found: str, expected: str) -> QmriError:
    return QmriError(
        "a record is not what the stage writes; it was edited or cut short",
        where=name,
        found=found,
        expected=expected,
        remedy=REMEDY,
    )
