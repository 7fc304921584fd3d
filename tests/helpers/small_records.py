"""Records of stages that decided next to nothing, for tests that are about something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qmri.images.acquisition import Acquisition
from qmri.pipeline.records.decisions import (
    FitDecisions,
    IngestDecisions,
    InputManifest,
    MeasureDecisions,
    NoDecisions,
    Noise,
    Part,
    SegmentDecisions,
)
from qmri.pipeline.records.models import KINDS, Failure
from qmri.pipeline.records.record_files import write_record
from qmri.pipeline.records.stage import Outcome

NO_FILES = InputManifest(files={}, copies=0, files_used=0, sha256_of_sorted_sha256="", sha256={})
DECISIONS: dict[str, Part] = {
    "ingest": IngestDecisions(mode="echoes", acquisition=Acquisition(), inputs=NO_FILES),
    "fit": FitDecisions(
        recon_mode="fit", mode="complex", fat_model_id="ren9", noise=Noise(), acquisition=Acquisition()
    ),
    "segment": SegmentDecisions(levels_named_from="seeds", levels_verified=True),
    "measure": MeasureDecisions(levels_measured=()),
    "report": NoDecisions(),
}
SETTINGS: dict[str, dict[str, object]] = {"measure": {"erosion_mm": 3.0}}
FACTS: dict[str, Any] = {"warnings": (), "inputs": {}, "outputs": {}, "software": {"qmri": "0"}}


def decided(verb: str, **decisions: object) -> Part:
    """Return the least that a stage decides, with the decisions that are named."""
    least = DECISIONS[verb]
    return type(least).model_validate(
        {name: getattr(least, name) for name in least.model_fields_set} | decisions
    )


def outcome(verb: str, warnings: tuple[str, ...] = (), **decisions: object) -> Outcome:
    """Return the outcome of a stage, with the decisions that are named."""
    return Outcome(decided(verb, **decisions), warnings)


def write_small_record(path: Path, verb: str, exam: str, **decisions: object) -> None:
    """Write the record of a stage that succeeded."""
    record = KINDS[verb](
        **FACTS,
        stage=verb,
        examination=exam,
        status="ok",
        settings=SETTINGS.get(verb, {}),
        decisions=decided(verb, **decisions),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, record)


def write_failure(path: Path, verb: str, exam: str, *, at: str, reason: str) -> None:
    """Write the record of a stage that failed, or that had nothing to work on."""
    record = Failure(
        **FACTS,
        stage=verb,
        examination=exam,
        status="failed",
        settings={},
        decisions=NoDecisions(),
        failed_stage=at,
        reason=reason,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, record)
