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

    def ingest(_):
        echoes = EchoDecisions(phase_sign={"stored_as": "conjugate", "residual": 0.01})
        return outcome("ingest", ("a <b> warning",), echoes=echoes)

    def fit(aside):
        maps = {"pdff": pdff, "r2star": np.full(pdff.shape, 120.0), "water": 100 - pdff, "fat": pdff}
        for key, data in maps.items():
            write_volume(file_path(aside, GOOD, key), Volume(data, affine), dtype="float32")
        return outcome("fit", acquisition=Acquisition(field_strength_t=3.0))

    def segment(aside):
        write_volume(file_path(aside, GOOD, "labels"), Volume(labels, affine), dtype="int16")
        return outcome("segment")

    def refuse(_):
        raise QmriError("the folder holds two patients", remedy="give each patient a folder")

    for verb, work in (("ingest", ingest), ("fit", fit), ("segment", segment)):
        run_stage(verb, GOOD, exam_directory(results, GOOD, verb), work)
        run_stage_or_record(verb, BAD, exam_directory(results, BAD, verb), refuse)
    for exam in (GOOD, BAD):
        assert main(["measure", "--exam", exam, "--results", str(results), "--study", str(sheet)]) == 0
    assert main(["measure", "--collect", "--results", str(results), "--study", str(sheet)]) == 0
    for exam in (GOOD, BAD):
        assert main(["report", "--exam", exam, "--results", str(results), "--study", str(sheet)]) == 0
    assert main(["report", "--study-page", "--results", str(results), "--study", str(sheet)]) == 0
    return sheet, results
