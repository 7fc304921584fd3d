"""A small study on disk, as the stages before the report leave it."""

import numpy as np
import pytest
from small_records import outcome

from qmri.cli import main
from qmri.errors import QmriError
from qmri.images.acquisition import Acquisition
from qmri.images.nifti import Volume, write_volume
from qmri.outputs import exam_directory, file_path
from qmri.pipeline.records.decisions import EchoDecisions
from qmri.pipeline.records.stage import run_stage, run_stage_or_record
from qmri.spine.levels import LEVEL_ID

LEVELS = ("T11", "T12", "L1", "L2", "L3")
GOOD, BAD = "sub-01_ses-pre", "sub-02_ses-pre"


def block_spine():
    """Box-shaped bodies on a sagittal grid that is stored slice first, cranial first, anterior last."""
    shape, voxel = (10, 130, 60), (4.0, 1.5, 1.5)
    affine = np.array([[-voxel[0], 0, 0, 20], [0, 0, -voxel[2], 45], [0, -voxel[1], 0, 90], [0, 0, 0, 1.0]])
    labels = np.zeros(shape, np.int16)
    pdff = np.full(shape, 95.0)
    for number, level in enumerate(LEVELS):
        rows = slice(8 + 24 * number, 8 + 24 * number + 18)
        labels[1:9, rows, 20:40] = LEVEL_ID[level]
        pdff[1:9, rows, 20:40] = 20.0 if level == "L1" else 50.0
    return labels, pdff, affine


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Sheet and results of a study of two, measured; the ingest of the second one refused."""
    folder = tmp_path_factory.mktemp("study")
    sheet = folder / "study.csv"
    sheet.write_text(
        "participant_id,session_id,dicom_dir,treated_levels\n01,pre,Mueller_Hans_1950,L1\n02,pre,Secret_Name,L2\n"
    )
    results = folder / "out"
    labels, pdff, affine = block_spine()

    evaluate(results, GOOD, labels, pdff, affine)
    refuse(results, BAD)
    measure_and_report(sheet, results, (GOOD, BAD))
    return sheet, results


@pytest.fixture(scope="session")
def repeated_study(tmp_path_factory):
    """Sheet and results: 01 comes again with T12 crushed, later images of 02 are refused, 03 came once."""
    folder = tmp_path_factory.mktemp("repeated")
    sheet = folder / "study.csv"
    rows = ["01,pre,a,L1,1", "01,fu,b,,2", "02,pre,c,,1", "02,fu,d,,2", "03,pre,e,,"]
    header = "participant_id,session_id,dicom_dir,treated_levels,session_order"
    sheet.write_text("\n".join([header, *rows]) + "\n")
    results = folder / "out"
    names = [f"sub-{row[:2]}_ses-{row.split(',')[1]}" for row in rows]
    for name in names:
        labels, pdff, affine = block_spine()
        if name == "sub-01_ses-fu":
            top = np.flatnonzero((labels == LEVEL_ID["T12"]).any(axis=(0, 2)))[:6]
            gone = np.zeros(labels.shape, bool)
            gone[:, top] = labels[:, top] == LEVEL_ID["T12"]
            labels[gone], pdff[gone] = 0, 5.0
        if name == "sub-02_ses-fu":
            refuse(results, name)
        else:
            evaluate(results, name, labels, pdff, affine)
    measure_and_report(sheet, results, names)
    for participant in ("01", "02"):
        own = ["--participant", participant, "--results", str(results), "--study", str(sheet)]
        assert main(["report", *own]) == 0
    return sheet, results


def evaluate(results, exam, labels, pdff, affine):
    """Write what ingest, fit and segment leave of an examination."""

    def ingest(_):
        echoes = EchoDecisions(phase_sign={"stored_as": "conjugate", "residual": 0.01})
        return outcome("ingest", ("a <b> warning",), echoes=echoes)

    def fit(aside):
        maps = {"pdff": pdff, "r2star": np.full(pdff.shape, 120.0), "water": 100 - pdff, "fat": pdff}
        for key, data in maps.items():
            write_volume(file_path(aside, exam, key), Volume(data, affine), dtype="float32")
        return outcome("fit", acquisition=Acquisition(field_strength_t=3.0))

    def segment(aside):
        write_volume(file_path(aside, exam, "labels"), Volume(labels, affine), dtype="int16")
        return outcome("segment")

    for verb, work in (("ingest", ingest), ("fit", fit), ("segment", segment)):
        run_stage(verb, exam, exam_directory(results, exam, verb), work)


def refuse(results, exam):
    """Write what the stages leave of an examination that is refused."""

    def work(_):
        raise QmriError("the folder holds two patients", remedy="give each patient a folder")

    for verb in ("ingest", "fit", "segment"):
        run_stage_or_record(verb, exam, exam_directory(results, exam, verb), work)


def measure_and_report(sheet, results, exams):
    """Run the stages that follow as the workflow does."""
    study = ["--results", str(results), "--study", str(sheet)]
    for exam in exams:
        assert main(["measure", "--exam", exam, *study]) == 0
    assert main(["measure", "--collect", *study]) == 0
    for exam in exams:
        assert main(["report", "--exam", exam, *study]) == 0
    assert main(["report", "--study-page", *study]) == 0
