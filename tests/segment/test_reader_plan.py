"""What the workflow watches: a correction and a back end's description count, times do not."""

from types import SimpleNamespace

import numpy as np
import pytest

from qmri.errors import QmriError
from qmri.images.nifti import Volume, write_volume
from qmri.outputs import exam_directory
from qmri.pipeline.run.inputs import MEMORY
from qmri.pipeline.run.workflow import make_plan

HERE = SimpleNamespace(sub="sub-01", ses="ses-pre")
NAME = "sub-01_ses-pre"


@pytest.fixture
def plan_of(tmp_path, monkeypatch):
    for variable in ("QMRI_STUDY", "QMRI_RESULTS", "QMRI_CONFIG", "PATH"):
        monkeypatch.setenv(variable, "/usr/bin")
    (tmp_path / "study.csv").write_text("participant_id,session_id,dicom_dir\n01,pre,dicom\n")

    def make(**segment):
        told = {"study": tmp_path / "study.csv", "out": tmp_path / "results", "segment": segment}
        return make_plan(told, main_process=True)

    return make


def test_a_correction_changes_what_is_watched_and_its_time_does_not(plan_of):
    plan = plan_of()
    before = plan.anchors(HERE)
    folder = exam_directory(plan.results, NAME, "segment")
    folder.mkdir(parents=True)
    path = folder / f"{NAME}_desc-manual_dseg.nii.gz"
    labels = np.zeros((4, 4, 4), np.int16)
    write_volume(path, Volume(labels, np.eye(4)), dtype=np.int16)
    corrected = plan.anchors(HERE)
    assert corrected != before
    path.touch()
    assert plan.anchors(HERE) == corrected
    write_volume(path, Volume(labels + 22, np.eye(4)), dtype=np.int16)
    assert plan.anchors(HERE) not in (before, corrected)
    path.unlink()
    assert plan.anchors(HERE) == before


def test_a_program_asks_for_its_memory_and_its_time(plan_of):
    plain, with_program = plan_of(), plan_of(backend="spineps", compare_with="embedded")
    assert (plain.memory_mb("segment", HERE), plain.segment_minutes) == (MEMORY["segment"].base, 2)
    assert (with_program.memory_mb("segment", HERE), with_program.segment_minutes) == (12000, 32)
    assert with_program.memory_mb("fit", HERE) == MEMORY["fit"].base
    assert plain.anchors(HERE) != with_program.anchors(HERE)


def test_an_unknown_program_is_refused_before_anything_runs(plan_of):
    with pytest.raises(QmriError, match="no such back end"):
        plan_of(backend="spinepz")
