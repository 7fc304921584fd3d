"""Examinations that no pipeline can use: each must become a row with a reason, and stop nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydicom.dataset import Dataset

from qmri.simulate.dicom.ge_dicom import write_files
from qmri.simulate.dicom.identities import invent_registration
from qmri.simulate.study.simulated_examination import images, simulate_examination
from qmri.simulate.study.study_plan import ExamPlan

Corruption = Literal["truncated", "other_sequence", "two_patients"]
CORRUPTIONS: tuple[Corruption, ...] = ("truncated", "other_sequence", "two_patients")
KEPT_SHARE = 0.6


def write_corrupted(directory: Path, plan: ExamPlan, kind: Corruption) -> None:
    """Write an examination that is corrupted in one of three ways.

    ``truncated``: every file ends early, as after a broken transfer. ``other_sequence``: a
    T2-weighted spin echo stands where IDEAL-IQ should. ``two_patients``: a second patient's images
    lie in the same folder.
    """
    datasets: Iterable[Dataset] = images(simulate_examination(plan))
    if kind == "other_sequence":
        datasets = _as_spin_echo(images(simulate_examination(replace(plan, form="sources"))))
    write_files(directory, datasets, plan.form, plan.rng("files"))
    if kind == "truncated":
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                path.write_bytes(content[: int(KEPT_SHARE * len(content))])
    if kind == "two_patients":
        stranger = invent_registration(plan.number + 500, plan.age, plan.rng("hazard"))
        other = replace(plan, number=plan.number + 500, registration=stranger)
        datasets = images(simulate_examination(other))
        write_files(directory / "MORE", datasets, plan.form, other.rng("files"))


def _as_spin_echo(datasets: Iterable[Dataset]) -> Iterator[Dataset]:
    """Yield the magnitude of the first echo under the headers of a T2-weighted fast spin echo."""
    for dataset in datasets:
        if dataset.EchoNumbers != 1 or dataset[0x0043, 0x102F].value != 0:
            continue
        dataset.SeriesDescription = dataset.ProtocolName = "Sag T2 FSE"
        dataset.ScanningSequence = "SE"
        dataset.SequenceVariant = "SK"
        dataset.ScanOptions = ["FAST_GEMS", "EDR_GEMS"]
        dataset.MRAcquisitionType = "2D"
        dataset.EchoTime, dataset.RepetitionTime, dataset.FlipAngle = "102.4", "3100", "142"
        dataset.EchoTrainLength = 19
        acquisition = dataset.private_block(0x0019, "GEMS_ACQU_01")
        acquisition[0x7E].value = 1
        acquisition[0x9C].value = acquisition[0x9E].value = "FSE-XL"
        yield dataset
